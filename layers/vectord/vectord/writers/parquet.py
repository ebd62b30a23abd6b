"""Rows to Parquet: `id` VARCHAR, `vector` FLOAT[], `metadata` VARCHAR of JSON text or null."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np

from vectord.index.rows import Rows
from vectord.writers.batches import PART

_GROUP: Final = 32 << 20  # bytes of vectors in a row group, which is in memory as a whole
_VECTOR: Final = 2_048  # rows: what DuckDB counts a group in


def parquet(batches: Iterable[Rows], dimension: int, folder: Path | None = None) -> Iterator[bytes]:
    """Yield the bytes of one Parquet file of all rows, in their order.

    Its columns pass through files in `folder` (the system's for temporary ones by default), which take up to twice
    the raw size, and are gone at the end.
    """
    with tempfile.TemporaryDirectory(prefix="vectord-export-", dir=folder) as place:
        made = Path(place, "rows.parquet")
        _write(batches, dimension, made)
        with made.open("rb") as file:
            while part := file.read(PART):
                yield part


def _write(batches: Iterable[Rows], dimension: int, made: Path) -> None:
    config: dict[str, Any] = {
        "threads": 1,
        "memory_limit": "256MB",
        "temp_directory": str(made.parent),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    rows = max(_VECTOR, _GROUP // (4 * dimension) // _VECTOR * _VECTOR)
    with duckdb.connect(made.with_suffix(".db"), config=config) as connection:
        connection.execute("create table rows (id varchar, vector float[], metadata varchar)")
        for batch in batches:
            _insert(connection, batch, dimension)
        connection.table("rows").write_parquet(str(made), row_group_size=rows)


def _insert(connection: duckdb.DuckDBPyConnection, batch: Rows, dimension: int) -> None:
    """Add a batch, a numpy column for each component: DuckDB takes no matrix, and lists of Python are slow."""
    texts = [batch.metadata.get(vector_id) for vector_id in batch.ids]
    columns = {f"c{at}": column for at, column in enumerate(np.ascontiguousarray(batch.vectors.T))}
    source = {
        "id": _objects(list(batch.ids)),
        "metadata": _objects([None if text is None else bytes(text).decode() for text in texts]),
        **columns,
    }
    vector = ", ".join(f"c{at}" for at in range(dimension))
    connection.register("source", source)
    connection.execute(f"insert into rows select id::varchar, [{vector}]::float[], metadata::varchar from source")
    connection.unregister("source")


def _objects(values: list[Any]) -> Any:
    made = np.empty(len(values), object)
    made[:] = values
    return made
