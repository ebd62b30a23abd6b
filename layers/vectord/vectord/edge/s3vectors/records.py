"""The vectors of PutVectors as entries of a batch, and the errors of those that are not valid."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vectord.edge.s3vectors.faults import FieldError, RecordsInvalid
from vectord.edge.s3vectors.vector_shapes import PutInputVector, VectorData
from vectord.errors import BadItem, BatchInvalid, RequestInvalid
from vectord.lhv1 import params
from vectord.lhv1.params import MAX_DIMENSION
from vectord.readers.entry import METADATA_ERRORS, Components, Entry, NewVector, checked_metadata, parse_numbers
from vectord.readers.malformed import metadata_reason

NO_METADATA: Final = msgspec.Raw(b"{}")  # replaces stored metadata, which an entry without metadata would keep
# S3 Vectors' own limits, although filterable metadata may have as much. Bytes are those of keys and values in UTF-8.
MAX_METADATA: Final = 40 << 10
MAX_METADATA_KEYS: Final = 50

_ABSENT: Final = (b"", b"null")
_LONG: Final = 128 << 10  # bytes; the components of a shorter text need little memory
# Bytes of JSON text for one byte of a key or value, at most: JSON may write one character as \u000a. With a margin for
# quotes, separators and brackets.
_JSON_SHARE: Final = 8


class _BadRecord(BadItem, frozen=True):
    """A vector that cannot be stored, and its member that is not valid: key, data or metadata."""

    member: str


def entries(vectors: Sequence[PutInputVector]) -> list[Entry]:
    """Return the vectors of a request as entries; those that cannot be decoded are bad items."""
    return [_entry(position, vector) for position, vector in enumerate(vectors)]


def components(data: VectorData) -> Components:
    """Return the components of a vector in a request.

    Raises:
        RequestInvalid: it is not an array of numbers, or has more of them than any vector.
    """
    text = bytes(data.float32)
    if text in _ABSENT:
        raise RequestInvalid("vector must have data in 'float32'")
    if len(text) > _LONG and text.count(b",") >= MAX_DIMENSION:
        raise RequestInvalid(f"vector must have at most {MAX_DIMENSION} components")
    try:
        return parse_numbers(text)
    except msgspec.DecodeError as error:
        raise RequestInvalid(f"vector must be an array of finite numbers: {error}") from error


def length_reason(length: int, dimension: int) -> str | None:
    """Return why a vector of `length` components does not fit an index, in the words of AWS; None if it fits."""
    return None if length == dimension else f"vector must have length {dimension}, but has length {length}"


def records_invalid(error: BatchInvalid, batch: Sequence[Entry], dimension: int) -> RecordsInvalid:
    """Return the error of S3 Vectors for a batch that an index of this dimension refused."""
    fields = [_field_error(item, batch[item.position], dimension) for item in error.items]
    return RecordsInvalid(error.items[0].id or "", fields)


def _field_error(item: BadItem, entry: Entry, dimension: int) -> FieldError:
    member, reason = "data", item.reason
    if isinstance(entry, _BadRecord):
        member = entry.member
    elif isinstance(entry, NewVector):
        if key_reason := params.invalid_id_reason(entry.id):
            member, reason = "key", f"key{key_reason.removeprefix('id')}"
        else:
            reason = length_reason(len(entry.vector), dimension) or reason
    return FieldError(f"vectors[{item.position}].{member}", reason)


def _entry(position: int, vector: PutInputVector) -> Entry:
    member = "data"
    try:
        decoded = components(vector.data)
        member = "metadata"
        return NewVector(vector.key, decoded, _metadata(vector.metadata))
    except RequestInvalid as error:
        return _BadRecord(position, vector.key, str(error), member)


def _metadata(raw: msgspec.Raw) -> msgspec.Raw:
    """Return the metadata of a vector; `{}` if it is absent or null.

    Raises:
        RequestInvalid: it is not a JSON object, cannot be stored, or is too large.
    """
    try:
        metadata = checked_metadata(raw) if raw else None
    except METADATA_ERRORS as error:
        raise RequestInvalid(metadata_reason(bytes(raw), error)) from error
    if metadata is None:
        return NO_METADATA
    if not bytes(metadata).startswith(b"{"):
        raise RequestInvalid("metadata must be an object")
    if (size := _size(bytes(metadata))) > MAX_METADATA:
        raise RequestInvalid(f"metadata must have at most {MAX_METADATA >> 10} KB, but has {size:,} bytes")
    if (keys := len(msgspec.json.decode(metadata, type=dict[str, msgspec.Raw]))) > MAX_METADATA_KEYS:
        raise RequestInvalid(f"metadata must have at most {MAX_METADATA_KEYS} keys, but has {keys}")
    return metadata


def _size(metadata: bytes) -> int:
    """Return the bytes that count against the limit; for text that is certainly within or beyond it, its length.

    SDKs write a character as up to 6 bytes for each byte of UTF-8, and this must not decide what can be stored.
    """
    if not MAX_METADATA < len(metadata) <= _JSON_SHARE * MAX_METADATA:
        return len(metadata)
    return _size_of(msgspec.json.decode(metadata))


def _size_of(value: Any) -> int:
    """Return the bytes of a JSON value without quotes, escapes, separators and brackets."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return sum(map(_size_of, value))
    if isinstance(value, dict):
        return sum(_size_of(key) + _size_of(member) for key, member in value.items())
    return len(msgspec.json.encode(value))
