"""Columns of documents, as they are gathered and as they are stored, and what they tell of a filter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.support import documents as d
from vectord.filters import Filter, keys
from vectord.index.bounds import bounds
from vectord.index.columns import Columns, Gathered
from vectord.index.columns_gather import gathered
from vectord.index.columns_pack import pack
from vectord.index.columns_read import Stored
from vectord.index.hits import Bounds
from vectord.index.sections import InMemory, all_here


def in_memory(documents: Sequence[Any]) -> Gathered:
    return gathered(d.raws(documents))


def stored(documents: Sequence[Any]) -> Columns:
    columns = in_memory(documents)
    return Stored(InMemory(pack(columns)), len(documents)) if columns.columns else columns


def told(columns: Columns, tree: Filter) -> Bounds:
    return bounds(tree, columns.read(keys(tree), all_here), columns.rows)


def hits(columns: Columns, tree: Filter) -> list[int]:
    """Return the rows that satisfy a filter of which the columns can tell all."""
    found = told(columns, tree)
    assert found.settled
    return np.flatnonzero(found.surely).tolist()


HELD = pytest.mark.parametrize("held", [in_memory, stored])


# So many documents that a filter should read a small part of their section.
MANY = [{"year": row % 100, "name": f"name {row}", "score": row / 7, "tags": [row % 3, "x"]} for row in range(20_000)]
SECTION = pack(in_memory(MANY))
