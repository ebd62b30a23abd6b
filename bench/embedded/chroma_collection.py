"""Chroma with a persistent client; it builds its HNSW graph as rows are added. The effort is `ef_search`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chromadb
from chromadb.config import Settings

from bench.embedded.database import F32, NAME, K, Metadata


class Collection:
    """A collection; rows are added in batches of the size that the client states."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._client = chromadb.PersistentClient(folder, Settings(anonymized_telemetry=False))
        self._collection: Any = None
        self._effort: Any = None

    def create(self, name: str, dimension: int) -> None:
        configuration = {"hnsw": {"space": "cosine"}}
        self._collection = self._client.create_collection(name, configuration=configuration, embedding_function=None)

    def load(self, ids: Sequence[str], vectors: F32, metadata: Sequence[Metadata]) -> None:
        size = self._client.get_max_batch_size()
        for start in range(0, len(ids), size):
            part = slice(start, start + size)
            self._collection.add(ids=ids[part], embeddings=vectors[part], metadatas=metadata[part])

    def build(self) -> None:
        pass

    def open(self) -> None:
        self._collection = self._client.get_collection(NAME, embedding_function=None)

    def search(self, query: F32, effort: Any) -> Sequence[int]:
        if effort != self._effort:
            self._collection.modify(configuration={"hnsw": {"ef_search": effort}})
            self._effort = effort
        found = self._collection.query(query_embeddings=[query], n_results=K, include=["metadatas", "distances"])
        return list(map(int, found["ids"][0]))

    def close(self) -> None:
        pass


make = Collection
