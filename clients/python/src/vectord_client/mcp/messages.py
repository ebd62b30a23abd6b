"""Errors of the client as messages that a language model can act on: in terms of the tools and their arguments."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from vectord_client import errors, gateway_errors
from vectord_client.errors import VectordError
from vectord_client.rows.block import InvalidRows

_SHOWN: Final = 3  # vectors that a message lists
_WAIT: Final = "Wait some seconds, then repeat the call."
_DOCTOR: Final = "Ask the user to run `vectord doctor`, which says what fails."

# The first class that an error belongs to decides. This advice replaces the one that an error has for programs.
_ADVICE: Final[Mapping[type[VectordError], str]] = {
    errors.IndexNotFound: "list_indexes shows the names of those that exist.",
    errors.NoEmbedder: (
        "Use the mode words if the index has text_fields, vectors of numbers, or the id of a stored vector; or ask the "
        "user to start `vectord mcp` with --model NAME, the model that made the vectors of the index."
    ),
    errors.EmbedderMismatch: "Ask the user to start `vectord mcp` with --model NAME, the model of the index.",
    errors.BatchInvalid: "Correct them and add all of them again.",
    InvalidRows: "Correct them and add all of them again.",
    errors.AnswerTooLarge: "Ask for fewer ids or a smaller k, or leave include_vector out.",
    errors.OutcomeUnknown: "Repeat the same call.",
    errors.PartlyApplied: "Repeat the same call: it is safe to add or delete a vector twice.",
    errors.Unavailable: _WAIT,
    errors.AccessDenied: _DOCTOR,
    errors.CredentialsMissing: _DOCTOR,
    errors.TransportError: _DOCTOR,
    errors.RouteNotFound: _DOCTOR,
    errors.MethodNotAllowed: _DOCTOR,
    gateway_errors.GatewayError: _DOCTOR,
}
# In place of details that speak of the HTTP API or of Python; the name is that of the index.
_DETAILS: Final[Mapping[type[VectordError], Callable[[str], str]]] = {
    errors.IndexNotFound: "The index {!r} does not exist.".format,
    errors.NoEmbedder: "The server has no embedding model for texts of the index {!r}.".format,
    errors.BatchInvalid: "Some of the vectors are not valid, and none was added:".format,
    InvalidRows: "Some of the vectors are not valid, and none was added:".format,
    errors.AnswerTooLarge: "The answer would be larger than an answer may be.".format,
}
_MODES_OF_WORDS: Final = ("words", "hybrid")
_WORDS: Final = "What the API names text.query is the argument text."  # other members have the arguments' names


def failure_message(error: VectordError, arguments: Mapping[str, Any]) -> str:
    """Return what is wrong and what to do, for an error of the client; `arguments` are those of the tool."""
    detail = _of_class(_DETAILS, error)
    parts = [detail(arguments.get("index")) if detail else _sentence(error.detail or error.title)]
    parts += [_bad_item(item) for item in error.errors[:_SHOWN]]
    if (hidden := len(error.errors) + error.errors_omitted - _SHOWN) > 0:
        parts.append(f"And {hidden:,} more.")
    if advice := _of_class(_ADVICE, error):
        parts.append(advice)
    if isinstance(error, errors.RequestInvalid) and arguments.get("mode") in _MODES_OF_WORDS:
        parts.append(_WORDS)
    return " ".join([*parts, *error.circumstances])


def _of_class(table: Mapping[type[VectordError], Any], error: VectordError) -> Any:
    """Return the value of the first class that an error belongs to; None without one."""
    return next((value for kind, value in table.items() if isinstance(error, kind)), None)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _bad_item(item: errors.BadItem) -> str:
    which = "" if item.id is None else f", id {item.id!r}"
    return f"vectors[{item.position}]{which}: {item.reason}."
