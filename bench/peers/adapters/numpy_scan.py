"""numpy: float32 vectors in a .npy file; a search is a matrix-vector product."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.adapters.files import maker
from bench.peers.adapters.peer import F32, K


class Scan:
    """An exact scan, which has no effort."""

    def build(self, rows: F32, threads: int) -> F32:
        return rows

    def save(self, index: F32, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, index)

    def load(self, path: Path) -> F32:
        rows: F32 = np.load(path)
        return rows

    def search(self, index: F32, query: F32, effort: Any) -> Sequence[int]:
        cosines = index @ query
        best = np.argpartition(cosines, -K)[-K:]
        found: list[int] = best[np.argsort(-cosines[best])].tolist()
        return found

    def add(self, index: F32, vectors: F32, first: int) -> F32:
        return np.concatenate([index, vectors])


make = maker(lambda kind: Scan())
