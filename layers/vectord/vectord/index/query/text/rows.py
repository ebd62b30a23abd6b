"""The rows that a search by words or by a sparse vector finds, all of them, to be counted."""

from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.index.query.query import Query, SparseSearch, TextSearch, TextStatistics
from vectord.index.query.text import reading
from vectord.index.query.text.reading import Opened
from vectord.index.rows import Array, RowMask
from vectord.index.state import Index
from vectord.index.text.reading import finished

if TYPE_CHECKING:
    from vectord.index.query.text.sparse import OpenedSparse


def with_terms(
    index: Index,
    search: TextSearch | SparseSearch,
    first: TextStatistics | None,
    mask: RowMask | None,
    check: DeadlineCheck,
) -> RowMask:
    """Return the rows of `mask`, None for all live ones, that a search by words or by a sparse vector finds.

    `first` are the statistics of all shards, None for those of the index. They decide which terms a prefix stands for,
    and the relevances.

    Raises:
        TextInvalid: the index has no such texts, or there is nothing to search for.
        CursorInvalid: the statistics do not belong to this index.
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` and `check` raise.
    """
    query = Query(1, text=search) if isinstance(search, TextSearch) else Query(1, sparse=search)
    [terms] = reading.analysed(index, structs.replace(query, statistics=first)).values()
    opened = finished(reading.opened(index, terms, first, documents=False), index.fetch)
    check()
    allowed = mask or index.live
    found = np.zeros(len(allowed.base) + len(allowed.tail), np.bool_)
    found[_rows(opened, search, len(found))] = True
    in_base, in_tail = found[: len(allowed.base)], found[len(allowed.base) :]
    return RowMask(allowed.base & in_base, allowed.tail & in_tail, filtered=True)


def _rows(opened: "Opened | OpenedSparse", search: TextSearch | SparseSearch, count: int) -> Array:
    """Return the rows of the index that have the words or share an index; some may be removed."""
    if search.min_relevance > 0 or not isinstance(opened, Opened):
        return opened.rank(count, None, least=search.min_relevance).rows
    any_term = tuple((each.field, term) for each in opened.query.fields for term in each.terms)
    required = opened.query.required or (any_term,)
    matching = [segment.matching(required) + segment.first for segment in opened.segments]
    return np.concatenate([np.empty(0, np.int64), *matching])
