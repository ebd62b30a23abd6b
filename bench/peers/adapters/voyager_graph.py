"""Voyager: a graph with M=16, ef_construction=200 over float32; the effort is query_ef."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import voyager

from bench.peers.adapters.files import maker
from bench.peers.adapters.peer import F32, K


class Graph:
    """Cosine distance."""

    def build(self, rows: F32, threads: int) -> voyager.Index:
        index = voyager.Index(voyager.Space.Cosine, rows.shape[1], M=16, ef_construction=200)
        index.add_items(rows, np.arange(len(rows)), num_threads=threads)
        return index

    def save(self, index: voyager.Index, path: Path) -> None:
        index.save(str(path))

    def load(self, path: Path) -> voyager.Index:
        return voyager.Index.load(str(path))

    def search(self, index: voyager.Index, query: F32, effort: Any) -> Sequence[int]:
        found: list[int] = index.query(query, K, num_threads=1, query_ef=effort)[0].tolist()
        return found

    def add(self, index: voyager.Index, vectors: F32, first: int) -> voyager.Index:
        index.add_items(vectors, np.arange(first, first + len(vectors)), num_threads=2)
        return index


make = maker(lambda kind: Graph())
