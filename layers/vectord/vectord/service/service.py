"""The service: each request opens its index once, and runs on a single or a sharded index with one retry loop."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from vectord.cache.section_cache import SectionCache
from vectord.errors import (
    BlobError,
    IndexNotFound,
    ObjectChanged,
    RequestInvalid,
    StorageSilent,
    StoreError,
    StoreUnavailable,
)
from vectord.index.query.query import MAX_PROBES, MAX_QUERIES, Query, Result, check
from vectord.index.query.values import OrderedRow
from vectord.index.thresholds import DEFAULT, Thresholds, compaction_is_due
from vectord.lhv1 import params
from vectord.readers.entry import Entry
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.loop import CommitLoop
from vectord.service.indexes import VectorIndex
from vectord.service.shard_requests import ShardRequests
from vectord.service.sharding.fan_out import Invoke, LocalFanOut, RemoteFanOut, ShardAccess, WorkerPool
from vectord.service.sharding.placement import check_parent
from vectord.service.single.index import SingleIndex
from vectord.service.snapshots.cache import Snapshot, SnapshotCache, SnapshotReader
from vectord.service.snapshots.versions import Versions
from vectord.service.values import options
from vectord.service.values.environment import Environment, ReadCost, RetryPolicy
from vectord.service.values.options import STRONG, UNCONDITIONAL, Deadline, NewIndex, ReadOptions, WriteOptions
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
    check_counted,
    check_id_count,
    parse_filter,
)
from vectord.storage.base import ObjectPage, Store

if TYPE_CHECKING:
    from vectord.service.buckets.buckets import VectorBuckets
    from vectord.service.lifecycle import IndexLifecycle


class Service:
    """All use cases over one store.

    Methods that name an index may raise IndexNotFound, BlobError, StorageSilent and StoreRefused; with `as_of` also
    VersionNotFound and RequestInvalid. Changes may raise what `CommitLoop.change` does.
    """

    def __init__(
        self,
        store: Store,
        files: SectionCache,
        *,
        memory_bytes: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        thresholds: Thresholds | None = None,
        invoke: Invoke | None = None,
        build_policy: BuildPolicy | None = None,
        max_shards: int = options.DEFAULT_MAX_SHARDS,  # of a new index
        queue: Callable[[bytes], None] | None = None,  # sends a message to the queue of changes
    ) -> None:
        """Keep up to `memory_bytes` of opened indexes in memory; with `invoke`, other functions run shard requests."""
        self.environment, self._retry_policy, self._thresholds = environment, retry_policy, thresholds
        self._max_shards, self.queue = max_shards, queue
        cache = SnapshotCache(store, files, memory_bytes, environment)
        self.reader = SnapshotReader(store, cache, environment, retry_policy)
        self.versions = Versions(self.reader, files, memory_bytes)
        self._commits = CommitLoop(self.reader, thresholds, build_policy)
        pool = WorkerPool(environment)
        self.shard_requests = ShardRequests(self.run, self._with_build)
        local = LocalFanOut(self.shard_requests.answer, pool)
        fan_out = RemoteFanOut(local, invoke) if invoke else local
        self._shards = ShardAccess(self.reader, self.shard_requests.use, fan_out, local, pool)

    @cached_property
    def lifecycle(self) -> "IndexLifecycle":
        """What creates, deletes, restores and copies whole indexes."""
        from vectord.service.lifecycle import lifecycle_of  # noqa: PLC0415  a search does none of this

        return lifecycle_of(
            self.reader, self.versions, self._commits, self._shards.pool, self._thresholds, max_shards=self._max_shards
        )

    @property
    def buckets(self) -> "VectorBuckets":
        """The vector buckets of S3 Vectors, and their indexes."""
        return self.lifecycle.buckets

    def search(self, name: str, query: Query, deadline: Deadline, read: ReadOptions = STRONG) -> Result:
        """Return the nearest matches of each query vector, all of one state.

        Raises:
            RequestInvalid: the query is out of range, or a vector does not fit the index.
            FilterInvalid, VectorNotFound
        """
        if query.like is None and not query.text and not query.sparse and not 1 <= len(query.vectors) <= MAX_QUERIES:
            raise RequestInvalid(f"a search must have 1 to {MAX_QUERIES} queries, not {len(query.vectors):,}")
        check(query)
        return self.run(name, deadline, read, lambda index: index.search(query), for_search=True)

    def recall(
        self, name: str, query: Query, deadline: Deadline, read: ReadOptions = STRONG, *, sample_size: int = 50
    ) -> RecallMeasurement:
        """Measure recall as `SingleIndex.recall` does, with up to MAX_PROBES query vectors or stored vectors.

        Raises:
            RequestInvalid: the query is out of range, a vector does not fit, or the index is sharded.
        """
        check(query)
        if not 1 <= (len(query.vectors) or sample_size) <= MAX_PROBES:
            raise RequestInvalid(
                f"a recall measurement must have 1 to {MAX_PROBES} queries, not {len(query.vectors) or sample_size:,}"
            )
        return self.run(name, deadline, read, lambda index: index.recall(query, sample_size), for_search=True)

    def warm(self, name: str, deadline: Deadline) -> Warmed:
        """Fetch an index into the cache, so that the next searches read nothing; RequestInvalid if it is sharded."""
        return self.run(name, deadline, STRONG, lambda index: index.warm(), for_search=True)

    def describe(self, name: str, deadline: Deadline, read: ReadOptions = STRONG) -> Description:
        found, index = self.run(name, deadline, read, lambda index: (index.describe(), index))
        return self._with_build(found, index) if read.as_of is None and isinstance(index, SingleIndex) else found

    def _with_build(self, described: Description, index: SingleIndex) -> Description:
        """Add the build that is going on to the description of an index or a shard, if one is due."""
        is_due = compaction_is_due(index.index, self._thresholds or DEFAULT)
        return self.lifecycle.with_build(described, index.name) if is_due else described

    def lookup(self, name: str, vector_id: str, deadline: Deadline, read: ReadOptions = STRONG) -> StoredVector:
        """Return one stored vector; raise VectorNotFound if the index has no such id."""
        return self.run(name, deadline, read, lambda index: index.lookup(vector_id))

    def get(
        self,
        name: str,
        ids: Sequence[str],
        deadline: Deadline,
        read: ReadOptions = STRONG,
        members: Members = EVERYTHING,
    ) -> GetResult:
        """Return the vectors of `ids`, and the ids that do not exist; raise RequestInvalid for more than MAX_IDS."""
        check_id_count(ids)
        return self.run(name, deadline, read, lambda index: index.get(ids, members))

    def list_vectors(
        self, name: str, query: ListQuery, deadline: Deadline, read: ReadOptions = STRONG
    ) -> ListPage[Place] | ListPage[OrderedRow]:
        """List vectors in an order that concurrent changes do not alter, or in the order of a metadata path.

        Raises:
            RequestInvalid, FilterInvalid: the limit is not 1 to MAX_PAGE; the filter is not valid.
        """
        query.check_limit()
        parse_filter(query.filter)
        if (order := query.order) is not None:
            return self.run(name, deadline, read, lambda index: index.list_in_order(query, order))
        return self.run(name, deadline, read, lambda index: index.list(query))

    def count(
        self,
        name: str,
        filter_text: str | None,
        deadline: Deadline,
        read: ReadOptions = STRONG,
        text: TextSelection | None = None,
    ) -> Counted:
        """Count the vectors that satisfy a filter, JSON text, and have some words; raise what `facets` raises."""
        check_counted(filter_text, text)
        return self.run(name, deadline, read, lambda index: index.count(filter_text, text))

    def facets(self, name: str, query: FacetQuery, deadline: Deadline, read: ReadOptions = STRONG) -> Facets:
        """Count the distinct values at some paths; raise RequestInvalid or FilterInvalid if the query is not valid."""
        query.check()
        return self.run(name, deadline, read, lambda index: index.facets(query))

    def would_delete(
        self, name: str, selection: Selection, deadline: Deadline, write: WriteOptions = UNCONDITIONAL
    ) -> Deleted:
        """Count the vectors that a deletion would delete and leave; raise what `delete` does; change nothing."""
        parse_filter(selection.filter)
        return self.run(name, deadline, STRONG, lambda index: index.would_delete(selection, write))

    def add(
        self, name: str, entries: Sequence[Entry], deadline: Deadline, write: WriteOptions = UNCONDITIONAL
    ) -> Added:
        """Add or replace a batch; raise BatchInvalid and change nothing if some entries are not valid."""
        return self.run(name, deadline, STRONG, lambda index: index.add(entries, write))

    def delete(
        self, name: str, selection: Selection, deadline: Deadline, write: WriteOptions = UNCONDITIONAL
    ) -> Deleted:
        """Delete the selected vectors; ignore ids that need not exist. Raise FilterInvalid as `count` does."""
        parse_filter(selection.filter)
        return self.run(name, deadline, STRONG, lambda index: index.delete(selection, write))

    def patch(
        self, name: str, selection: Selection, patch: Patch, deadline: Deadline, write: WriteOptions = UNCONDITIONAL
    ) -> Patched:
        """Change only the metadata of the selected vectors.

        Raises:
            VectorsNotFound: some ids are not in the index; nothing was changed.
            FilterInvalid: the filter is not valid.
        """
        parse_filter(selection.filter)
        return self.run(name, deadline, STRONG, lambda index: index.patch(selection, patch, write))

    def create(self, new: NewIndex, deadline: Deadline, write: WriteOptions = UNCONDITIONAL) -> Description:
        """Create an index as `IndexLifecycle.create` does."""
        return self.lifecycle.create(new, deadline, write)

    def delete_index(self, name: str, deadline: Deadline, write: WriteOptions = UNCONDITIONAL) -> None:
        """Delete an index as `IndexLifecycle.delete` does."""
        self.lifecycle.delete(name, deadline, write)

    def list_indexes(self, prefix: str, limit: int, after: str | None, deadline: Deadline) -> ObjectPage:
        """Return up to `limit` indexes whose names start with `prefix`, after the one named `after`."""
        return self.reader.retry(deadline, lambda: self.reader.store.list(prefix, limit, after))

    def run[R](
        self,
        name: str,
        deadline: Deadline,
        read: ReadOptions,
        use: Callable[[VectorIndex], R],
        *,
        for_search: bool = False,
        is_valid: Callable[[str], bool] = params.is_index_name,
    ) -> R:
        """Open an index and return the result of `use`; repeat both while storage does not answer or the index changes.

        With `for_search` the first read of an index includes the bytes that a search needs.
        """
        if not is_valid(name):
            raise IndexNotFound(name)
        read_before = self.environment.meter.read() if for_search else ReadCost()
        if read.as_of is not None:
            read.check()
            return self.versions.run(
                name,
                read.as_of,
                deadline,
                lambda snapshot: use(self._vector_index(snapshot, deadline, read, read_before)),
            )
        failure: StoreError | None = None
        try:
            if read.staleness is not None and (recent := self.reader.cache.recent(name, read.staleness)):
                # The object of the cached state may have been replaced; then open the present state.
                with suppress(ObjectChanged, StoreUnavailable):
                    return use(self._vector_index(recent, deadline, read, read_before))
            for attempt in range(self._retry_policy.max_attempts):
                if attempt and not self._retry_policy.wait(attempt, self.environment, deadline):
                    break
                try:
                    snapshot = self.reader.open(name, for_search=for_search)
                    return use(self._vector_index(snapshot, deadline, read, read_before))
                except (ObjectChanged, StoreUnavailable) as error:
                    failure = error
        except BlobError as error:
            raise error.with_index(error.index or name) from error
        raise StorageSilent from failure

    def _vector_index(
        self, snapshot: Snapshot, deadline: Deadline, read: ReadOptions, read_before: ReadCost
    ) -> VectorIndex:
        """Return the single-object or sharded index of a snapshot."""
        parent = snapshot.index.params
        if not parent.shards:
            return SingleIndex(snapshot, deadline, self.environment, self._commits, read_before)
        from vectord.service.sharding.index import ShardedIndex  # noqa: PLC0415  most indexes have no shards

        check_parent(parent, snapshot.name)
        return ShardedIndex(parent, deadline, read, self._shards)
