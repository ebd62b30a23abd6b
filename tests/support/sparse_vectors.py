"""Rows with sparse vectors, and their dot products by other code than the index has."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

import numpy as np

from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.query.query import SparseSearch
from vectord.index.query.text_limits import LEAST_PRODUCT
from vectord.index.rows import Item
from vectord.lhv1.text_fields import SPARSE, TextField

NAMES = {"splade": SPARSE, "body": TextField(), "of.second": SPARSE}
DIMENSION = 4
INDICES = [0, 1, 7, 255, 256, 65_535, 65_536, 2**31, 2**32 - 2, 2**32 - 1]

type Sparse = dict[int, float]  # value by index
type Row = tuple[Sparse, Sparse, F32]


def drawn_rows(count: int, seed: int, prefix: str = "r") -> dict[str, Row]:
    """Return rows by id; many share indices, some have equal sparse vectors, and some have none."""
    random = Random(seed)
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)

    def sparse(most: int) -> Sparse:
        return {
            index: random.choice([-1.5, 0.1, 0.5, 3.25]) for index in random.sample(INDICES, random.randint(0, most))
        }

    return {f"{prefix}{n:03}": (sparse(6), sparse(2), vector) for n, vector in enumerate(vectors)}


def body(sparse: Mapping[int, float]) -> dict[str, list[Any]]:
    """Return a sparse vector as JSON has it, with its indices in descending order."""
    pairs = sorted(sparse.items(), reverse=True)
    return {"indices": [index for index, _ in pairs], "values": [value for _, value in pairs]}


def item(vector_id: str, row: Row) -> Item:
    metadata: dict[str, Any] = {"body": "red fox", "n": len(row[0])}
    if row[0]:
        metadata["splade"] = body(row[0])
    if row[1]:
        metadata["of"] = {"second": body(row[1])}
    return v.item(vector_id, row[2], metadata)


def items(rows: Mapping[str, Row]) -> list[Item]:
    return [item(vector_id, row) for vector_id, row in rows.items()]


def search_for(sparse: Mapping[int, float], name: str | None = "splade", least: float = LEAST_PRODUCT) -> SparseSearch:
    found = body(sparse)
    return SparseSearch(name, tuple(found["indices"]), tuple(found["values"]), least)


def product(first: Mapping[int, float], second: Mapping[int, float]) -> float:
    """Return the dot product of values as float32, in float64 by ascending indices."""
    total = 0.0
    for index in sorted(first.keys() & second.keys()):
        total += float(np.float32(first[index])) * float(np.float32(second[index]))
    return total


def ranked(products: Mapping[str, float]) -> list[str]:
    return sorted(products, key=lambda i: (-products[i], i))


class SparseIndex:
    """A packed index and the rows that it should have."""

    def __init__(self, rows: Mapping[str, Row]) -> None:
        self.rows = dict(rows)
        self.packed = PackedIndex(mutations.upsert(v.empty(DIMENSION, text=NAMES), items(rows))[0], PACKED)

    def add(self, rows: Mapping[str, Row]) -> None:
        self.rows |= rows
        self.packed.add(*items(rows))

    def remove(self, *ids: str) -> None:
        self.packed.remove(*ids)
        self.rows = {i: row for i, row in self.rows.items() if i not in ids}

    def rebuild(self) -> None:
        self.packed.commit(self.packed.index, rebuild=True)

    def products(
        self, sparse: Mapping[int, float], field: int = 0, among: Iterable[str] | None = None
    ) -> dict[str, float]:
        """Return the dot product of each row that shares an index."""
        chosen = self.rows if among is None else {i: self.rows[i] for i in among}
        return {i: product(row[field], sparse) for i, row in chosen.items() if row[field].keys() & sparse.keys()}
