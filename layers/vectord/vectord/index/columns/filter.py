"""The rows of an index that satisfy a filter on their metadata.

Importing this module imports everything that evaluates filters: import it where a request has one.
"""

from collections.abc import Callable, Sequence
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.filters.match import keys, matcher
from vectord.filters.tree import Filter
from vectord.index.columns.collect import decoded, gathered
from vectord.index.columns.evaluate import bounds
from vectord.index.columns.model import Columns, Gathered
from vectord.index.columns.reader import Stored
from vectord.index.rows import Mask, RowMask
from vectord.index.sections.base import Fetch
from vectord.index.sections.documents import Packed
from vectord.index.sections.tail import Tail
from vectord.index.state import Base, Index

_Documents = Callable[[Sequence[int]], Sequence[msgspec.Raw | None]]

# Columns that were gathered in memory, for as long as the base or the tail that they describe exists.
_GATHERED: Final[WeakKeyDictionary[Base | Tail, Gathered]] = WeakKeyDictionary()


def matching(index: Index, tree: Filter) -> RowMask:
    """Return the live rows of `index` that satisfy `tree`, exactly.

    Columns decide most rows; the documents of the other rows are read.

    Raises:
        BlobCorrupt: the bytes read are not what was written; also what fetching may raise.
    """
    base = np.zeros(0, np.bool_)
    if index.base:
        documents = index.base.documents

        def texts(rows: Sequence[int]) -> list[msgspec.Raw | None]:
            return [document.metadata for document in documents.read(rows, index.fetch)]

        base = _matching(tree, _base_columns(index.base, index.fetch), index.live.hidden_base, texts, index.fetch)
    if not index.tail.row_of:
        return RowMask(base, np.zeros(len(index.tail), np.bool_), filtered=True)
    tail_texts = index.tail.texts
    columns = _gathered(index.tail, lambda: tail_texts)
    tail = _matching(tree, columns, index.live.hidden_tail, lambda rows: [tail_texts[row] for row in rows], index.fetch)
    return RowMask(base, tail, filtered=True)


def _matching(
    tree: Filter, columns: Columns, hidden: npt.NDArray[np.int64], documents: _Documents, fetch: Fetch
) -> Mask:
    mask = bounds(tree, columns.read(keys(tree), fetch), columns.rows)
    found = mask.surely
    found[hidden] = False
    if not mask.settled:
        undecided = mask.possibly & ~found
        undecided[hidden] = False
        rows = np.flatnonzero(undecided)
        satisfies = matcher(tree)
        found[rows] = [satisfies(decoded(document)) for document in documents(rows.tolist())]
    return found


def _base_columns(base: Base, fetch: Fetch) -> Columns:
    """Return the columns of a base: its section, or for a base without that section, columns of its documents."""
    rows = base.graph.rows
    if base.columns is not None:
        return Stored(base.columns, rows)
    # Either no row has metadata, or the base is plain, or an earlier vectord wrote it.
    if isinstance(base.documents, Packed):
        fetch((base.documents.section, None))
    return _gathered(base, lambda: [document.metadata for document in base.documents.read(range(rows), fetch)])


def _gathered(source: Base | Tail, texts: Callable[[], Sequence[msgspec.Raw | None]]) -> Gathered:
    columns = _GATHERED.get(source)
    if columns is None:
        columns = _GATHERED[source] = gathered(texts())
    return columns
