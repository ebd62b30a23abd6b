"""Get and list vectors of a snapshot."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from typing import Final

import numpy as np

from vectord.deadline import DeadlineCheck
from vectord.index.memory import documents_within
from vectord.index.query import scan
from vectord.index.query.values import Order, OrderedRow
from vectord.index.state import Index
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.results import GetResult, ListedVector, ListPage, OrderedRows
from vectord.service.values.selection import ListQuery, Members, Place, matching_rows, ordered_rows_of

_CHUNK_BYTES: Final = 16 << 20  # of the documents that are fetched at a time, about
_FEW: Final = 16  # documents that are read at a time, because some may be much longer than the others


def get(snapshot: Snapshot, ids: Sequence[str], members: Members) -> GetResult:
    """Return the vectors of `ids`, without repetition and in their order, and the ids that are not in the index."""
    index, unique = snapshot.index, list(dict.fromkeys(ids))
    vectors: list[ListedVector] = []
    missing: list[str] = []
    read = size = 0
    for some in batched(unique, min(len(unique), documents_within(index, _CHUNK_BYTES)) or 1):
        row_of = index.find(some)
        _prefetch(index, list(row_of.values()), members)
        for few in batched(some, _FEW):
            present = {vector_id: row_of[vector_id] for vector_id in few if vector_id in row_of}
            found = _read(index, present, members)
            vectors += found
            missing += (vector_id for vector_id in few if vector_id not in present)
            read, size = read + len(few), size + sum(one.size for one in found)
            if size >= members.size:
                return GetResult(vectors, missing, read, snapshot.etag)
    return GetResult(vectors, missing, read, snapshot.etag)


def list_by_hash(snapshot: Snapshot, query: ListQuery, check: DeadlineCheck) -> ListPage[Place]:
    """List vectors in the order of the hashes of ids."""
    index, members = snapshot.index, query.members
    limit = scan.Limit(
        query.limit, members.size, 4 * index.params.dimension if members.vectors else 0, members.metadata
    )
    page = scan.page(index, query.span, limit, matching_rows(index, query.filter, check), check)
    rows = [row.row for row in page.rows]
    vectors = index.vectors_of(rows) if members.vectors else [None] * len(rows)
    return ListPage(
        [ListedVector(row.id, row.metadata, vector) for row, vector in zip(page.rows, vectors, strict=True)],
        [Place(0, *row.position) for row in page.rows],
        page.after and Place(0, *page.after),
        snapshot.etag,
    )


def list_in_order(snapshot: Snapshot, query: ListQuery, order: Order, check: DeadlineCheck) -> ListPage[OrderedRow]:
    """List vectors in the order of a metadata path."""
    index, members = snapshot.index, query.members
    found = ordered_rows(index, query, order, check)
    vectors: list[ListedVector] = []
    for few in _in_order(index, query, found.rows):
        vectors += _read(index, {row.id: row.row for row in few}, members)
        if sum(one.size for one in vectors) >= members.size:
            break
    rows = found.rows[: len(vectors)]
    is_last = len(rows) == len(found.rows) and not found.more
    return ListPage(vectors, rows, None if is_last else rows[-1], snapshot.etag)


def _in_order(index: Index, query: ListQuery, rows: Sequence[OrderedRow]) -> Iterator[Sequence[OrderedRow]]:
    """Yield a few rows at a time, whose members were fetched with those of more rows."""
    for some in batched(rows, min(query.limit, documents_within(index, _CHUNK_BYTES))):
        _prefetch(index, [row.row for row in some], query.members)
        yield from batched(some, _FEW)


def ordered_rows(index: Index, query: ListQuery, order: Order, check: DeadlineCheck) -> OrderedRows:
    """Return the rows of a page in the order of a metadata path."""
    rows = ordered_rows_of(index, query, order, query.limit + 1, check)
    return OrderedRows(rows[: query.limit], more=len(rows) > query.limit)


def _prefetch(index: Index, rows: Sequence[int], members: Members) -> None:
    """Fetch the members of rows in one round."""
    base, in_base = index.base, [row for row in rows if row < index.base_rows]
    if base and in_base and members.metadata:
        base.documents.prefetch(in_base, index.fetch)
    if base and in_base and members.vectors:
        index.fetch((base.graph.section, base.graph.byte_ranges(np.array(in_base, np.int64))))


def _read(index: Index, row_of: Mapping[str, int], members: Members) -> Sequence[ListedVector]:
    metadata = index.metadata_of(row_of) if members.metadata else {}
    vectors = index.vectors_of(list(row_of.values())) if members.vectors else [None] * len(row_of)
    return [
        ListedVector(vector_id, metadata.get(vector_id), vector)
        for vector_id, vector in zip(row_of, vectors, strict=True)
    ]
