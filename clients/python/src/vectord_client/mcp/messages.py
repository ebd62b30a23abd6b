"""Errors of the client as messages that a language model can act on: in terms of the tools and their arguments."""

import re
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
# Members of the API's bodies, and the arguments of the tools that are sent as them. Other names are the same.
_ARGUMENTS: Final[Mapping[str, str]] = {"text.query": "text"}
_MEMBERS: Final = re.compile(rf"(?<![\w'.])({'|'.join(map(re.escape, _ARGUMENTS))})(?![\w'.])")  # but quoted ones


def failure_message(error: VectordError, arguments: Mapping[str, Any]) -> str:
    """Return what is wrong and what to do, for an error of the client; `arguments` are those of the tool."""
    detail = _of_class(_DETAILS, error)
    parts = [detail(arguments.get("index")) if detail else _sentence(_detail(error))]
    parts += [_bad_item(item) for item in error.errors[:_SHOWN]]
    if (hidden := len(error.errors) + error.errors_omitted - _SHOWN) > 0:
        parts.append(f"And {hidden:,} more.")
    if advice := _of_class(_ADVICE, error):
        parts.append(advice)
    return " ".join([*parts, *error.circumstances])


def _detail(error: VectordError) -> str:
    """Return what an error says, where the members of a request have the names of the tools' arguments."""
    text = error.detail or error.title
    if not isinstance(error, errors.RequestInvalid):
        return text
    return _MEMBERS.sub(lambda found: _ARGUMENTS[found[0]], text)


def _of_class(table: Mapping[type[VectordError], Any], error: VectordError) -> Any:
    """Return the value of the first class that an error belongs to; None without one."""
    return next((value for kind, value in table.items() if isinstance(error, kind)), None)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _bad_item(item: errors.BadItem) -> str:
    which = "" if item.id is None else f", id {item.id!r}"
    return f"vectors[{item.position}]{which}: {item.reason}."
