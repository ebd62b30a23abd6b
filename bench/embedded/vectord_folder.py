"""vectord in embedded mode; the effort is the target recall."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vectord_client import Client

from bench.embedded.database import F32, NAME, K, Metadata

_POLL = 0.05  # seconds between two looks whether the index is built


class Folder:
    """An index in a folder, through the client."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._client = Client(folder)
        self._index: Any = None

    def create(self, name: str, dimension: int) -> None:
        self._index = self._client.create_index(name, dimension=dimension)

    def load(self, ids: Sequence[str], vectors: F32, metadata: Sequence[Metadata]) -> None:
        self._index.add(ids=ids, vectors=vectors, metadata=metadata)

    def build(self) -> None:
        while not self._index.info().graph_bytes:
            time.sleep(_POLL)

    def open(self) -> None:
        self._index = self._client.index(NAME)

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        return [int(hit.id) for hit in self._index.search(query, k=K, recall=effort)]

    def close(self) -> None:
        self._client.close()


make = Folder
