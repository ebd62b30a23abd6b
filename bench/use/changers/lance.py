"""LanceDB: a table in S3, changed by its own client; the index is made after the load, as its documentation advises."""

from collections.abc import Sequence
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import IvfPq

from bench.peers.adapters.lance import TABLE, arrow, connected, sub_vectors
from bench.peers.adapters.peer import F32, Location
from bench.use.changers.changer import Change


class Table:
    """A table with the columns `row`, `vector` and `patched`."""

    def __init__(self, location: Location) -> None:
        self._database: lancedb.DBConnection = connected(location)
        self._table: Any = None
        self._dimension = 0

    def create(self, dimension: int) -> Change:
        self._dimension = dimension
        fields = [("row", pa.int64()), ("vector", pa.list_(pa.float32(), dimension)), ("patched", pa.bool_())]

        def create() -> None:
            self._table = self._database.create_table(TABLE, schema=pa.schema(fields))

        return create

    def add(self, vectors: F32, first: int) -> Change:
        batch = arrow(vectors, first).append_column("patched", pa.array([False] * len(vectors)))
        return lambda: self._opened.add(batch)

    def patch(self, rows: Sequence[int]) -> Change:
        return lambda: self._opened.update(where=_among(rows), values={"patched": True})

    def delete(self, rows: Sequence[int]) -> Change:
        return lambda: self._opened.delete(_among(rows))

    def build(self) -> Change:
        config = IvfPq(distance_type="cosine", num_sub_vectors=sub_vectors(self._dimension))
        return lambda: self._opened.create_index("vector", config=config)

    @property
    def _opened(self) -> Any:
        if self._table is None:
            self._table = self._database.open_table(TABLE)
        return self._table


def _among(rows: Sequence[int]) -> str:
    return f"row IN ({', '.join(map(str, rows))})"


def make(location: Location) -> Table:
    return Table(location)
