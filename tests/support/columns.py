"""Columns of documents, collected in memory or stored in a section, and filters evaluated on them."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from tests.support import documents as d
from vectord.filters.tree import Filter, paths
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.model import CollectedColumns, Columns
from vectord.index.columns.predicates import TernaryMask
from vectord.index.columns.reader import StoredColumns
from vectord.index.columns.writer import pack_columns
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection

type MakeColumns = Callable[[Sequence[Any]], Columns]


def in_memory(documents: Sequence[Any], without: Collection[str] = ()) -> CollectedColumns:
    return collect_columns(d.raws(documents), without=without)


def stored(documents: Sequence[Any], without: Collection[str] = ()) -> Columns:
    columns = in_memory(documents, without)
    return StoredColumns(MemorySection(pack_columns(columns)), len(documents)) if columns.columns else columns


def mask_of(columns: Columns, tree: Filter) -> TernaryMask:
    return evaluate(tree, columns.read(paths(tree), NOTHING_TO_FETCH), columns.rows)


def settled_rows(columns: Columns, tree: Filter) -> list[int]:
    """Return the rows that match a filter; columns must decide all rows."""
    mask = mask_of(columns, tree)
    assert mask.settled
    return np.flatnonzero(mask.certain).tolist()
