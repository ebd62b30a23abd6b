"""Turn columns into blocks: ids, vectors as a matrix or as a sequence of vectors, and metadata."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows.assemble import Columns, assemble
from vectord_client.rows.block import Block, Reasons
from vectord_client.rows.frames import is_frame, records
from vectord_client.rows.metadata import json_texts
from vectord_client.rows.pack import InvalidVector, Shape, array_of, buffer_numbers, numpy_of, pack_matrix

_BLOCK_BYTES: Final = 4 << 20  # of vectors that are converted at a time
_MOST_ROWS: Final = 8_192


def column_blocks(ids: Any, vectors: Any, metadata: Any, shape: Shape) -> Iterator[Block]:
    """Yield columns of equal length as blocks. One id with one vector is one row.

    Raises:
        ArgumentInvalid: ids or vectors are missing, the lengths differ, or the vectors are not a matrix of numbers.
    """
    if ids is None or vectors is None:
        raise ArgumentInvalid(f"{'ids' if ids is None else 'vectors'}= is missing: give rows, or ids= and vectors=")
    if isinstance(ids, str):
        ids, vectors, metadata = [ids], [vectors], None if metadata is None else [metadata]
    listed_ids, rows = as_list(ids), as_vectors(vectors)
    listed_metadata = None if metadata is None else _metadata_list(metadata)
    _check_lengths(len(listed_ids), len(rows), listed_metadata)
    size = _block_rows(rows)
    for start in range(0, len(listed_ids), size):
        reasons: Reasons = {}
        part = listed_ids[start : start + size]
        texts: list[bytes | None] = [None] * len(part)
        if listed_metadata is not None:
            texts = json_texts(listed_metadata[start : start + size], reasons)
        block = rows[start : start + size]
        packed = pack_matrix(block, shape, reasons) if numpy_of(block) is not None else list(block)
        yield assemble(Columns(range(start, start + len(part)), part, packed, texts), shape, reasons)


def as_list(values: Any) -> list[Any]:
    """Return a sequence, a numpy array, a Series, an Arrow array or an iterable as a list of Python's values."""
    if isinstance(values, list):
        return values
    if isinstance(values, Mapping | bytes):
        raise ArgumentInvalid(f"ids are a {type(values).__name__}; give a sequence of text")
    for name in ("tolist", "to_list", "to_pylist"):  # numpy and pandas, polars, Arrow
        if hasattr(values, name):
            listed = getattr(values, name)()
            return listed if isinstance(listed, list) else [listed]
    return list(values)


def as_vectors(vectors: Any) -> Any:
    """Return vectors as a numpy matrix, or as a sequence of single vectors."""
    if isinstance(vectors, list | tuple):
        return vectors
    if isinstance(vectors, memoryview) and vectors.ndim == 2:
        return _rows_of_view(vectors)
    if numpy_of(vectors) is None and hasattr(vectors, "to_pylist"):
        return vectors.to_pylist()
    if numpy_of(vectors) is None and hasattr(vectors, "__array__"):
        vectors = array_of(vectors)
    if numpy_of(vectors) is not None:
        if vectors.ndim == 1 and vectors.dtype.kind == "O":
            return vectors.tolist()
        if vectors.ndim != 2:
            raise InvalidVector(
                f"the vectors are an array with {vectors.ndim} axes, and a matrix has 2: rows, dimension"
            )
        return vectors
    if isinstance(vectors, str | bytes) or not isinstance(vectors, Iterable):
        raise InvalidVector(f"the vectors are a {type(vectors).__name__}; give a matrix or a sequence of vectors")
    return list(vectors)


def _rows_of_view(view: memoryview) -> list[Any]:
    """Return the rows of a buffer with two axes."""
    data, (rows, length) = view.tobytes(), view.shape or (0, 0)
    size = length * view.itemsize
    return [buffer_numbers(view.format, data[row * size : (row + 1) * size]) for row in range(rows)]


def _metadata_list(metadata: Any) -> Sequence[Any]:
    if isinstance(metadata, Mapping):
        return [metadata]
    if is_frame(metadata):
        return records(metadata)
    if isinstance(metadata, str):
        raise ArgumentInvalid(f"metadata is one text; give a list with the metadata of each row: [{metadata!r:.80}].")
    return as_list(metadata)


def _check_lengths(ids: int, vectors: int, metadata: Sequence[Any] | None) -> None:
    if ids != vectors:
        raise ArgumentInvalid(f"there are {ids:,} ids and {vectors:,} vectors")
    if metadata is not None and len(metadata) != ids:
        raise ArgumentInvalid(f"there are {ids:,} ids and {len(metadata):,} values of metadata")


def _block_rows(vectors: Any) -> int:
    if numpy_of(vectors) is None:
        return 512
    row_bytes = 4 * int(vectors.shape[1])
    return max(1, min(_MOST_ROWS, _BLOCK_BYTES // max(1, row_bytes)))
