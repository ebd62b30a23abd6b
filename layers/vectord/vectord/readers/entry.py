"""An entry: one vector of a batch as it was decoded, or the reason why it could not be decoded."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, FileRefused, RequestInvalid
from vectord.readers.malformed import malformed_reason
from vectord.readers.repeated import repeated_outermost

NO_METADATA: Final = msgspec.Raw(b"null")

Components = npt.NDArray[np.float32] | npt.NDArray[np.float64]

MAX_METADATA: Final = 6 << 20  # bytes of JSON; as Python values they take up to 30 times as much

MAX_NESTING: Final = 100  # levels of metadata; the envelope adds a few, and JSON readers recurse once per level

ROW_BYTES: Final = 512
"""Memory that a row of a file costs beside its content: its objects, and its places in the tables of the index."""

_ROW_SHARE: Final = 32  # JSON as Python's values has up to 30 times the size of its text, as in [[],[],[]]
LEAST_ROW: Final = 1 << 20  # bytes

METADATA_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError, RequestInvalid)
"""The exceptions that `metadata_of_text` raises."""

_ESCAPED: Final = rb"\u003"  # begins an escaped colon, which an id may have


class NewVector(msgspec.Struct, frozen=True):
    """A decoded vector: components (dimension,) as float32 or float64, metadata as JSON text, None if absent.

    `position` is the number of its line or row in a file, from 0; None if it is the same as in the batch.
    `sparse` is JSON text, as it was sent: the sparse vectors that are not in the metadata yet.
    """

    id: str
    vector: Components
    metadata: msgspec.Raw | None = None
    position: int | None = None
    sparse: msgspec.Raw | None = None


Entry = NewVector | BadItem

VectorEncoding = Literal["array", "base64"]
"""How a vector is written as JSON: an array of numbers, or base64 of little-endian float32."""

type NumberParser = Callable[[bytes], npt.NDArray[np.float64]]


class VectorJson(msgspec.Struct, forbid_unknown_fields=True):
    """A vector in JSON. `vector` is an array of numbers, or base64 of little-endian float32.

    `vector` stays JSON text, because each reader chooses the parser for its numbers; and `sparse`, because the index
    says what its names are.
    """

    id: str
    vector: msgspec.Raw
    metadata: msgspec.Raw = NO_METADATA
    sparse: msgspec.Raw = NO_METADATA


class _AnyId(msgspec.Struct):
    id: Any = None


VECTOR_JSON: Final = msgspec.json.Decoder(VectorJson)
_TEXT: Final = rb'(?s)"(?:[^"\\]++|\\.)*+"'  # re compiles it at its first use
_BRACKETS: Final = b"[]"
_BRACES: Final = b"{}"
_NUMBERS: Final = msgspec.json.Decoder(list[float])


def parse_numbers(text: bytes) -> npt.NDArray[np.float64]:
    """Return a JSON array of numbers as float64.

    Raises:
        msgspec.ValidationError: it is other JSON, or a number is out of range.
    """
    values = _NUMBERS.decode(text)
    return np.fromiter(values, np.float64, len(values))


def entry_of_json(position: int, text: msgspec.Raw | bytes, parse: NumberParser = parse_numbers) -> Entry:
    """Decode a JSON object `{"id", "vector", "metadata"?, "sparse"?}`; errors become a `BadItem` at `position`."""
    try:
        body = VECTOR_JSON.decode(text)
        vector, metadata = _components_of_json(body.vector, parse), _metadata_of_item(body.metadata)
        repeated = _repeated_key(bytes(text), body)
    except msgspec.ValidationError as error:
        return BadItem(position, _id(text), f"{error}. An item is an object with id, vector and perhaps metadata")
    except RequestInvalid as error:
        return BadItem(position, _id(text), str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BadItem(position, _id(text), malformed_reason(bytes(text), error))
    if repeated is not None:
        return BadItem(position, body.id, f"has the key {repeated!r} more than once")
    if body.sparse is NO_METADATA:
        return NewVector(body.id, vector, metadata, position)
    sparse = None if body.sparse == NO_METADATA else body.sparse.copy()  # a view would keep the whole request body
    return NewVector(body.id, vector, metadata, position, sparse)


def may_repeat(text: bytes, vector_id: str, *members: msgspec.Raw | None) -> bool:
    """Return False if the JSON object `text` certainly has id, vector and the `members` that are not None once each.

    It counts colons, as `readers.repeated` explains.
    """
    inner = sum(1 + bytes(member).count(b":") for member in members if member is not None)
    return text.count(b":") != 2 + vector_id.count(":") + inner or _ESCAPED in text


def _repeated_key(text: bytes, body: VectorJson) -> str | None:
    """Return a key that `text`, from which `body` was decoded, has more than once.

    Raises:
        UnicodeDecodeError: an earlier value of the key, which msgspec skipped, is not UTF-8.
    """
    given = [None if member is NO_METADATA else member for member in (body.metadata, body.sparse)]
    return repeated_outermost(text) if may_repeat(text, body.id, *given) else None


def decode_base64(text: str | bytes) -> npt.NDArray[np.float32]:
    """Decode base64 of little-endian float32.

    Raises:
        RequestInvalid: the text is not base64, or not a whole number of float32.
    """
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestInvalid("vector is a text but not base64 (of little-endian float32)") from error
    if len(packed) % 4:
        raise RequestInvalid(f"vector has {len(packed):,} bytes in base64, which is not a multiple of 4 (float32)")
    return np.frombuffer(packed, "<f4")


def encode_base64(vector: npt.NDArray[np.float32]) -> bytes:
    """Encode components as base64 of little-endian float32, which `decode_base64` decodes."""
    return base64.b64encode(vector.astype("<f4", copy=False).tobytes())


def _components_of_json(text: msgspec.Raw, parse: NumberParser) -> Components:
    value = bytes(text)
    try:
        return decode_base64(msgspec.json.decode(value, type=str)) if value.startswith(b'"') else parse(value)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"vector must be an array of numbers or base64 text: {error}") from error


def _metadata_of_item(text: msgspec.Raw) -> msgspec.Raw | None:
    try:
        return checked_metadata(text)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"metadata is not valid: {error}") from error


def _id(text: msgspec.Raw | bytes) -> str | None:
    try:
        vector_id = msgspec.json.decode(text, type=_AnyId).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return vector_id if isinstance(vector_id, str) else None


def checked_metadata(text: msgspec.Raw) -> msgspec.Raw | None:
    """Check metadata and return a copy of its JSON text, or None for null.

    Raises:
        RequestInvalid: it is nested too deeply, or longer than MAX_METADATA.
        msgspec.DecodeError: it is not JSON, or a number in it is out of range.
    """
    if len(text) > MAX_METADATA:
        raise RequestInvalid(f"metadata has {len(text):,} bytes, and at most {MAX_METADATA >> 20} MB can be stored")
    # Decode the text now, so that no later reader of the blob or of an answer fails on it.
    value = msgspec.json.decode(text)
    if value is None:
        return None
    if _is_nested_deeper(bytes(text), MAX_NESTING):
        raise RequestInvalid(f"metadata is nested deeper than {MAX_NESTING} levels")
    return text.copy()  # a view would keep the whole request body in memory


def metadata_of_text(text: str | bytes | None) -> msgspec.Raw | None:
    """Check metadata given as JSON text; None and empty text mean that there is no metadata.

    Raises:
        METADATA_ERRORS: the text is not valid metadata.
    """
    if not text:
        return None
    return checked_metadata(msgspec.Raw(text.encode() if isinstance(text, str) else text))


def _is_nested_deeper(text: bytes, levels: int) -> bool:
    """Return True if JSON text has a value inside more than `levels` - 1 arrays and objects."""
    if text.count(b"[") + text.count(b"{") < levels:
        return False
    # Without texts and spaces; an array that contains only a text is not empty.
    marks = np.frombuffer(re.sub(_TEXT, b"0", text).translate(None, b" \t\r\n"), np.uint8)
    opens, closes = (marks == _BRACKETS[0]) | (marks == _BRACES[0]), (marks == _BRACKETS[1]) | (marks == _BRACES[1])
    depth = np.cumsum(opens.view(np.int8) - closes.view(np.int8), dtype=np.int32)
    fills = opens[:-1] & ~closes[1:] & (depth[:-1] == levels)
    return bool(fills.any() or (depth > levels).any())


def check_rows(rows: int, limit: int) -> None:
    """Raise FileRefused if a file of this limit in bytes may not have so many rows, even if they are empty."""
    if rows * ROW_BYTES > limit:
        raise FileRefused(f"it has {rows:,} rows or more; this function can hold {limit // ROW_BYTES:,}; split it")


def row_limit(limit: int) -> int:
    """Return the most bytes of text that one row of a file may have, if the file may have `limit` bytes."""
    return max(limit // _ROW_SHARE, LEAST_ROW)
