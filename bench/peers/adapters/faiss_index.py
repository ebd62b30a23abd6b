"""Faiss: kinds `flat`, `hnsw` (M=16; the effort is efSearch) and `sq8` (IVF of 8-bit scalars; nprobe)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss

from bench.peers.adapters.files import maker
from bench.peers.adapters.peer import F32, K

_EF_CONSTRUCTION = 100  # with 200, the value of the other graphs, Faiss needs three times as long as they do
_LISTS_PER_ROOT = 4  # lists = 4 * sqrt(rows), from Faiss's guidelines


class Faiss:
    """Inner products of unit vectors; one thread, except for the build."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        faiss.omp_set_num_threads(1)

    def build(self, rows: F32, threads: int) -> Any:
        faiss.omp_set_num_threads(threads)
        index = self._empty(len(rows), rows.shape[1])
        index.train(rows)
        index.add(rows)
        return index

    def _empty(self, rows: int, dimension: int) -> Any:
        if self._kind == "flat":
            return faiss.IndexFlatIP(dimension)
        if self._kind == "hnsw":
            index = faiss.IndexHNSWFlat(dimension, 16, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = _EF_CONSTRUCTION
            return index
        lists = int(_LISTS_PER_ROOT * rows**0.5)
        return faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)

    def save(self, index: Any, path: Path) -> None:
        faiss.write_index(index, str(path))

    def load(self, path: Path) -> Any:
        return faiss.read_index(str(path))

    def search(self, index: Any, query: F32, effort: Any) -> Sequence[int]:
        if self._kind == "hnsw":
            index.hnsw.efSearch = effort
        elif self._kind == "sq8":
            index.nprobe = effort
        found: list[int] = index.search(query[None], K)[1][0].tolist()
        return found

    def add(self, index: Any, vectors: F32, first: int) -> Any:
        index.add(vectors)
        return index


make = maker(Faiss)
