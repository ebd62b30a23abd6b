"""Write rows as Parquet: `id` VARCHAR, `vector` FLOAT[], `metadata` VARCHAR of JSON text or null."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vectord.index.rows import Rows
from vectord.readers.duckdb_connection import locked_connection
from vectord.writers.batches import PART_BYTES

if TYPE_CHECKING:
    import duckdb

_BUFFERS: Final = 256_000_000  # bytes
_GROUP_BYTES: Final = 32 << 20  # of vectors in a row group, which DuckDB keeps in memory
_GROUP_UNIT: Final = 2_048  # rows; the size of a group is a multiple of DuckDB's vector size


def parquet(batches: Iterable[Rows], dimension: int, folder: Path | None = None) -> Iterator[bytes]:
    """Yield the bytes of one Parquet file with all rows, in their order.

    DuckDB needs temporary files of up to twice the raw size. They are in `folder`, by default the system's folder for
    temporary files, and are removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="vectord-export-", dir=folder) as temporary:
        path = Path(temporary, "rows.parquet")
        _write(batches, dimension, path)
        with path.open("rb") as file:
            while part := file.read(PART_BYTES):
                yield part


def _write(batches: Iterable[Rows], dimension: int, path: Path) -> None:
    group = max(_GROUP_UNIT, _GROUP_BYTES // (4 * dimension) // _GROUP_UNIT * _GROUP_UNIT)
    with locked_connection(_BUFFERS, folder=path.parent, database=path.with_suffix(".db")) as connection:
        connection.execute("create table rows (id varchar, vector float[], metadata varchar)")
        for batch in batches:
            _insert(connection, batch, dimension)
        connection.table("rows").write_parquet(str(path), row_group_size=group)


def _insert(connection: "duckdb.DuckDBPyConnection", batch: Rows, dimension: int) -> None:
    """Insert a batch as one numpy column per component: DuckDB does not read a matrix, and Python lists are slow."""
    texts = [batch.metadata.get(vector_id) for vector_id in batch.ids]
    columns = {f"c{number}": column for number, column in enumerate(np.ascontiguousarray(batch.vectors.T))}
    source = {
        "id": _object_array(list(batch.ids)),
        "metadata": _object_array([None if text is None else bytes(text).decode() for text in texts]),
        **columns,
    }
    vector = ", ".join(f"c{number}" for number in range(dimension))
    connection.register("source", source)
    connection.execute(f"insert into rows select id::varchar, [{vector}]::float[], metadata::varchar from source")
    connection.unregister("source")


def _object_array(values: list[Any]) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array
