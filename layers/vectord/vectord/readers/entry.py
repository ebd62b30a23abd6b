"""One vector as a caller wrote it, from JSON or from columns; or what is wrong with it."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, RequestInvalid

MAX_NESTING: Final = 100  # of metadata; an envelope holds it a few levels deeper, and readers recurse

NO_METADATA: Final = msgspec.Raw(b"null")

Components = npt.NDArray[np.float32] | npt.NDArray[np.float64]


class NewVector(msgspec.Struct, frozen=True):
    """A vector as it came: components (dimension,) in whatever width, metadata as JSON text, None if absent."""

    id: str
    vector: Components
    metadata: msgspec.Raw | None = None


Entry = NewVector | BadItem


Numbers = Callable[[bytes], npt.NDArray[np.float64]]


class VectorJson(msgspec.Struct, forbid_unknown_fields=True):
    """`vector` is numbers, or base64 of little-endian float32; kept as text, for a reader of many to choose how."""

    id: str
    vector: msgspec.Raw
    metadata: msgspec.Raw = NO_METADATA


class _AnyId(msgspec.Struct):
    id: Any = None


VECTOR_JSON: Final = msgspec.json.Decoder(VectorJson)
_NUMBERS: Final = msgspec.json.Decoder(list[float])


def numbers(text: bytes) -> npt.NDArray[np.float64]:
    """Return a JSON array of numbers as float64.

    Raises:
        msgspec.ValidationError: it is JSON of another shape, or a number is out of range.
    """
    values = _NUMBERS.decode(text)
    return np.fromiter(values, np.float64, len(values))


def entry_of_json(position: int, text: msgspec.Raw | bytes, numbers: Numbers = numbers) -> Entry:
    """Return the vector in a JSON object `{"id", "vector", "metadata"?}`, or what is wrong with it."""
    try:
        body = VECTOR_JSON.decode(text)
        return NewVector(body.id, _components_of_json(body.vector, numbers), checked_metadata(body.metadata))
    except (msgspec.ValidationError, RequestInvalid) as error:
        return BadItem(position, _id(text), str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BadItem(position, _id(text), f"is not JSON in UTF-8 ({error})")


def components(vector: list[float] | str) -> Components:
    """Return numbers as float64, or base64 of little-endian float32 as float32.

    Raises:
        RequestInvalid: the text is not base64, or not a whole number of float32.
    """
    return unpacked(vector) if isinstance(vector, str) else np.fromiter(vector, np.float64, len(vector))


def _components_of_json(text: msgspec.Raw, numbers: Numbers) -> Components:
    packed = bytes(text)
    try:
        return unpacked(msgspec.json.decode(packed, type=str)) if packed.startswith(b'"') else numbers(packed)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"vector must be an array of numbers or base64 text: {error}") from error


def unpacked(text: str | bytes) -> npt.NDArray[np.float32]:
    """Return base64 of little-endian float32 as float32; raises what `components` does."""
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestInvalid("vector is text but not base64 (of little-endian float32)") from error
    if len(packed) % 4:
        raise RequestInvalid(f"vector has {len(packed):,} bytes in base64, which is no whole number of float32")
    return np.frombuffer(packed, "<f4")


def checked_metadata(text: msgspec.Raw) -> msgspec.Raw | None:
    """Return metadata as JSON text, None for null.

    Raises:
        RequestInvalid: it is nested too deeply.
        msgspec.DecodeError: it is not JSON, or a number in it is out of range.
    """
    # Decoded once, so that nothing is stored that a reader of the blob or of an answer would choke on.
    value = msgspec.json.decode(text)
    if value is None:
        return None
    if _nested_deeper(value, MAX_NESTING):
        raise RequestInvalid(f"metadata is nested deeper than {MAX_NESTING} levels")
    return text.copy()  # a view would keep the whole body in memory


def _nested_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer for inner in _inside(outer)]
        if not layer:
            return False
    return True


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _id(text: msgspec.Raw | bytes) -> str | None:
    try:
        found = msgspec.json.decode(text, type=_AnyId).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
