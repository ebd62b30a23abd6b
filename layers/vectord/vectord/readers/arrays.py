"""numpy's files: `.npz` with `ids`, `vectors` and perhaps `metadata`; `.npy` with a matrix, or with named fields.

Only plain dtypes are read (never a pickle), and a header's claim is held against the bytes before anything is
allocated. Format: numpy.lib.format, "NPY file format".
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from vectord.errors import BadItem, FileRefused, RequestInvalid
from vectord.readers.entry import Entry, NewVector, checked_metadata

Array = npt.NDArray[Any]

BAD_METADATA: Final = (msgspec.DecodeError, UnicodeError, RecursionError, RequestInvalid)
"""What `metadata_of_text` raises."""


def entries_of_npz(data: bytes, most: int) -> Iterator[Entry]:
    """Yield the rows of an archive of arrays `ids` (text), `vectors` (rows, dimension), `metadata` (JSON text)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if sum(sizes.values()) > most:
                raise FileRefused(f"it decodes to more than {most:,} bytes, which do not fit here; split it")
            arrays = {name: _member(archive, f"{name}.npy") for name in ("ids", "vectors", "metadata")}
    except (zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        # zipfile raises RuntimeError itself for an encrypted member, and its subclass for a compression unknown to it.
        raise FileRefused(f"it is not a whole .npz file ({error})") from error
    ids, vectors, metadata = arrays["ids"], arrays["vectors"], arrays["metadata"]
    if ids is None or vectors is None:
        raise FileRefused("an .npz file needs the arrays 'ids' and 'vectors'")
    return _entries(ids, vectors, metadata)


def entries_of_npy(data: bytes, most: int) -> Iterator[Entry]:
    """Yield the rows of a matrix (rows, dimension), whose ids are the row numbers, or of fields `id` and `vector`."""
    array = _read(io.BytesIO(data), min(len(data), most))
    names = array.dtype.names
    if names is None:
        return _entries(np.arange(len(array)).astype(str) if array.ndim else np.array([], str), array, None)
    if not {"id", "vector"} <= set(names):
        raise FileRefused("an .npy file with fields needs 'id' and 'vector'")
    return _entries(array["id"], array["vector"], array["metadata"] if "metadata" in names else None)


def _member(archive: zipfile.ZipFile, name: str) -> Array | None:
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    with archive.open(info) as stream:
        return _read(stream, info.file_size)


def _read(stream: IO[bytes], size: int) -> Array:
    try:
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except ValueError as error:
        raise FileRefused(f"it is not a file of numpy's ({error})") from error
    if dtype.hasobject:
        raise FileRefused("it holds Python objects, which are never loaded; save plain arrays")
    count = int(np.prod([int(length) for length in shape], dtype=object)) if shape else 1
    if not 0 <= count * dtype.itemsize <= size:
        raise FileRefused("its header claims more bytes than there are")
    packed = stream.read(count * dtype.itemsize)
    if len(packed) != count * dtype.itemsize:
        raise FileRefused("it is cut off")
    return np.frombuffer(packed, dtype, count).reshape(shape, order="F" if fortran else "C")


def _entries(ids: Array, vectors: Array, metadata: Array | None) -> Iterator[Entry]:
    if ids.ndim != 1 or vectors.ndim != 2 or len(ids) != len(vectors):
        raise FileRefused(f"ids of shape {ids.shape} and vectors of shape {vectors.shape} are no rows of vectors")
    if vectors.dtype.kind not in "fiu" or ids.dtype.kind not in "UiuS":
        raise FileRefused(f"ids of dtype {ids.dtype} and vectors of dtype {vectors.dtype} are not text and numbers")
    if metadata is not None and (metadata.shape != ids.shape or metadata.dtype.kind not in "US"):
        raise FileRefused("metadata must be one JSON text an id")
    names: Sequence[str] = [_text(one) for one in ids.tolist()]
    texts = [None] * len(names) if metadata is None else metadata.tolist()
    return (_entry(row, names[row], vectors[row], texts[row]) for row in range(len(names)))


def _entry(row: int, name: str, vector: Array, metadata: str | bytes | None) -> Entry:
    wide = vector if vector.dtype in (np.float32, np.float64) else vector.astype(np.float64)
    try:
        name.encode()
    except UnicodeEncodeError as error:  # numpy holds half a surrogate pair as a character
        return BadItem(row, None, f"id is no Unicode text ({error})")
    try:
        return NewVector(name, wide, metadata_of_text(metadata))
    except BAD_METADATA as error:
        return BadItem(row, name, f"metadata: {error}")


def metadata_of_text(text: str | bytes | None) -> msgspec.Raw | None:
    """Return metadata given as JSON text, None for none or empty."""
    if not text:
        return None
    return checked_metadata(msgspec.Raw(text.encode() if isinstance(text, str) else text))


def _text(one: object) -> str:
    return one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
