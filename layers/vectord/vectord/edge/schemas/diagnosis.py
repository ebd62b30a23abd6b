"""Say why a JSON text was refused, and what to send instead. Only a refused request pays for this."""

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from vectord.readers.repeated import repeated_outermost

_ESCAPE: Final = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_MAX_ESCAPES: Final = 1_000_000  # that are searched for half a surrogate pair
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16 and UTF-32, whose zero bytes tell them apart from UTF-8
_BOM: Final = b"\xef\xbb\xbf"
_REPLACED: Final = "\ufffd".encode() * 2  # what API Gateway makes of a mark of UTF-16 in a text body
_TYPES: Final = {"{": "an object", "[": "an array", '"': "a text", "t": "true", "f": "false", "n": "null"}


class _NotANumberError(Exception):
    """A literal that Python reads and JSON does not have."""


def malformed_reason(data: bytes, error: Exception) -> str:
    """Return why `data` is not JSON (RFC 8259), as a predicate: "is empty. ...".

    `error` is the exception of the decoder, which says less about the cause.
    """
    if not data.strip():
        return "is empty. Send a JSON object."
    if reason := _encoding_reason(data, error):
        return reason
    if isinstance(error, RecursionError):
        return "is nested too deeply. Metadata may have 100 levels, and a filter 32."
    if half := _half_pair(data):
        return (
            f"has half of a surrogate pair at byte {half[0]:,}: {half[1]}. "
            "Write both halves, or the character itself in UTF-8."
        )
    return _syntax_reason(data.decode(), error)


def _encoding_reason(data: bytes, error: Exception) -> str | None:
    if data.startswith(_BOM):
        return "begins with a byte order mark (BOM). Send UTF-8 without it."
    if _is_wide(data):
        return "is UTF-16 or UTF-32. Send UTF-8."
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8: byte {error.start:,} (0x{data[error.start]:02x}) is not valid there. Send UTF-8."
    return None


def _is_wide(data: bytes) -> bool:
    zeros = b"\0" in data[:8]
    return data.startswith(_WIDE_MARKS) or (zeros and (b"\0" in data[:4] or data.startswith(_REPLACED)))


def _half_pair(data: bytes) -> tuple[int, str] | None:
    r"""Return position and text of the first \ud800 to \udfff that is not one of a pair."""
    high: re.Match[bytes] | None = None
    for found in islice(_ESCAPE.finditer(data), _MAX_ESCAPES):
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
        if found.pos >= len(text.rstrip()):
            return f"ends before the JSON is complete, after {len(text.encode()):,} bytes. Was it cut?"
        start = text.lstrip()[0]
        hint = "" if start in '{["' else f" It begins with {start!r}; a JSON object begins with '{{'."
        return f"is not JSON from line {found.lineno:,}, column {found.colno:,} on: {error}.{hint}"
    except RecursionError:
        return "is nested too deeply. Metadata may have 100 levels, and a filter 32."
    return f"is not JSON: {error}."


def _refuse_constant(name: str) -> None:
    raise _NotANumberError(name)


def shape_reason(body: bytes, kind: type[msgspec.Struct], error: msgspec.ValidationError) -> str:
    """Return why `body`, which is JSON, is not a `kind`: the field, what it must be, and what it is."""
    try:
        members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return f"The body must be a JSON object, not {_type_name(body)}. {_fields(kind)}"
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    if unknown := members.keys() - fields.keys():
        return f"The body has an unknown field {_shortened(min(unknown))!r}. {_fields(kind)}"
    if missing := [name for name, field in fields.items() if field.required and name not in members]:
        return f"The body must have the field {missing[0]!r}."
    for name, text in members.items():
        if wrong := _wrong_value(name, bytes(text), fields[name].type):
            return wrong
    return f"The body is not valid: {error}."


def repeated_field(body: bytes, kind: type[msgspec.Struct]) -> str | None:
    """Return a field that a JSON object, the body of a `kind`, has more than once; None if there is none."""
    if any(body.count(b'"%b"' % name.encode()) > 1 for name in kind.__struct_fields__):
        return repeated_outermost(body)
    return None


def _wrong_value(name: str, text: bytes, kind: Any) -> str | None:
    """Return what is wrong with the value of a field or of an item of it; None if it is a `kind`."""
    from msgspec import inspect  # noqa: PLC0415  takes 3 ms, and only an invalid body needs it

    info = inspect.type_info(kind)
    try:
        msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        return f"{name} must be {_described(inspect, info)}: {error}."
    return None


def _described(inspect: Any, info: Any, *, several: bool = False) -> str:
    match info:
        case inspect.Metadata():
            return _described(inspect, info.type, several=several)
        case inspect.UnionType():
            kinds = [one for one in info.types if not isinstance(one, inspect.NoneType)]
            return " or ".join(_described(inspect, one, several=several) for one in kinds)
        case inspect.ListType():
            return f"{'arrays' if several else 'an array'} of {_described(inspect, info.item_type, several=True)}"
        case inspect.LiteralType():
            return " or ".join(map(repr, info.values))
        case _:
            return _NAMES.get(type(info).__name__, ("JSON", "JSON values"))[several]


_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "IntType": ("an integer", "integers"),
    "FloatType": ("a number", "numbers"),
    "StrType": ("a text", "texts"),
    "BoolType": ("true or false", "booleans"),
}


def _type_name(text: bytes) -> str:
    return _TYPES.get(text.lstrip()[:1].decode(), "a number")


def _fields(kind: type[msgspec.Struct]) -> str:
    return f"Its fields are: {', '.join(kind.__struct_fields__)}."


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}..."
