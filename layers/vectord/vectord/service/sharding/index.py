"""A sharded index: each use case sends requests to shards and merges their results.

Changes of one shard are one commit. A batch over several shards is not atomic: docs/sharding.md says what callers may
rely on.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec
from msgspec import structs

from vectord.errors import (
    BlobCorrupt,
    IndexNotFound,
    ObjectChanged,
    RequestInvalid,
    VectordError,
    VectorNotFound,
    VectorsNotFound,
)
from vectord.index import mutations
from vectord.index.query.query import Query, Result, check_vectors, resolved
from vectord.index.query.values import Order, OrderedRow
from vectord.lhv1.params import Params
from vectord.readers.entry import Entry
from vectord.service.commit.operations import IndexReplaced
from vectord.service.sharding import listing
from vectord.service.sharding.changes import failure_of, send_changes
from vectord.service.sharding.failures import Failed, error_of
from vectord.service.sharding.fan_out import Collect, FanOut, ShardAccess, as_read
from vectord.service.sharding.merge import merge_descriptions, merge_ordered
from vectord.service.sharding.messages import (
    AddRequest,
    ChangeRequest,
    ChangeResult,
    CountRequest,
    CountResult,
    DeleteRequest,
    DescribeRequest,
    DescribeResult,
    OrderRequest,
    OrderResult,
    PatchRequest,
    ShardRequest,
    ShardResult,
)
from vectord.service.sharding.placement import by_shard, id_of, shard_name, shard_names, shard_of, with_home_first
from vectord.service.sharding.searching import ShardSearch
from vectord.service.single.index import SingleIndex
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values import validation
from vectord.service.values.options import Deadline, IdempotencyKey, ReadOptions, WriteOptions
from vectord.service.values.results import (
    Added,
    Counted,
    Deleted,
    Description,
    Facets,
    GetResult,
    ListPage,
    Patched,
    RecallMeasurement,
    StoredVector,
    Warmed,
)
from vectord.service.values.selection import (
    EVERYTHING,
    FacetQuery,
    ListQuery,
    Members,
    Patch,
    Place,
    Selection,
    TextSelection,
    parse_filter,
)

_LONG_PATCH: Final = 1_000  # bytes of metadata from which on the vectors that a patch selects are counted first


class ShardedIndex(msgspec.Struct, frozen=True):
    """The index with the parameters `parent`, used by one request that ends at `deadline`.

    Every method may raise IndexNotFound, BlobError, StorageSilent, StoreRefused, and
        ObjectChanged: the index was deleted and created again during the request; start over.
    """

    parent: Params
    deadline: Deadline
    read: ReadOptions
    shards: ShardAccess

    @property
    def name(self) -> str:
        return self.parent.name

    @property
    def _searches(self) -> ShardSearch:
        check = partial(self.shards.pool.environment.check, self.deadline)
        return ShardSearch(self.parent, self.read.staleness, self._results, self.get, check)

    def describe(self) -> Description:
        requests = [DescribeRequest(shard) for shard in shard_names(self.parent)]
        return merge_descriptions(self.parent, self._results(requests, DescribeResult, self.shards.local))

    def search(self, query: Query) -> Result:
        """Search every shard for `k` matches; an error of one shard fails the search.

        Raises:
            RequestInvalid, FilterInvalid, VectorNotFound: as `SingleIndex.search` does.
            TextInvalid, CursorInvalid, AnswerTooLarge: as `SingleIndex.search` does.
        """
        parse_filter(query.filter)
        query = query if query.like is None else resolved(query, self.lookup(query.like).vector)
        check_vectors(query, self.parent)
        return self._searches.search(query)

    def recall(self, query: Query, sample_size: int) -> RecallMeasurement:
        """Raise RequestInvalid: recall is measured only on single-object indexes."""
        raise RequestInvalid(
            f"index {self.parent.name!r} has {self.parent.shards} shards, and recall can be measured only for a "
            "single-object index: compare the matches of a search with those of a search with a recall of 1"
        )

    def warm(self) -> Warmed:
        """Raise RequestInvalid: Lambda chooses the function instances that search the shards."""
        raise RequestInvalid(
            f"index {self.parent.name!r} has {self.parent.shards} shards, and Lambda chooses the function instances "
            "that search them: search the index to warm these instances"
        )

    def lookup(self, vector_id: str) -> StoredVector:
        shard = shard_name(self.parent, shard_of(vector_id, self.parent.shards or 1))
        try:
            found = self._on_shard(shard, lambda single: single.lookup(vector_id))
        except VectorNotFound as error:
            raise VectorNotFound(self.parent.name, vector_id) from error
        return structs.replace(found, etag=None)

    def get(self, ids: Sequence[str], members: Members = EVERYTHING) -> GetResult:
        return listing.get(self.parent, self._on_shard, self.shards.pool, ids, members)

    def list(self, query: ListQuery) -> ListPage[Place]:
        return listing.list_by_hash(self.parent, self._on_shard, query)

    def list_in_order(self, query: ListQuery, order: Order) -> ListPage[OrderedRow]:
        """Ask every shard for its first rows, merge them, and get the vectors of the first ones.

        A vector that was deleted between the two steps is left out.
        """
        names = shard_names(self.parent)
        found = self._results([OrderRequest(shard, query, order, self.read.staleness) for shard in names], OrderResult)
        page = merge_ordered(found, order, query.limit)
        vectors = self.get([row.id for row in page.rows], query.members)
        rows = page.rows[: vectors.read]
        row_of = {row.id: row for row in rows}
        more = page.more or len(rows) < len(page.rows)
        return ListPage(vectors.vectors, [row_of[one.id] for one in vectors.vectors], rows[-1] if more else None)

    def count(self, filter_text: str | None, text: TextSelection | None = None) -> Counted:
        return self._searches.count(filter_text, text)

    def facets(self, query: FacetQuery) -> Facets:
        return self._searches.facets(query)

    def would_delete(self, selection: Selection, write: WriteOptions) -> Deleted:
        check_unconditional(self.parent, write)
        if selection.ids is None:
            return Deleted(self.count(selection.filter).count)
        requests = [CountRequest(shard, ids=ids) for shard, ids in by_shard(self.parent, selection.ids, str).items()]
        return Deleted(sum(one.count for one in self._results(requests, CountResult)))

    def add(self, entries: Sequence[Entry], write: WriteOptions) -> Added:
        """Add or replace a batch, in one commit for each shard.

        Raises:
            BatchInvalid: some entries are not valid; nothing was changed.
            PartlyApplied, Contended, OutcomeUnknown
        """
        self._check(write)
        items = validation.validated_items(validation.with_sparse(entries, self.parent), self.parent)
        parts = with_home_first(self.parent, by_shard(self.parent, items, id_of), write.key, [])
        changed = self._commit([AddRequest(shard, items, write.key) for shard, items in parts.items()])
        return Added(sum(one.rows for one in changed), sum(one.replaced for one in changed))

    def delete(self, selection: Selection, write: WriteOptions) -> Deleted:
        """Delete the selected vectors, in one commit for each shard; with a filter, PartlyApplied counts shards.

        Raises:
            VectorsNotFound, PartlyApplied, Contended, OutcomeUnknown
        """
        self._check(write)
        parts = self._parts(selection, write.key)
        # Without a key only the shard of the vector commits, and it looks itself.
        if selection.must_exist and write.key and (missing := self._absent_ids(parts, write.key)):
            raise VectorsNotFound(self.parent.name, missing)
        requests = [DeleteRequest(shard, part, write.key) for shard, part in parts.items()]
        return Deleted(sum(one.rows for one in self._commit(requests)))

    def patch(self, selection: Selection, patch: Patch, write: WriteOptions) -> Patched:
        """Change metadata, in one commit for each shard; with a filter, PartlyApplied counts shards.

        Raises:
            VectorsNotFound: some ids are not in the index; nothing was changed.
            RequestTooLarge: the metadata, once for each vector, is too large.
            PartlyApplied, Contended, OutcomeUnknown
        """
        self._check(write)
        parts = self._parts(selection, write.key)
        if selection.ids is not None and (missing := self._absent_ids(parts, write.key)):
            raise VectorsNotFound(self.parent.name, missing)
        self._check_patch_size(selection, patch)
        requests = [PatchRequest(shard, part, patch, write.key) for shard, part in parts.items()]
        return Patched(sum(one.rows for one in self._commit(requests)))

    def _check(self, write: WriteOptions) -> None:
        """Raise RequestInvalid if a write has a precondition, IndexReplaced if it is for an earlier index."""
        check_unconditional(self.parent, write)
        if write.identity not in (None, self.parent.generation):
            raise IndexReplaced(self.name)

    def _check_patch_size(self, selection: Selection, patch: Patch) -> None:
        """Raise RequestTooLarge before any shard is changed; shards check short metadata themselves."""
        if selection.ids is not None:
            mutations.check_patch_size(patch.metadata, len(set(selection.ids)))
        elif len(patch.metadata) > _LONG_PATCH:
            mutations.check_patch_size(patch.metadata, self.count(selection.filter).count)

    def _parts(self, selection: Selection, key: IdempotencyKey | None) -> Mapping[str, Selection]:
        """Return what each shard has to select."""
        if selection.ids is None:
            parts = dict.fromkeys(shard_names(self.parent), selection)
        else:
            ids_of = by_shard(self.parent, dict.fromkeys(selection.ids), str)
            parts = {shard: structs.replace(selection, ids=ids) for shard, ids in ids_of.items()}
        return with_home_first(self.parent, parts, key, Selection([]))

    def _absent_ids(self, parts: Mapping[str, Selection], key: IdempotencyKey | None) -> Sequence[str]:
        """Return the selected ids that are not in the index; raise IdempotencyKeyReused as a commit does."""

        def absent(part: tuple[str, Selection]) -> Sequence[str]:
            return self._on_shard(part[0], lambda single: single.absent_ids(part[1].ids or (), key))

        return [vector_id for missing in self.shards.pool.map(absent, parts.items()) for vector_id in missing]

    def _on_shard[R](self, shard: str, use: Callable[[SingleIndex], R]) -> R:
        try:
            return self.shards.run(shard, self.deadline, self.read, use)
        except IndexNotFound:
            raise missing_shard_error(self.shards.reader, self.parent, shard, self.deadline) from None

    def _results[R](
        self,
        requests: Sequence[ShardRequest],
        kind: type[R],
        fan_out: FanOut | None = None,
        collect: Collect = as_read,
    ) -> Sequence[R]:
        """Return the result of each request as `collect` returns it; raise the first error."""
        results = (fan_out or self.shards.fan_out).run(requests, self.deadline, collect)
        for error in self._errors(requests, results):
            raise error
        return [result for result in results if isinstance(result, kind)]

    def _errors(self, requests: Sequence[ShardRequest], results: Sequence[ShardResult]) -> Sequence[VectordError]:
        """Return the errors of failed requests; raise the error of a missing shard, which takes precedence."""
        errors = []
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, Failed):
                error = error_of(result, request.shard, self.parent.name)
                if isinstance(error, IndexNotFound):
                    raise missing_shard_error(self.shards.reader, self.parent, request.shard, self.deadline)
                errors.append(error)
        return errors

    def _commit(self, requests: Sequence[ChangeRequest]) -> Sequence[ChangeResult]:
        """Commit in each shard, and raise the error of the change as a whole."""
        results = send_changes(self.shards.fan_out, requests, self.deadline)
        if errors := self._errors(requests[: len(results)], results):
            raise failure_of(self.parent.name, requests, results, errors)
        return [result for result in results if isinstance(result, ChangeResult)]


def check_unconditional(parent: Params, write: WriteOptions) -> None:
    """Raise RequestInvalid if a write to a sharded index has a precondition: each shard has a separate ETag."""
    if write.precondition is not None:
        raise RequestInvalid(
            f"Index {parent.name!r} does not support If-Match and If-None-Match: "
            f"each of its {parent.shards} shards has a separate ETag"
        )


def missing_shard_error(reader: SnapshotReader, parent: Params, shard: str, deadline: Deadline) -> VectordError:
    """Return the error for a missing shard; raise IndexNotFound if the index was deleted meanwhile."""
    present = reader.present(parent.name, deadline).index.params
    if present.generation != parent.generation:
        return ObjectChanged(parent.name)
    return BlobCorrupt("its object is missing, although the index exists", shard)
