"""LanceDB: a table with an index `IVF_PQ` or `IVF_HNSW_SQ`; the effort is (nprobes, refine_factor)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
from lancedb.index import HnswSq, IvfPq

from bench.embedded.database import F32, NAME, K, Metadata

_SUB_VECTORS = 48  # of 8 dimensions at 384; the default, 24, needs twice the refined rows for the same recall
_COLUMNS = ["id", "year", "genre", "_distance"]


class Table:
    """A table with a column for each part of the metadata, as its documentation shows."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._database, self._kind = lancedb.connect(folder), kind
        self._table: Any = None

    def create(self, name: str, dimension: int) -> None:
        vector = pa.list_(pa.float32(), dimension)
        schema = pa.schema([("id", pa.string()), ("vector", vector), ("year", pa.int64()), ("genre", pa.string())])
        self._table = self._database.create_table(name, schema=schema)

    def load(self, ids: Sequence[str], vectors: F32, metadata: Sequence[Metadata]) -> None:
        columns = {
            "id": ids,
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
            "year": [one["year"] for one in metadata],
            "genre": [one["genre"] for one in metadata],
        }
        self._table.add(pa.table(columns))

    def build(self) -> None:
        configs = {"pq": IvfPq(distance_type="cosine", num_sub_vectors=_SUB_VECTORS), "hnsw": HnswSq("cosine")}
        self._table.create_index("vector", config=configs[self._kind])

    def open(self) -> None:
        self._table = self._database.open_table(NAME)

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        probes, refine = effort
        search = self._table.search(query).distance_type("cosine").nprobes(probes).refine_factor(refine)
        found = search.select(_COLUMNS).limit(K).to_list()
        return [int(row["id"]) for row in found]

    def close(self) -> None:
        pass


make = Table
