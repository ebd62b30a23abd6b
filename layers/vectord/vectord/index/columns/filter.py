"""The rows of an index that satisfy a filter on their metadata."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.sections.base import Fetch
from vectord.index.state import Base, Index

# What evaluates filters is imported with the first one: most searches have none.
if TYPE_CHECKING:
    from vectord.filters.tree import Filter
    from vectord.index.columns.model import Columns

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Documents = Callable[[Sequence[int]], Sequence[msgspec.Raw | None]]


class Matching:
    """Which live rows satisfy a filter: `base` bool (rows of the graph,), `tail` bool (rows of the tail,)."""

    def __init__(self, base: Mask, tail: Mask) -> None:
        self.base, self.tail = base, tail

    @cached_property
    def count(self) -> int:
        return int(np.count_nonzero(self.base)) + int(np.count_nonzero(self.tail))


def matching(index: Index, tree: "Filter") -> Matching:
    """Return the live rows of `index` that satisfy `tree`, exactly.

    Columns tell most of it; the documents of rows that they leave open are read.

    Raises:
        BlobCorrupt: bytes that it met are not what was written; whatever bringing bytes here may raise.
    """
    base = np.zeros(0, np.bool_)
    if index.base:
        documents = index.base.documents

        def texts(rows: Sequence[int]) -> list[msgspec.Raw | None]:
            return [document.metadata for document in documents.read(rows, index.fetch)]

        base = _matching(tree, _columns(index.base, index.fetch), index.gone, texts, index.fetch)
    if not index.tail.row_of:
        return Matching(base, np.zeros(len(index.tail), np.bool_))
    held = index.tail.texts
    tail = _matching(tree, index.tail.columns, index.gone_behind, lambda rows: [held[row] for row in rows], index.fetch)
    return Matching(base, tail)


def rows_of(found: Matching) -> Array:
    """Return the rows that satisfy, int64, ascending; those of the tail are numbered after the base's."""
    return np.concatenate([np.flatnonzero(found.base), np.flatnonzero(found.tail) + len(found.base)])


def _matching(tree: "Filter", columns: "Columns", gone: Array, documents: _Documents, fetch: Fetch) -> Mask:
    from vectord.filters.match import keys, matcher  # noqa: PLC0415 - see above
    from vectord.index.columns.evaluate import bounds  # noqa: PLC0415

    told = bounds(tree, columns.read(keys(tree), fetch), columns.rows)
    found = told.surely
    found[gone] = False
    if not told.settled:
        from vectord.index.columns.collect import decoded  # noqa: PLC0415

        may = told.possibly & ~found
        may[gone] = False
        rows = np.flatnonzero(may)
        satisfies = matcher(tree)
        found[rows] = [satisfies(decoded(document)) for document in documents(rows.tolist())]
    return found


def _columns(base: Base, fetch: Fetch) -> "Columns":
    from vectord.index.columns.reader import Stored  # noqa: PLC0415
    from vectord.index.sections.documents import Packed  # noqa: PLC0415

    if base.columns is not None:
        return Stored(base.columns, base.graph.rows)
    if isinstance(base.documents, Packed):  # an index without metadata, or of a time before columns
        fetch((base.documents.section, None))
    return base.gathered
