"""Hnswlib: a graph with M=16, ef_construction=200; the effort is ef."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hnswlib
import numpy as np

from bench.peers.adapters.files import maker
from bench.peers.adapters.peer import F32, K

_SPARE_ROWS = 1_000  # rows that can be added to a loaded graph


class Graph:
    """Cosine distance over float32; `kind` is the dimension."""

    def __init__(self, kind: str) -> None:
        self._dimension = int(kind)

    def build(self, rows: F32, threads: int) -> Any:
        index = hnswlib.Index("cosine", self._dimension)
        index.init_index(max_elements=len(rows), M=16, ef_construction=200)
        index.add_items(rows, np.arange(len(rows)), num_threads=threads)
        return index

    def save(self, index: Any, path: Path) -> None:
        index.save_index(str(path))

    def load(self, path: Path) -> Any:
        index = hnswlib.Index("cosine", self._dimension)
        # 0: as many rows as the file has; spare rows would use memory.
        index.load_index(str(path), max_elements=0)
        index.set_num_threads(1)
        return index

    def search(self, index: Any, query: F32, effort: Any) -> Sequence[int]:
        index.set_ef(effort)
        found: list[int] = index.knn_query(query, K, num_threads=1)[0][0].tolist()
        return found

    def add(self, index: Any, vectors: F32, first: int) -> Any:
        index.resize_index(first + _SPARE_ROWS)
        index.add_items(vectors, np.arange(first, first + len(vectors)), num_threads=2)
        return index


make = maker(Graph)
