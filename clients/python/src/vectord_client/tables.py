"""Rows as DataFrames and Arrow tables."""

from collections.abc import Sequence
from typing import Any

import msgspec

from vectord_client.errors import MissingExtra
from vectord_client.values import Row


def to_pandas(rows: Sequence[Row], vectors: bool) -> Any:
    """Return a DataFrame with the columns `id`, perhaps `vector`, and the keys of the metadata.

    Metadata that is not an object is in the column `metadata`; a key that is also the name of one of the first columns
    gets the prefix `metadata.`.
    """
    try:
        import pandas  # noqa: PLC0415  an extra
    except ImportError as error:
        raise _missing("pandas") from error
    fixed = ("id", "vector") if vectors else ("id",)
    columns: dict[str, list[Any]] = {"id": [row.id for row in rows]}
    if vectors:
        numpy = pandas.Series([], dtype="float32").to_numpy()
        columns["vector"] = [_as_numpy(row, numpy) for row in rows]
    for place, row in enumerate(rows):
        members = row.metadata if isinstance(row.metadata, dict) else {"metadata": row.metadata}
        for key, value in members.items():
            if key == "metadata" and value is None:
                continue
            column = columns.setdefault(f"metadata.{key}" if key in fixed else key, [None] * len(rows))
            column[place] = value
    return pandas.DataFrame(columns)


def _as_numpy(row: Row, example: Any) -> Any:
    return None if row.vector is None else type(example)((len(row.vector),), "float32", row.vector)


def to_arrow(rows: Sequence[Row], vectors: bool) -> Any:
    """Return an Arrow table with the columns `id`, perhaps `vector` (lists of float32), and `metadata` (JSON text)."""
    try:
        import pyarrow  # noqa: PLC0415  an extra
    except ImportError as error:
        raise _missing("pyarrow") from error
    columns = {"id": pyarrow.array([row.id for row in rows], pyarrow.string())}
    if vectors:
        dimension = len(rows[0].vector or ()) if rows else 0
        joined = b"".join(row.vector.tobytes() for row in rows if row.vector is not None)
        values = pyarrow.Array.from_buffers(pyarrow.float32(), len(joined) // 4, [None, pyarrow.py_buffer(joined)])
        columns["vector"] = pyarrow.FixedSizeListArray.from_arrays(values, max(dimension, 1))
    texts = [None if row.metadata is None else msgspec.json.encode(row.metadata).decode() for row in rows]
    columns["metadata"] = pyarrow.array(texts, pyarrow.string())
    return pyarrow.table(columns)


def _missing(package: str) -> MissingExtra:
    return MissingExtra(f"This needs {package}, which is not installed: pip install 'vectord-client[pandas]'.")
