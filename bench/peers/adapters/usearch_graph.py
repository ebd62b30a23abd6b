"""Usearch: a graph with connectivity 16 over float16; the effort is expansion_search."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from usearch.index import Index

from bench.peers.adapters.files import maker
from bench.peers.adapters.peer import F32, K


class Graph:
    """Cosine distance; `kind` is the dimension."""

    def __init__(self, kind: str) -> None:
        self._dimension = int(kind)

    def build(self, rows: F32, threads: int) -> Index:
        index = Index(ndim=self._dimension, metric="cos", dtype="f16", connectivity=16)
        index.add(np.arange(len(rows)), rows, threads=threads)
        return index

    def save(self, index: Index, path: Path) -> None:
        index.save(str(path))

    def load(self, path: Path) -> Index:
        index = Index(ndim=self._dimension, metric="cos", dtype="f16", connectivity=16)
        index.load(str(path))
        return index

    def search(self, index: Index, query: F32, effort: Any) -> Sequence[int]:
        index.expansion_search = effort
        found: list[int] = index.search(query, K, threads=1).keys.tolist()
        return found

    def add(self, index: Index, vectors: F32, first: int) -> Index:
        index.add(np.arange(first, first + len(vectors)), vectors, threads=2)
        return index


make = maker(Graph)
