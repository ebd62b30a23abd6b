"""Columns of documents, as they are gathered and as they are stored, and what they tell of a filter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.support import documents as d
from vectord.filters.match import keys
from vectord.filters.tree import Filter
from vectord.index.columns.collect import gathered
from vectord.index.columns.evaluate import bounds
from vectord.index.columns.model import Columns, Gathered
from vectord.index.columns.predicates import TernaryMask
from vectord.index.columns.reader import Stored
from vectord.index.columns.writer import pack
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection


def in_memory(documents: Sequence[Any]) -> Gathered:
    return gathered(d.raws(documents))


def stored(documents: Sequence[Any]) -> Columns:
    columns = in_memory(documents)
    return Stored(MemorySection(pack(columns)), len(documents)) if columns.columns else columns


def told(columns: Columns, tree: Filter) -> TernaryMask:
    return bounds(tree, columns.read(keys(tree), NOTHING_TO_FETCH), columns.rows)


def hits(columns: Columns, tree: Filter) -> list[int]:
    """Return the rows that satisfy a filter of which the columns can tell all."""
    found = told(columns, tree)
    assert found.settled
    return np.flatnonzero(found.surely).tolist()


HELD = pytest.mark.parametrize("held", [in_memory, stored])


# So many documents that a filter should read a small part of their section.
MANY = [{"year": row % 100, "name": f"name {row}", "score": row / 7, "tags": [row % 3, "x"]} for row in range(20_000)]
SECTION = pack(in_memory(MANY))
