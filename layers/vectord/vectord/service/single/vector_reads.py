"""The reads of vectors of one blob: an index, or one shard of one."""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from vectord.errors import VectorNotFound
from vectord.index.query import scan
from vectord.index.query.scan import Page, Position, Span
from vectord.index.state import Index
from vectord.service.commit.idempotency import IdempotencyKey, is_repeat
from vectord.service.results import Counted, Deleted, GetResult, ListedVector, ListPage, Stored
from vectord.service.selection import Selection, matching, selected
from vectord.service.single.reads import one_blob
from vectord.service.snapshots.reader import SnapshotReader


class ListQuery(msgspec.Struct, frozen=True):
    """What a page lists: up to `limit` vectors behind the place `after`, whose ids start with `prefix`.

    Of those only what is in segment `segment` of `segments`, and satisfies `filter`, JSON text.
    """

    limit: int
    after: Position | None = None
    prefix: str = ""
    segment: int = 0
    segments: int = 1
    filter: str | None = None
    vectors: bool = False

    @property
    def span(self) -> Span:
        return Span(*scan.segment(self.segment, self.segments), self.after, self.prefix)


class SingleVectorReads:
    """Each use case may raise IsSharded, and what `SnapshotReader` does for the blob it names; `staleness` as there."""

    def __init__(self, reads: SnapshotReader) -> None:
        self._reads = reads

    def lookup(self, name: str, vector_id: str, until: float, staleness: float | None = None) -> Stored:
        found = self.get(name, [vector_id], until, staleness)
        if not found.vectors:
            raise VectorNotFound(name, vector_id)
        [kept] = found.vectors
        if kept.vector is None:
            raise AssertionError("a lookup brings the vector")
        return Stored(kept.id, kept.vector, kept.metadata, found.etag)

    def get(self, name: str, ids: Sequence[str], until: float, staleness: float | None = None) -> GetResult:
        """Return those of `ids` that are there, once each and in their order, and the others' ids."""
        unique = list(dict.fromkeys(ids))

        def look(index: Index) -> dict[str, ListedVector]:
            held = one_blob(index).find(unique)
            return {kept.id: kept for kept in _kept(index, held, index.metadata_of(held), vectors=True)}

        found, state = self._reads.using(name, until, look, staleness)
        missing = [vector_id for vector_id in unique if vector_id not in found]
        return GetResult([found[vector_id] for vector_id in unique if vector_id in found], missing, state.etag)

    def page(self, name: str, wanted: ListQuery, until: float, staleness: float | None = None) -> ListPage:
        def list_some(index: Index) -> tuple[Page, list[ListedVector]]:
            among = matching(one_blob(index), wanted.filter)
            page = scan.page(index, wanted.span, wanted.limit, among)
            row_of = {row.id: row.row for row in page.rows}
            metadata = {row.id: row.metadata for row in page.rows if row.metadata is not None}
            return page, _kept(index, row_of, metadata, vectors=wanted.vectors)

        (page, vectors), state = self._reads.using(name, until, list_some, staleness)
        return ListPage(vectors, page.after, etag=state.etag)

    def would_remove(self, name: str, which: Selection, until: float) -> Deleted:
        """Count what a removal would remove, and what it would leave."""

        def look(index: Index) -> tuple[int, int]:
            held = len(selected(one_blob(index), which))
            return held, len(index) - held

        (deleted, left), state = self._reads.using(name, until, look)
        return Deleted(deleted, left, state.etag)

    def absent(self, name: str, ids: Sequence[str], until: float, key: IdempotencyKey | None = None) -> list[str]:
        """Return those of `ids` that are not there; none if a request with `key` has been done."""
        repeated = is_repeat(name, key)

        def look(index: Index) -> list[str]:
            if repeated(one_blob(index)):
                return []
            held = index.find(ids)
            return [vector_id for vector_id in ids if vector_id not in held]

        return self._reads.using(name, until, look)[0]

    def count(self, name: str, filter_text: str | None, until: float, staleness: float | None = None) -> Counted:
        """Count the vectors that satisfy a filter, all where there is none."""
        counted, state = self._reads.using(name, until, partial(_count, filter_text), staleness)
        return Counted(counted, state.etag)


def _count(filter_text: str | None, index: Index) -> int:
    among = matching(one_blob(index), filter_text)
    return len(index) if among is None else among.count


def _kept(
    index: Index, row_of: Mapping[str, int], metadata: Mapping[str, msgspec.Raw], *, vectors: bool
) -> list[ListedVector]:
    if not vectors:
        return [ListedVector(vector_id, metadata.get(vector_id)) for vector_id in row_of]
    taken = index.vectors_of(list(row_of.values()))
    return [
        ListedVector(vector_id, metadata.get(vector_id), vector)
        for vector_id, vector in zip(row_of, taken, strict=True)
    ]
