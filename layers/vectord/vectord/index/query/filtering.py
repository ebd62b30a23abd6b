"""Find the live rows of an index that match a filter: by columns, and by documents where columns do not decide."""

from collections.abc import Callable, Sequence
from typing import Final
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.filters.match import matcher
from vectord.filters.tree import Filter, paths
from vectord.index.columns.collect import collect_columns, decode_metadata
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.model import CollectedColumns, Columns
from vectord.index.columns.reader import StoredColumns
from vectord.index.rows import Mask, RowMask
from vectord.index.sections.base import Fetch
from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Base, Index, Tail

type _Documents = Callable[[Sequence[int]], Sequence[msgspec.Raw | None]]

# Columns that were collected in memory. An entry is dropped with its base or tail.
_COLLECTED: Final[WeakKeyDictionary[Base | Tail, CollectedColumns]] = WeakKeyDictionary()


def matching_rows(index: Index, tree: Filter) -> RowMask:
    """Return the live rows of `index` that match `tree`.

    Columns settle most rows. The documents of the other rows are read.

    Raises:
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` raises.
    """
    base = np.zeros(0, np.bool_)
    if index.base:
        documents = index.base.documents

        def base_texts(rows: Sequence[int]) -> list[msgspec.Raw | None]:
            return [document.metadata for document in documents.read(rows, index.fetch)]

        base = _mask(tree, _base_columns(index.base, index.fetch), index.live.hidden_base, base_texts, index.fetch)
    if not index.tail.row_of:
        return RowMask(base, np.zeros(len(index.tail), np.bool_), filtered=True)
    tail_texts = index.tail.texts
    columns = _collected(index.tail, lambda: tail_texts)
    tail = _mask(tree, columns, index.live.hidden_tail, lambda rows: [tail_texts[row] for row in rows], index.fetch)
    return RowMask(base, tail, filtered=True)


def _mask(tree: Filter, columns: Columns, hidden: npt.NDArray[np.int64], documents: _Documents, fetch: Fetch) -> Mask:
    ternary = evaluate(tree, columns.read(paths(tree), fetch), columns.rows)
    mask = ternary.certain
    mask[hidden] = False
    if not ternary.settled:
        undecided = ternary.possible & ~mask
        undecided[hidden] = False
        rows = np.flatnonzero(undecided)
        satisfies = matcher(tree)
        mask[rows] = [satisfies(decode_metadata(document)) for document in documents(rows.tolist())]
    return mask


def _base_columns(base: Base, fetch: Fetch) -> Columns:
    """Return the columns of a base: those of its section, or else columns that are collected from its documents."""
    rows = base.graph.rows
    if base.columns is not None:
        return StoredColumns(base.columns, rows)
    # The base has no metadata, has the plain form, or was written by a version of vectord without columns.
    if isinstance(base.documents, PackedDocuments):
        fetch((base.documents.section, None))
    return _collected(base, lambda: [document.metadata for document in base.documents.read(range(rows), fetch)])


def _collected(source: Base | Tail, texts: Callable[[], Sequence[msgspec.Raw | None]]) -> CollectedColumns:
    columns = _COLLECTED.get(source)
    if columns is None:
        columns = _COLLECTED[source] = collect_columns(texts())
    return columns
