"""An index that is one object, or one shard of an index: every use case on one opened snapshot."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.errors import PreconditionFailed, VectorNotFound
from vectord.index.kernels.distance import F32
from vectord.index.query.prefetch import fetch_all
from vectord.index.query.query import Answer, Query, Result, TextStatistics, check_vectors, resolved
from vectord.index.query.recall import Probe, measure, sample
from vectord.index.query.search import search_many
from vectord.index.query.values import Order, OrderedRow
from vectord.index.rows import Item, RowMask
from vectord.index.state import Index
from vectord.readers.entry import Entry, NewVector
from vectord.readers.matrix import EntryMatrix
from vectord.service.commit.idempotency import is_repeat
from vectord.service.commit.prepared import Changes, Committed, Effect
from vectord.service.single import listing
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.environment import Environment, ReadCost
from vectord.service.values.options import Deadline, IdempotencyKey, WriteOptions
from vectord.service.values.results import (
    Added,
    Counted,
    Deleted,
    Description,
    Facets,
    GetResult,
    ListPage,
    OrderedRows,
    Patched,
    RecallMeasurement,
    StoredVector,
    Warmed,
)
from vectord.service.values.selection import (
    EVERYTHING,
    ChangeMetadata,
    Delete,
    FacetQuery,
    ListQuery,
    Members,
    Patch,
    Place,
    Selection,
    TextSelection,
    counted_rows,
    facets_of,
    matching_rows,
    selected_rows,
)
from vectord.service.values.text_fields import searchable_fields
from vectord.service.values.validation import Add, with_sparse

_SEED: Final = 20_261_123  # of the random sample of a recall measurement


class SingleIndex(msgspec.Struct, frozen=True):
    """One snapshot of an index, used by one request that ends at `deadline`.

    `read_before` is what the meter had counted before the snapshot was opened.

    Every read may raise BlobCorrupt, ObjectChanged, StoreUnavailable and StoreRefused while it reads ranges of the
    object. Every write may raise what `CommitLoop.apply` does. What uses a filter may raise DeadlineExceeded.
    """

    snapshot: Snapshot
    deadline: Deadline
    environment: Environment
    commits: Changes
    read_before: ReadCost = ReadCost()

    @property
    def name(self) -> str:
        return self.snapshot.name

    @property
    def index(self) -> Index:
        return self.snapshot.index

    def check(self) -> None:
        """Raise DeadlineExceeded after the deadline."""
        self.environment.check(self.deadline)

    def describe(self) -> Description:
        return description_of(self.snapshot)

    def search(self, query: Query) -> Result:
        """Return the nearest matches of each query vector, or of the stored vector `query.like`, which is excluded.

        Raises:
            RequestInvalid: a query vector does not fit the index.
            TextInvalid: the index has no such texts, or there is nothing to search for.
            CursorInvalid: the page before was one of another search.
            FilterInvalid: the filter is not valid.
            VectorNotFound: the index has no vector `query.like`.
            AnswerTooLarge: the matches are certainly larger than `query.max_bytes`.
            DeadlineExceeded
        """
        snapshot = self.snapshot
        index = snapshot.index
        if query.like is not None:
            query = resolved(query, self._vector(query.like))
        else:
            check_vectors(query, index.params)
        rows = None if query.filter is None else matching_rows(index, query.filter, self.check)
        read_ahead = not self._read_so_far().bytes
        if query.text is None and query.sparse is None:
            answers = search_many(index, query, rows, self.check, read_ahead=read_ahead)
        else:
            answers = [_search_text(index, query, rows, self.check, read_ahead=read_ahead)]
        read = self._read_so_far()
        if read.bytes >= index.size:
            answers = [_with_whole_fetch(answer) for answer in answers]
        return Result(answers, snapshot.etag, read.bytes, read.requests, read.rounds)

    def text_statistics(self, query: Query) -> TextStatistics:
        """Return the statistics of the words of a query, as a shard has them; raise what `search` raises."""
        from vectord.index.query.text import search  # noqa: PLC0415  most indexes have no texts

        return search.own_statistics(self.index, query)

    def candidates(self, query: Query) -> Result:
        """Return the rows of all lists of a hybrid search, as a shard has them; raise what `search` raises."""
        from vectord.index.query.text import hybrid  # noqa: PLC0415  most indexes have no texts

        rows = None if query.filter is None else matching_rows(self.index, query.filter, self.check)
        read_ahead = not self._read_so_far().bytes
        answer = hybrid.candidates(self.index, query, rows, self.check, read_ahead=read_ahead)
        read = self._read_so_far()
        return Result([answer], self.snapshot.etag, read.bytes, read.requests, read.rounds)

    def recall(self, query: Query, sample_size: int) -> RecallMeasurement:
        """Measure the recall of searches for the query vectors, or for `sample_size` stored vectors if there are none.

        A stored vector is not a match of itself. At least one vector is measured; the others are skipped after the
        deadline.

        Raises:
            RequestInvalid: a query vector does not fit the index.
        """
        index = self.index
        check_vectors(query, index.params)
        probes = list(map(Probe, query.vectors)) or sample(index, sample_size, np.random.default_rng(_SEED))
        rows = matching_rows(index, query.filter, self.check)
        measured = measure(index, probes, query, self.environment.now, self.deadline.at, matching=rows)
        return RecallMeasurement(measured, query.k, len(index), _curves(index), self.snapshot.etag)

    def warm(self) -> Warmed:
        """Fetch everything that searches read into the cache."""
        fetch_all(self.index)
        read = self._read_so_far()
        return Warmed(self.index.size, self.snapshot.etag, read.bytes, read.requests)

    def lookup(self, vector_id: str) -> StoredVector:
        """Return one stored vector.

        Raises:
            VectorNotFound: the index has no such id.
        """
        row_of = self.index.find([vector_id])
        if not row_of:
            raise VectorNotFound(self.name, vector_id)
        metadata = self.index.metadata_of(row_of).get(vector_id)
        [vector] = self.index.vectors_of(list(row_of.values()))
        return StoredVector(vector_id, vector, metadata, self.snapshot.etag)

    def get(self, ids: Sequence[str], members: Members = EVERYTHING) -> GetResult:
        return listing.get(self.snapshot, ids, members)

    def list(self, query: ListQuery) -> ListPage[Place]:
        return listing.list_by_hash(self.snapshot, query, self.check)

    def list_in_order(self, query: ListQuery, order: Order) -> ListPage[OrderedRow]:
        return listing.list_in_order(self.snapshot, query, order, self.check)

    def ordered_rows(self, query: ListQuery, order: Order) -> OrderedRows:
        return listing.ordered_rows(self.index, query, order, self.check)

    def count(self, filter_text: str | None, text: TextSelection | None = None) -> Counted:
        """Count the vectors that satisfy a filter and have some words, all vectors without both."""
        return Counted(counted_rows(self.index, filter_text, text, self.check).count, self.snapshot.etag)

    def facets(self, query: FacetQuery) -> Facets:
        """Count the distinct values at some paths among the vectors that satisfy a filter and have some words."""
        mask = counted_rows(self.index, query.filter, query.text, self.check)
        return Facets(facets_of(self.index, query, mask, self.check), mask.count, self.snapshot.etag)

    def would_delete(self, selection: Selection, write: WriteOptions) -> Deleted:
        """Count the vectors that a deletion would delete, and those that it would leave.

        Raises:
            PreconditionFailed: the snapshot does not satisfy the precondition.
        """
        deleted = len(selected_rows(self.index, selection, self.check))
        if write.precondition is not None and self.snapshot.etag not in write.precondition:
            raise PreconditionFailed(self.name)
        return Deleted(deleted, len(self.index) - deleted, self.snapshot.etag)

    def absent_ids(self, ids: Sequence[str], key: IdempotencyKey | None) -> Sequence[str]:
        """Return those of `ids` that are not in the index; none if the index records a write with `key`.

        Raises:
            IdempotencyKeyReused: it records the write of another request with `key`.
        """
        if key is not None and is_repeat(self.name, key, self.index):
            return []
        row_of = self.index.find(ids)
        return [vector_id for vector_id in ids if vector_id not in row_of]

    def add(self, entries: Sequence[Entry], write: WriteOptions) -> Added:
        """Add or replace a batch in one commit.

        Raises:
            BatchInvalid: some entries are not valid; nothing was changed.
        """
        if not isinstance(entries, EntryMatrix) and any(isinstance(one, NewVector) and one.sparse for one in entries):
            entries = with_sparse(entries, self.index.params)
        return _added(self.commits.apply(self.snapshot, Add(entries), self.deadline, write))

    def add_checked(self, items: Sequence[Item], write: WriteOptions) -> Added:
        """Add or replace items that were validated before, in one commit."""
        return _added(self.commits.apply(self.snapshot, Add(items=items), self.deadline, write))

    def delete(self, selection: Selection, write: WriteOptions) -> Deleted:
        """Delete the selected vectors; unknown ids are ignored, or raise VectorsNotFound if they must exist."""
        committed = self.commits.apply(self.snapshot, Delete(selection), self.deadline, write)
        deleted, count = committed.result
        return Deleted(deleted, count, committed.state.etag)

    def patch(self, selection: Selection, patch: Patch, write: WriteOptions) -> Patched:
        """Change the metadata of the selected vectors.

        Raises:
            VectorsNotFound: some ids are not in the index; nothing was changed.
            RequestTooLarge: the metadata, once for each vector, is too large.
        """
        committed = self.commits.apply(self.snapshot, ChangeMetadata(selection, patch), self.deadline, write)
        patched, count = committed.result
        return Patched(patched, count, committed.state.etag)

    def _vector(self, vector_id: str) -> F32:
        row_of = self.index.find([vector_id])
        if not row_of:
            raise VectorNotFound(self.name, vector_id)
        vector: F32 = self.index.vectors_of(list(row_of.values()))[0]
        return vector

    def _read_so_far(self) -> ReadCost:
        """Return what this request has read so far."""
        return self.environment.meter.read().since(self.read_before)


def _search_text(index: Index, query: Query, rows: RowMask | None, check: DeadlineCheck, *, read_ahead: bool) -> Answer:
    """Search by words, by a sparse vector, or by several of them and the vector that the query has."""
    from vectord.index.query.text import hybrid, search  # noqa: PLC0415  most indexes have no texts

    if query.is_hybrid:
        return hybrid.search(index, query, rows, check, read_ahead=read_ahead)
    return search.search(index, query, rows, check)


def _added(committed: Committed[Effect]) -> Added:
    added, replaced, count = committed.result
    return Added(added, replaced, count, committed.state.etag)


def description_of(snapshot: Snapshot) -> Description:
    index, base = snapshot.index, snapshot.index.base
    return Description(
        index.params,
        len(index),
        index.size,
        base.graph.section.size if base else 0,
        _curves(index),
        snapshot.etag,
        searchable=searchable_fields(index),
    )


def _curves(index: Index) -> Mapping[str, Mapping[int, float]]:
    """Return the calibration of all strategies: that of partitions is stored with them."""
    base = index.base
    if base is None:
        return {}
    return {**base.calibration, **(base.parts.shape.curves if base.parts else {})}


def _with_whole_fetch(answer: Answer) -> Answer:
    """Return the answer with fetch mode `whole` instead of `local`: this same request read all bytes."""
    return structs.replace(answer, plan="whole") if answer.plan == "local" else answer
