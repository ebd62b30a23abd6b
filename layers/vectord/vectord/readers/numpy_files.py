"""Read numpy's files: `.npz` with `ids`, `vectors` and optional `metadata`; `.npy` with a matrix or named fields.

Only plain dtypes are read, never pickles. The size in a header is compared with the size of the data before memory is
allocated.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem, FileRefused
from vectord.lhv1.params import wrong_length_reason
from vectord.readers.entry import METADATA_ERRORS, Entry, NewVector, check_rows, metadata_of_text, row_limit
from vectord.readers.malformed import metadata_reason
from vectord.readers.npy_header import parse_header
from vectord.readers.zip_members import read_members

Array = npt.NDArray[Any]

_BLOCK: Final = 128  # rows whose texts are decoded at a time
_WIDEST: Final = 8  # bytes of a component, decoded
_FIELDS: Final = ("id", "vector", "metadata")
_MEMBERS: Final = ("ids.npy", "vectors.npy", "metadata.npy")


class _Columns(NamedTuple):
    """Ids (rows,), vectors (rows, dimension) and perhaps metadata (rows,)."""

    ids: Array
    vectors: Array
    metadata: Array | None


def entries_of_npz(data: bytes, limit: int, dimension: int | None = None) -> Iterator[Entry]:
    """Yield the rows of an archive of arrays `ids` (text or integers), `vectors` (rows, dimension), `metadata` (JSON).

    Raises:
        FileRefused: the archive is damaged, lacks an array, has another one, or decodes to more than `limit` bytes.
    """
    members = read_members(data, _MEMBERS, limit)
    arrays = {name: _read_array(member, (), limit, f"{name}: ") for name, member in members.items()}
    ids, vectors, metadata = (arrays.get(name) for name in _MEMBERS)
    if ids is None or vectors is None:
        raise FileRefused("an .npz file needs the arrays 'ids' and 'vectors'")
    return _entries(_Columns(ids, vectors, metadata), limit, dimension)


def entries_of_npy(data: bytes, limit: int, dimension: int | None = None) -> Iterator[Entry]:
    """Yield the rows of a matrix (rows, dimension), with row numbers as ids, or of the fields `id` and `vector`.

    Raises:
        FileRefused: the file is damaged, lacks a field, has another one, or has more than `limit` bytes.
    """
    if len(data) > limit:
        raise FileRefused(f"it has more than {limit:,} bytes, which this function cannot hold; split it")
    array = _read_array(data, _FIELDS, limit, "")
    names = array.dtype.names
    if names is None:
        numbers = np.arange(len(array)) if array.ndim else np.array([], int)
        return _entries(_Columns(numbers, array, None), limit, dimension)
    if not {"id", "vector"} <= set(names):
        raise FileRefused("an .npy file with fields needs 'id' and 'vector'")
    metadata = array["metadata"] if "metadata" in names else None
    return _entries(_Columns(array["id"], array["vector"], metadata), limit, dimension)


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
    try:
        check_rows(header.shape[0] if header.shape else 1, limit)
    except FileRefused as error:
        raise FileRefused(f"{name}{error}") from error
    # numpy bounds the product of the lengths also where one of them is 0 and the array has no bytes.
    if math.prod(max(length, 1) for length in header.shape) * header.dtype.itemsize > limit:
        raise FileRefused(f"{name}it has more components than this function can hold; split it")
    return np.ndarray(header.shape, header.dtype, data, header.start, order="F" if header.fortran else "C")


def _entries(columns: _Columns, limit: int, dimension: int | None) -> Iterator[Entry]:
    _check(columns, row_limit(limit))
    size = columns.vectors.size * (4 if columns.vectors.dtype == np.float32 else _WIDEST)
    if size > limit:
        raise FileRefused(f"its vectors decode to {size:,} bytes, more than the limit of {limit:,}; split it")
    return _rows(columns, columns.vectors.shape[1] if dimension is None else dimension)


def _check(columns: _Columns, longest: int) -> None:
    """Refuse arrays that are not rows of one id, one vector and one text, of at most `longest` bytes each."""
    ids, vectors, metadata = columns
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
    width = ids.itemsize + vectors.shape[1] * _WIDEST + (0 if metadata is None else metadata.itemsize)
    if width > longest:
        raise FileRefused(f"its rows have {width:,} bytes each, more than the limit of {longest:,} for a row")


def _rows(columns: _Columns, dimension: int) -> Iterator[Entry]:
    ids, vectors, metadata = columns
    wrong = wrong_length_reason(vectors.shape[1], dimension)
    for start in range(0, len(ids), _BLOCK):
        rows = slice(start, start + _BLOCK)
        vector_ids = _texts(ids[rows])
        texts = [""] * len(vector_ids) if metadata is None else _texts(metadata[rows])
        for row, (vector_id, text) in enumerate(zip(vector_ids, texts, strict=True), start):
            yield BadItem(row, vector_id, wrong) if wrong else _entry(row, vector_id, vectors[row], text)


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
