"""Read numpy's files: `.npz` with `ids`, `vectors` and optional `metadata`; `.npy` with a matrix or named fields.

Only plain dtypes are read, never pickles. The size in a header is compared with the size of the data before memory is
allocated.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import METADATA_ERRORS, ROW_BYTES, Entry, NewVector, metadata_of_text
from vectord.readers.malformed import metadata_reason
from vectord.readers.npy_header import parse_header
from vectord.readers.zip_members import read_members

Array = npt.NDArray[Any]

_FIELDS: Final = ("id", "vector", "metadata")
_MEMBERS: Final = ("ids.npy", "vectors.npy", "metadata.npy")


def entries_of_npz(data: bytes, limit: int) -> Iterator[Entry]:
    """Yield the rows of an archive of arrays `ids` (text or integers), `vectors` (rows, dimension), `metadata` (JSON).

    Raises:
        FileRefused: the archive is damaged, lacks an array, has another one, or decodes to more than `limit` bytes.
    """
    members = read_members(data, _MEMBERS, limit)
    arrays = {name: _read_array(member, (), limit, f"{name}: ") for name, member in members.items()}
    ids, vectors, metadata = (arrays.get(name) for name in _MEMBERS)
    if ids is None or vectors is None:
        raise FileRefused("an .npz file needs the arrays 'ids' and 'vectors'")
    return _entries(ids, vectors, metadata)


def entries_of_npy(data: bytes, limit: int) -> Iterator[Entry]:
    """Yield the rows of a matrix (rows, dimension), with row numbers as ids, or of the fields `id` and `vector`.

    Raises:
        FileRefused: the file is damaged, lacks a field, has another one, or has more than `limit` bytes.
    """
    if len(data) > limit:
        raise FileRefused(f"it has more than {limit:,} bytes, which this function cannot hold; split it")
    array = _read_array(data, _FIELDS, limit, "")
    names = array.dtype.names
    if names is None:
        return _entries(np.arange(len(array)) if array.ndim else np.array([], int), array, None)
    if not {"id", "vector"} <= set(names):
        raise FileRefused("an .npy file with fields needs 'id' and 'vector'")
    return _entries(array["id"], array["vector"], array["metadata"] if "metadata" in names else None)


def _read_array(data: bytes, fields: Sequence[str], limit: int, name: str) -> Array:
    """Return the one array in `data`, as a view; `name` begins the message of an error."""
    try:
        header = parse_header(data, fields)
    except FileRefused as error:
        raise FileRefused(f"{name}{error}") from error
    size = header.dtype.itemsize * math.prod(header.shape)
    if size > len(data) - header.start:
        raise FileRefused(f"{name}it is truncated: its header describes {size:,} bytes")
    if size < len(data) - header.start:
        raise FileRefused(f"{name}it has {len(data) - header.start - size:,} bytes after its array")
    # numpy bounds the product of the lengths also where one of them is 0 and the array has no bytes.
    bound = math.prod(max(length, 1) for length in header.shape) * max(header.dtype.itemsize, 1)
    if bound > limit or (header.shape and header.shape[0] * ROW_BYTES > limit):
        raise FileRefused(f"{name}it has more rows or components than this function can hold; split it")
    return np.ndarray(header.shape, header.dtype, data, header.start, order="F" if header.fortran else "C")


def _entries(ids: Array, vectors: Array, metadata: Array | None) -> Iterator[Entry]:
    if ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors):
        raise FileRefused(f"ids of shape {ids.shape} and vectors of shape {vectors.shape} are not rows of vectors")
    if ids.dtype.kind not in "UiuS":
        raise FileRefused(f"ids have the type {ids.dtype}; they must be text or integers")
    if vectors.dtype.kind not in "fiu":
        raise FileRefused(f"vectors have the type {vectors.dtype}; they must be numbers")
    if metadata is not None and (metadata.shape != ids.shape or metadata.dtype.kind not in "US"):
        raise FileRefused(
            f"metadata of type {metadata.dtype} and shape {metadata.shape} must be one JSON text for each id"
        )
    vector_ids = _texts(ids)
    texts = None if metadata is None else _texts(metadata)
    return (
        _entry(row, vector_id, vectors[row], "" if texts is None else texts[row])
        for row, vector_id in enumerate(vector_ids)
    )


def _entry(row: int, vector_id: str | None, vector: Array, metadata: str | None) -> Entry:
    if vector_id is None:
        return BadItem(row, None, "id is not Unicode text (bytes must be UTF-8)")
    if metadata is None:
        return BadItem(row, vector_id, "metadata is not Unicode text (bytes must be UTF-8)")
    wide = vector if vector.dtype in (np.float32, np.float64) else vector.astype(np.float64)
    try:
        return NewVector(vector_id, wide, metadata_of_text(metadata), row)
    except METADATA_ERRORS as error:
        return BadItem(row, vector_id, metadata_reason(metadata.encode(), error))


def _texts(array: Array) -> list[str | None]:
    """Return each value as text without loss; None if it is not Unicode.

    numpy pads text with NUL characters, and does not know those that were at the end of a value.
    """
    if array.dtype.kind in "iu":
        return [str(value) for value in array.tolist()]
    if array.dtype.kind == "S":
        return [_text_of_utf8(value) for value in array.tolist()]
    texts = np.ascontiguousarray(array)
    character = np.dtype("u4").newbyteorder(array.dtype.byteorder)
    codes = texts.view(character).reshape(len(texts), array.dtype.itemsize // character.itemsize)
    # numpy stores any 32 bits as a character, also halves of surrogate pairs.
    bad = (((codes >= 0xD800) & (codes <= 0xDFFF)) | (codes > 0x10FFFF)).any(axis=1)
    if bad.any():
        texts = np.where(bad, np.array("", texts.dtype), texts)
    return [None if is_bad else text for is_bad, text in zip(bad.tolist(), texts.tolist(), strict=True)]


def _text_of_utf8(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
