"""Small indexes, and an oracle that computes distances by another formula than the package."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.forest import forest
from vectord.forest.forest import Layout
from vectord.index import mutations, state
from vectord.index.codec import decode, encode
from vectord.index.query.query import Answer
from vectord.index.rows import Item
from vectord.index.sections.base import MemorySection
from vectord.index.state import Index
from vectord.index.thresholds import DEFAULT, Thresholds
from vectord.lhv1.params import Distance, new_params
from vectord.lhv1.text_fields import TextFields

F32 = npt.NDArray[np.float32]


def f32(components: Iterable[float]) -> F32:
    return np.array(list(components), np.float32)


def item(vector_id: str, components: Iterable[float], metadata: Any = ...) -> Item:
    """Return an item to add; without the argument `metadata` it has none."""
    text = None if metadata is ... else msgspec.Raw(json.dumps(metadata).encode())
    return Item(vector_id, f32(components), text)


def empty(dimension: int = 2, distance: Distance = "cosine", **more: int) -> Index:
    return state.empty_index(new_params("t", dimension, distance=distance, **more))


def declared(index: Index, fields: TextFields) -> Index:
    """Return `index` with these fields of texts declared instead of its own."""
    return structs.replace(index, params=structs.replace(index.params, text=dict(fields)))


def with_items(index: Index, items: Iterable[Item]) -> Index:
    """Return `index` with `items`, encoded and decoded as by a commit."""
    return sealed(mutations.upsert(index, items)[0])


def without(index: Index, *ids: str) -> Index:
    return sealed(mutations.remove(index, ids)[0])


def sealed(index: Index, commit: str = "a-commit") -> Index:
    return decode.open_blob(encode.encode(index, index.params.name, commit).blob)


def reopened(index: Index) -> Index:
    """Return the index that another process decodes from the blob of `index`."""
    return decode.open_blob(encode.encode(index, index.params.name, "a-commit").blob)


def items_of(matrix: npt.NDArray[Any], first: int = 0) -> list[Item]:
    """Return the rows of `matrix` as items whose ids are their numbers, from `first` on."""
    return [Item(str(row), vector) for row, vector in enumerate(matrix.astype(np.float32), first)]


def of_matrix(matrix: npt.NDArray[Any], distance: Distance, **more: int) -> Index:
    """Return an index of the rows of `matrix`, whose ids are their numbers."""
    return decode.open_blob(blob_of_matrix(matrix, distance, **more))


def blob_of_matrix(
    matrix: npt.NDArray[Any], distance: Distance, *, thresholds: Thresholds = DEFAULT, **more: int
) -> bytes:
    """Return the blob of an index of the rows of `matrix`, whose ids are their numbers."""
    index = mutations.upsert(empty(matrix.shape[1], distance, **more), items_of(matrix))[0]
    return encode.encode(index, "t", "a-commit", thresholds=thresholds).blob


def pairs(answer: Answer) -> list[tuple[str, float]]:
    return [(match.id, match.distance) for match in answer.matches]


def ids(answer: Answer) -> list[str]:
    return [match.id for match in answer.matches]


def tail_ids(index: Index) -> list[str]:
    """Return the ids of all rows of the tail, including removed ones."""
    return index.ids_of(range(index.base_rows, index.base_rows + len(index.tail)))


def metadata(index: Index) -> Mapping[str, Any]:
    return {vector_id: msgspec.json.decode(raw) for vector_id, raw in index.rows.metadata.items()}


class Oracle:
    """All distances to a query by the formula of a textbook, in float64, of vectors scaled to be safe."""

    def __init__(self, vectors: npt.NDArray[Any], distance: Distance) -> None:
        self.distance = distance
        self._wide = vectors.astype(np.float64)
        if distance == "cosine":
            self._wide = self._wide / np.abs(self._wide).max(axis=1, keepdims=True)
            self._lengths = np.linalg.norm(self._wide, axis=1)

    def distances(self, query: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        target = query.astype(np.float64)
        if self.distance == "euclidean":
            return np.linalg.norm(self._wide - target, axis=1)
        target = target / np.abs(target).max()
        return 1 - (self._wide @ target) / (self._lengths * np.linalg.norm(target))

    def nearest(self, query: npt.NDArray[Any], k: int) -> npt.NDArray[np.float64]:
        """Return the `k` smallest distances, ascending."""
        return np.sort(np.partition(self.distances(query), k - 1)[:k])

    def nearest_of_each(self, queries: F32, k: int) -> npt.NDArray[np.float64]:
        """Return the `k` smallest distances to each query, ascending: exact ones, of rows that one product selects."""
        factors = 2.0 if self.distance == "euclidean" else 1 / self._lengths
        lengths = np.square(self._wide).sum(axis=1) if self.distance == "euclidean" else 0.0
        products = self._wide @ queries.astype(np.float64).T
        order = (lengths - (factors * products.T)).T
        rows = np.argpartition(order, 4 * k, axis=0)[: 4 * k].T
        near = [Oracle(self._wide[one], self.distance) for one in rows]
        return np.array([oracle.nearest(query, k) for oracle, query in zip(near, queries, strict=True)])


def true_distances(vectors: npt.NDArray[Any], query: npt.NDArray[Any], distance: Distance) -> npt.NDArray[np.float64]:
    return Oracle(vectors, distance).distances(query)


def forest_file(vectors: F32, layout: Layout, trees: int) -> bytes:
    """Return the file that Annoy saves for a forest over `vectors`."""
    return bytes(forest.build(vectors, layout, trees)[0])


def section(data: bytes | memoryview) -> MemorySection:
    """Return bytes as a section in memory."""
    return MemorySection(bytes(data))
