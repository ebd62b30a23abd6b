"""Qdrant's client in local mode, which scans all rows with numpy and has no index."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qdrant_client import QdrantClient, models

from bench.embedded.database import F32, NAME, K, Metadata


class Collection:
    """A collection whose points have numbers as ids, because Qdrant has no other ids than numbers and UUIDs."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._client = QdrantClient(path=str(folder))
        self._name = NAME

    def create(self, name: str, dimension: int) -> None:
        self._name = name
        self._client.create_collection(
            name, vectors_config=models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        )

    def load(self, ids: Sequence[str], vectors: F32, metadata: Sequence[Metadata]) -> None:
        self._client.upload_collection(
            self._name, vectors=vectors, payload=[dict(one) for one in metadata], ids=list(map(int, ids))
        )

    def build(self) -> None:
        pass

    def open(self) -> None:
        pass

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        return [int(point.id) for point in self._client.query_points(self._name, query=query, limit=K).points]

    def close(self) -> None:
        self._client.close()


make = Collection
