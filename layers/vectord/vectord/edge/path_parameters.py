"""Refuse a path whose parameters may differ from those that the client wrote.

An HTTP API decodes the path of a request before it makes the event. AWS documents neither how often nor what happens
to special characters then. Captured events (https://github.com/hotsock/voker/pull/8) show a path that was decoded twice
and cut at a decoded `?`. So a function cannot decode a path reliably. It refuses a request whose event has the path in
different forms, and ids that a gateway or a client could change. Decision 82 has the model.
"""

import re
from collections.abc import Sequence
from typing import Final

from vectord.errors import RequestInvalid

# Without characters that end or escape a path or that may be lost. U+FFFD may stand for bytes that are not UTF-8.
_IN_SEGMENTS: Final = r"^/%?#\u0000-\u001f\u007f\ufffd"
# Neither empty nor `.` nor `..`: clients and gateways remove such segments.
_SEGMENT: Final = rf"(?:[{_IN_SEGMENTS}.]|\.[{_IN_SEGMENTS}.]|\.\.[{_IN_SEGMENTS}])[{_IN_SEGMENTS}]*"
ID_PATTERN: Final = rf"^{_SEGMENT}(?:/{_SEGMENT})*$"
# A stage, or a path mapping of a domain. re compiles both patterns at their first use, because a search needs neither.
_PREFIX: Final = r"(?a:(?:/(?!indexes(?:/|\Z))[\w.~$-]+)*)"
_RULE: Final = (
    "In a path an id has no '%', '?', '#', '//', control character or U+FFFD, no '/' at its start or end, and no "
    "segment '.' or '..'."
)
_IN_A_BODY: Final = "Send the id in a body: POST /indexes/{name}/vectors/get or POST /indexes/{name}/vectors/delete."


def check(paths: Sequence[str], written: str, vector_id: str | None, stage: str | None) -> None:
    """Check the parameters of a path. `paths` are its forms in the event, `written` is the route with the parameters.

    Raises:
        RequestInvalid: the id cannot be sent in a path, or a form of the path differs from `written`.
    """
    if vector_id is not None and not re.fullmatch(ID_PATTERN, vector_id):
        raise RequestInvalid(f"The id {vector_id!r} cannot be sent in a path. {_RULE} {_IN_A_BODY}")
    for path in paths:
        if not is_same(path, written, stage):
            advice = "An index name has only A-Z a-z 0-9 . _ -." if vector_id is None else f"{_RULE} {_IN_A_BODY}"
            raise RequestInvalid(
                f"The path is {path!r}, but its parameters mean {written!r}: it was cut or decoded on the way. {advice}"
            )


def is_same(path: str, written: str, stage: str | None) -> bool:
    """Return True if a path is `written`, perhaps after a stage or the path mapping of a domain."""
    prefix = path.removesuffix(written)
    return path.endswith(written) and (prefix in {"", f"/{stage}"} or re.fullmatch(_PREFIX, prefix) is not None)
