"""The rows of an index as a value: ids, vectors and metadata, and the two ways to change them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np

from vectord.index.distance import F32


@dataclass(frozen=True, slots=True)
class Item:
    """One vector to add: float32 (dimension,), and its metadata as JSON text, None to leave what is stored alone."""

    id: str
    vector: F32
    metadata: msgspec.Raw | None = None


@dataclass(frozen=True)
class Rows:
    """ids in row order, vectors float32 (rows, dimension), metadata by id as JSON text."""

    ids: Sequence[str]
    vectors: F32
    metadata: Mapping[str, msgspec.Raw]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        return {vector_id: row for row, vector_id in enumerate(self.ids)}


def no_rows(dimension: int) -> Rows:
    return Rows((), np.empty((0, dimension), np.float32), {})


def upsert(rows: Rows, items: Iterable[Item]) -> tuple[Rows, int, int]:
    """Return the rows with `items` in them, and how many were added and replaced; of equal ids the last wins."""
    last = {item.id: item for item in items}
    if not last:
        return rows, 0, 0
    new_ids = [vector_id for vector_id in last if vector_id not in rows.row_of]
    ids = [*rows.ids, *new_ids]
    row_of = {**rows.row_of, **{vector_id: len(rows) + i for i, vector_id in enumerate(new_ids)}}
    vectors = np.empty((len(ids), rows.vectors.shape[1]), np.float32)
    vectors[: len(rows)] = rows.vectors
    vectors[[row_of[vector_id] for vector_id in last]] = [item.vector for item in last.values()]
    metadata = {**rows.metadata, **{item.id: item.metadata for item in last.values() if item.metadata is not None}}
    return Rows(ids, vectors, metadata), len(new_ids), len(last) - len(new_ids)


def remove(rows: Rows, ids: Iterable[str]) -> tuple[Rows, int]:
    """Return the rows without `ids`, and how many of those were there."""
    gone = {vector_id for vector_id in ids if vector_id in rows.row_of}
    if not gone:
        return rows, 0
    kept = [row for row, vector_id in enumerate(rows.ids) if vector_id not in gone]
    metadata = {vector_id: value for vector_id, value in rows.metadata.items() if vector_id not in gone}
    return Rows([rows.ids[row] for row in kept], rows.vectors[kept], metadata), len(gone)
