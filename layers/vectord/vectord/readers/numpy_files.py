"""Read numpy's files: `.npz` with `ids`, `vectors` and optional `metadata`; `.npy` with a matrix or named fields.

Only plain dtypes are read, never pickles. The size in a header is compared with the size of the data before memory is
allocated. Format: numpy.lib.format, "NPY file format".
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import METADATA_ERRORS, Entry, NewVector, metadata_of_text

Array = npt.NDArray[Any]


def entries_of_npz(data: bytes, limit: int) -> Iterator[Entry]:
    """Yield the rows of an archive of arrays `ids` (text), `vectors` (rows, dimension), `metadata` (JSON text).

    Raises:
        FileRefused: the archive is damaged, lacks an array, or decodes to more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > limit:
                raise FileRefused(f"it decodes to more than {limit:,} bytes, which this function cannot hold; split it")
            arrays = {name: _read_member(archive, f"{name}.npy") for name in ("ids", "vectors", "metadata")}
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        # zipfile raises RuntimeError for an encrypted member, and a subclass of it for an unknown compression.
        raise FileRefused(f"it is not a complete .npz file ({error})") from error
    ids, vectors, metadata = arrays["ids"], arrays["vectors"], arrays["metadata"]
    if ids is None or vectors is None:
        raise FileRefused("an .npz file needs the arrays 'ids' and 'vectors'")
    return _entries(ids, vectors, metadata)


def entries_of_npy(data: bytes, limit: int) -> Iterator[Entry]:
    """Yield the rows of a matrix (rows, dimension), with row numbers as ids, or of the fields `id` and `vector`.

    Raises:
        FileRefused: the file is damaged, lacks a field, or decodes to more than `limit` bytes.
    """
    array = _read_array(io.BytesIO(data), min(len(data), limit))
    names = array.dtype.names
    if names is None:
        return _entries(np.arange(len(array)).astype(str) if array.ndim else np.array([], str), array, None)
    if not {"id", "vector"} <= set(names):
        raise FileRefused("an .npy file with fields needs 'id' and 'vector'")
    return _entries(array["id"], array["vector"], array["metadata"] if "metadata" in names else None)


def _read_member(archive: zipfile.ZipFile, name: str) -> Array | None:
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    with archive.open(info) as stream:
        return _read_array(stream, info.file_size)


def _read_array(stream: IO[bytes], size: int) -> Array:
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
    except ValueError as error:
        raise FileRefused(f"it is not a numpy file ({error})") from error
    if dtype.hasobject:
        raise FileRefused("it contains Python objects, which are never loaded; save plain arrays")
    count = int(np.prod([int(length) for length in shape], dtype=object)) if shape else 1
    if not 0 <= count * dtype.itemsize <= size:
        raise FileRefused("its header describes more bytes than the file has, or than this function can hold")
    packed = stream.read(count * dtype.itemsize)
    if len(packed) != count * dtype.itemsize:
        raise FileRefused("it is truncated")
    return np.frombuffer(packed, dtype, count).reshape(shape, order="F" if fortran else "C")


def _entries(ids: Array, vectors: Array, metadata: Array | None) -> Iterator[Entry]:
    if ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors):
        raise FileRefused(f"ids of shape {ids.shape} and vectors of shape {vectors.shape} are not rows of vectors")
    if vectors.dtype.kind not in "fiu" or ids.dtype.kind not in "UiuS":
        raise FileRefused(f"ids of dtype {ids.dtype} and vectors of dtype {vectors.dtype} are not text and numbers")
    if metadata is not None and (metadata.shape != ids.shape or metadata.dtype.kind not in "US"):
        raise FileRefused("metadata must be one JSON text per id")
    vector_ids: Sequence[str] = [_text(value) for value in ids.tolist()]
    texts = [None] * len(vector_ids) if metadata is None else metadata.tolist()
    return (_entry(row, vector_ids[row], vectors[row], texts[row]) for row in range(len(vector_ids)))


def _entry(row: int, vector_id: str, vector: Array, metadata: str | bytes | None) -> Entry:
    wide = vector if vector.dtype in (np.float32, np.float64) else vector.astype(np.float64)
    try:
        vector_id.encode()
    except UnicodeEncodeError as error:  # numpy accepts half of a surrogate pair as a character
        return BadItem(row, None, f"id is not Unicode text ({error})")
    try:
        return NewVector(vector_id, wide, metadata_of_text(metadata))
    except METADATA_ERRORS as error:
        return BadItem(row, vector_id, f"metadata: {error}")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
