"""Say why a text is not JSON: in a body, in a line of a file, or in metadata. Only a refused text pays for this."""

import json
import re
from itertools import islice
from typing import Final

import msgspec

from vectord.errors import RequestInvalid

_ESCAPE: Final = rb"(?s)\\(?:u([0-9A-Fa-f]{4})|.)"  # re compiles it at its first use
# What follows the position of an error in a text that was cut: nothing, or the start of a text or of a literal. An
# error inside an escape is at its "u".
_CUT: Final = r'(?s)|"(?:[^"\\]++|\\.)*+\\?|(?<=\\)u[0-9A-Fa-f]{0,3}|t(?:ru?)?|f(?:a|al|als)?|n(?:ul?)?'
_MAX_DIAGNOSED: Final = 32 << 20  # bytes; Python's values of a larger text could fill the memory
_MAX_ESCAPES: Final = 1_000_000  # that are searched for half a surrogate pair
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16 and UTF-32, whose zero bytes tell them apart from UTF-8
BOM: Final = b"\xef\xbb\xbf"
_REPLACED: Final = "\ufffd".encode() * 2  # what API Gateway makes of a mark of UTF-16 in a text body


class _NotANumberError(Exception):
    """A literal that Python reads and JSON does not have."""


def malformed_reason(data: bytes, error: Exception) -> str:
    """Return why `data` is not JSON (RFC 8259), as a predicate: "is empty. ...".

    `error` is the exception of the decoder, which says less about the cause.
    """
    if not data.strip():
        return "is empty. Send a JSON object."
    if len(data) > _MAX_DIAGNOSED:
        return f"is not JSON in UTF-8: {error}."
    if reason := _encoding_reason(data):
        return reason
    if isinstance(error, RecursionError):
        return "is nested too deeply. Metadata may have 100 levels, and a filter 32."
    if half := _half_pair(data):
        return (
            f"has half of a surrogate pair at byte {half[0]:,}: {half[1]}. "
            "Write both halves, or the character itself in UTF-8."
        )
    return _syntax_reason(data.decode(), error)


def metadata_reason(data: bytes, error: Exception) -> str:
    """Return why the JSON text of metadata is refused, as a sentence that names the path of a number as NaN."""
    if isinstance(error, RequestInvalid):
        return str(error)
    if isinstance(error, msgspec.ValidationError):
        return f"metadata is not valid: {error}"
    if (path := _path_of_literal(data)) is not None:
        return f"metadata{path}, which JSON does not have: every number must be finite"
    return f"metadata {malformed_reason(data, error)}"


def _path_of_literal(data: bytes) -> str | None:
    """Return path and value of the first NaN or infinite number, as in `.scores[1] is NaN`; None if there is none."""
    if len(data) > _MAX_DIAGNOSED:
        return None
    try:
        value = json.loads(data.decode(), parse_constant=_Literal, parse_int=str, parse_float=str)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        return None
    pending: list[tuple[str, object]] = [("", value)]
    while pending:
        path, one = pending.pop()
        if isinstance(one, _Literal):
            return f"{path} is {one}"
        if isinstance(one, dict):
            pending.extend((f"{path}.{key}", inner) for key, inner in reversed(one.items()))
        elif isinstance(one, list):
            pending.extend((f"{path}[{at}]", inner) for at, inner in reversed(list(enumerate(one))))
    return None


class _Literal(str):
    """A number that Python writes and reads, and JSON does not have: NaN, Infinity or -Infinity."""

    __slots__ = ()


def _encoding_reason(data: bytes) -> str | None:
    if data.startswith(BOM):
        return "begins with a byte order mark (BOM). Send UTF-8 without it."
    if is_wide(data):
        return "is UTF-16 or UTF-32. Send UTF-8."
    try:
        data.decode()
    except UnicodeDecodeError as wrong:
        return f"is not UTF-8: byte {wrong.start:,} (0x{data[wrong.start]:02x}) is not valid there. Send UTF-8."
    return None


def is_wide(data: bytes) -> bool:
    zeros = b"\0" in data[:8]
    return data.startswith(_WIDE_MARKS) or (zeros and (b"\0" in data[:4] or data.startswith(_REPLACED)))


def _half_pair(data: bytes) -> tuple[int, str] | None:
    r"""Return position and text of the first \ud800 to \udfff that is not one of a pair."""
    high: re.Match[bytes] | None = None
    for found in islice(re.finditer(_ESCAPE, data), _MAX_ESCAPES):
        code = int(found[1], 16) if found[1] else 0
        is_low = 0xDC00 <= code < 0xE000
        if high and not (is_low and found.start() == high.end()):
            break
        if is_low and not high:
            return found.start(), found[0].decode()
        high = found if 0xD800 <= code < 0xDC00 else None
    return (high.start(), high[0].decode()) if high else None


def _syntax_reason(text: str, error: Exception) -> str:
    try:
        json.loads(text, parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except _NotANumberError as literal:
        return f"has {literal}, which JSON does not have: every number must be finite."
    except json.JSONDecodeError as found:
        if re.compile(_CUT).fullmatch(text.rstrip(), found.pos):
            return f"ends before the JSON is complete, after {len(text.encode()):,} bytes. Was it cut?"
        start = text.lstrip()[0]
        hint = "" if start in '{["' else f" It begins with {start!r}; a JSON object begins with '{{'."
        return f"is not JSON from line {found.lineno:,}, column {found.colno:,} on: {error}.{hint}"
    except RecursionError:
        return "is nested too deeply. Metadata may have 100 levels, and a filter 32."
    return f"is not JSON: {error}."


def _refuse_constant(name: str) -> None:
    raise _NotANumberError(name)
