"""Annoy with 10 trees; the effort is search_k. Its file cannot change, so an add builds all trees again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import annoy

from bench.peers.adapters.files import maker
from bench.peers.adapters.peer import F32, K

_TREES = 10


class Forest:
    """Annoy as in its documentation. `kind` is the dimension, which its file does not contain."""

    def __init__(self, kind: str) -> None:
        self._dimension = int(kind)

    def build(self, rows: F32, threads: int) -> annoy.AnnoyIndex:
        index = self._empty()
        for row, vector in enumerate(rows):
            index.add_item(row, vector)
        index.build(_TREES, n_jobs=threads)
        return index

    def save(self, index: annoy.AnnoyIndex, path: Path) -> None:
        index.save(str(path))

    def load(self, path: Path) -> annoy.AnnoyIndex:
        index = self._empty()
        index.load(str(path))
        return index

    def search(self, index: annoy.AnnoyIndex, query: F32, effort: Any) -> Sequence[int]:
        found: list[int] = index.get_nns_by_vector(query, K, effort)
        return found

    def add(self, index: annoy.AnnoyIndex, vectors: F32, first: int) -> annoy.AnnoyIndex:
        grown = self._empty()
        for row in range(first):
            grown.add_item(row, index.get_item_vector(row))
        for row, vector in enumerate(vectors, first):
            grown.add_item(row, vector)
        grown.build(_TREES, n_jobs=2)
        return grown

    def _empty(self) -> annoy.AnnoyIndex:
        return annoy.AnnoyIndex(self._dimension, "angular")


make = maker(Forest)
