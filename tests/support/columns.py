"""Columns of documents, as they are collect_columns and as they are stored, and what they tell of a filter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.support import documents as d
from vectord.filters.tree import Filter, paths
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.model import CollectedColumns, Columns
from vectord.index.columns.predicates import TernaryMask
from vectord.index.columns.reader import StoredColumns
from vectord.index.columns.writer import pack_columns
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection


def in_memory(documents: Sequence[Any]) -> CollectedColumns:
    return collect_columns(d.raws(documents))


def stored(documents: Sequence[Any]) -> Columns:
    columns = in_memory(documents)
    return StoredColumns(MemorySection(pack_columns(columns)), len(documents)) if columns.columns else columns


def told(columns: Columns, tree: Filter) -> TernaryMask:
    return evaluate(tree, columns.read(paths(tree), NOTHING_TO_FETCH), columns.rows)


def hits(columns: Columns, tree: Filter) -> list[int]:
    """Return the rows that satisfy a filter of which the columns can tell all."""
    found = told(columns, tree)
    assert found.settled
    return np.flatnonzero(found.certain).tolist()


HELD = pytest.mark.parametrize("held", [in_memory, stored])


# So many documents that a filter should read a small part of their section.
MANY = [{"year": row % 100, "name": f"name {row}", "score": row / 7, "tags": [row % 3, "x"]} for row in range(20_000)]
SECTION = pack_columns(in_memory(MANY))
