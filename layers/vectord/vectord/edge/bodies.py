"""The JSON bodies of requests: strict types, decoded and validated in one pass by msgspec."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, BatchInvalid, MalformedJson, RequestInvalid
from vectord.service import Entry, NewVector

MAX_NESTING: Final = 100  # of metadata; an envelope holds it a few levels deeper, and readers recurse

_NULL: Final = msgspec.Raw(b"null")


class CreateBody(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    dimension: int
    distance: str | None = None
    m: int | None = None
    ef_search: int | None = None


class VectorBody(msgspec.Struct, forbid_unknown_fields=True):
    """One vector of a batch; `vector` is numbers, or base64 of little-endian float32."""

    id: str
    vector: list[float] | str
    metadata: msgspec.Raw = _NULL


class AddBody(msgspec.Struct, forbid_unknown_fields=True):
    vectors: list[msgspec.Raw]


class DeleteBody(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[msgspec.Raw]


class SearchBody(msgspec.Struct, forbid_unknown_fields=True):
    vector: list[float] | str
    k: int = 10
    ef_search: int | None = None
    include: list[Literal["metadata", "vector"]] = msgspec.field(default_factory=lambda: ["metadata"])


class _AnyId(msgspec.Struct):
    id: Any = None


def decode[T](body: bytes, kind: type[T]) -> T:
    """Return `body` as a `kind`.

    Raises:
        MalformedJson: it is not JSON (RFC 8259: UTF-8, no NaN, no Infinity).
        RequestInvalid: it is JSON of another shape.
    """
    try:
        body.decode()
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        _check_json(body)  # a wrong type may stand before broken text
        raise RequestInvalid(f"The body is not valid: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def _check_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        return  # a number out of range: JSON all the same
    except (msgspec.DecodeError, RecursionError) as error:
        raise _malformed(error) from error


def _malformed(error: Exception) -> MalformedJson:
    if isinstance(error, RecursionError):
        return MalformedJson("The body is nested too deeply to be read.")
    return MalformedJson(f"The body is not JSON in UTF-8 (which has no NaN and no Infinity): {error}.")


def entries(vectors: Sequence[msgspec.Raw]) -> list[Entry]:
    """Return each vector of a batch, or what is wrong with it.

    Raises:
        RequestInvalid: the batch is empty.
    """
    if not vectors:
        raise RequestInvalid("The batch is empty: 'vectors' needs at least one vector.")
    return [_entry(position, raw) for position, raw in enumerate(vectors)]


def ids(items: Sequence[msgspec.Raw]) -> list[str]:
    """Return the ids of a batch.

    Raises:
        RequestInvalid: the batch is empty.
        BatchInvalid: some of them are not text.
    """
    if not items:
        raise RequestInvalid("The batch is empty: 'ids' needs at least one id.")
    good: list[str] = []
    bad: list[BadItem] = []
    for position, raw in enumerate(items):
        try:
            good.append(msgspec.json.decode(raw, type=str))
        except msgspec.ValidationError as error:
            bad.append(BadItem(position, None, str(error)))
    if bad:
        raise BatchInvalid(bad)
    return good


def components(vector: list[float] | str) -> npt.NDArray[np.float32] | npt.NDArray[np.float64]:
    """Return numbers as float64, or base64 of little-endian float32 as float32.

    Raises:
        RequestInvalid: the text is not base64, or not a whole number of float32.
    """
    if isinstance(vector, list):
        return np.array(vector, np.float64)
    try:
        packed = base64.b64decode(vector, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestInvalid("vector is text but not base64 (of little-endian float32)") from error
    if len(packed) % 4:
        raise RequestInvalid(f"vector has {len(packed):,} bytes in base64, which is no whole number of float32")
    return np.frombuffer(packed, "<f4")


def _entry(position: int, raw: msgspec.Raw) -> Entry:
    try:
        body = msgspec.json.decode(raw, type=VectorBody)
        return NewVector(body.id, components(body.vector), _metadata(body.metadata))
    except (msgspec.ValidationError, RequestInvalid) as error:
        return BadItem(position, _id(raw), str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        return BadItem(position, _id(raw), f"cannot be read ({error})")


def _metadata(raw: msgspec.Raw) -> msgspec.Raw | None:
    # Decoded once, so that nothing is stored that a reader of the blob or of an answer would choke on.
    value = msgspec.json.decode(raw)
    if value is None:
        return None
    if _nested_deeper(value, MAX_NESTING):
        raise RequestInvalid(f"metadata is nested deeper than {MAX_NESTING} levels")
    return raw.copy()  # a view would keep the whole body in memory


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


def _id(raw: msgspec.Raw) -> str | None:
    try:
        found = msgspec.json.decode(raw, type=_AnyId).id
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
