"""Rows of small packed indexes, and what is stored of them."""

import numpy as np

from tests.support.sections import PackedIndex
from tests.support.vectors import item
from vectord.index import rows as index_rows
from vectord.index.state import Index


def some(first: int, last: int, dimension: int = 3) -> list[index_rows.Item]:
    rng = np.random.default_rng(first)
    vectors = rng.standard_normal((last - first, dimension))
    return [item(f"row-{row}", vector, {"row": row}) for row, vector in enumerate(vectors, first)]


def names(of: PackedIndex) -> list[str]:
    return [entry.name for entry in of.envelope.sections]


def stored(index: Index) -> dict[str, tuple[bytes, bytes | None]]:
    rows = index.rows
    metadata = {vector_id: bytes(raw) for vector_id, raw in rows.metadata.items()}
    return {vector_id: (rows.vectors[row].tobytes(), metadata.get(vector_id)) for vector_id, row in rows.row_of.items()}


def as_added(items: list[index_rows.Item]) -> dict[str, tuple[bytes, bytes | None]]:
    return {each.id: (each.vector.tobytes(), bytes(each.metadata) if each.metadata else None) for each in items}
