"""Create and delete indexes: single-object and sharded ones, and those of vector buckets."""

from contextlib import suppress

from msgspec import structs

from vectord.errors import BlobError, IndexExists, IndexNotFound, PreconditionFailed, RequestInvalid, StoreUnavailable
from vectord.index import state
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.service.buckets.buckets import VectorBuckets
from vectord.service.commit.create_delete import ObjectLifecycle
from vectord.service.commit.loop import CommitLoop
from vectord.service.history import History
from vectord.service.maintenance.lease import present_lease
from vectord.service.sharding.create_delete import ShardLifecycle
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.index import check_unconditional
from vectord.service.single.index import description_of
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.snapshots.versions import Versions
from vectord.service.values.options import NO_INDEX_ETAG, Deadline, NewIndex, WriteOptions
from vectord.service.values.results import Build, Description
from vectord.service.values.text_fields import checked_fields


class IndexLifecycle:
    """Creates and deletes the indexes of one store.

    `history` restores and copies them; `buckets` has vector buckets and their indexes; `commits` commits changes.
    """

    def __init__(
        self,
        reader: SnapshotReader,
        objects: ObjectLifecycle,
        shards: ShardLifecycle,
        history: History,
        buckets: VectorBuckets,
        *,
        commits: CommitLoop,
        max_shards: int,
    ) -> None:
        self._reader, self._objects, self._shards = reader, objects, shards
        self.history, self.buckets, self.commits = history, buckets, commits
        self._max_shards = max_shards

    def create(self, new: NewIndex, deadline: Deadline, write: WriteOptions) -> Description:
        """Create an empty index. In the precondition, NO_INDEX_ETAG stands for an index that does not exist.

        Raises:
            RequestInvalid: a parameter is out of range, a language of a text field is unknown, or there are more
                shards than this deployment allows.
            PreconditionFailed: the index, or its absence, does not satisfy the precondition.
            IndexExists, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        single = params.new_params(
            new.name,
            new.dimension,
            m=new.m,
            ef_search=new.ef_search,
            distance=new.distance,
            embedding=new.embedding,
            text=None if new.text is None else checked_fields(new.text),
        )
        if new.shards > self._max_shards:
            raise RequestInvalid(
                f"shards must be at most {self._max_shards:,}, not {new.shards:,}: the parameter MaxShards of this "
                "deployment is the limit"
            )
        self._check_precondition(new.name, deadline, write)
        try:
            if new.shards == 1:
                return description_of(self._objects.create(state.empty_index(single), deadline))
            parent = params.with_shards(single, new.shards, self._reader.environment.new_id())
            return self._shards.create(parent, deadline)
        except IndexExists:
            self._check_precondition(new.name, deadline, write)
            raise

    def delete(self, name: str, deadline: Deadline, write: WriteOptions) -> None:
        """Delete an index, readable or not.

        Raises:
            RequestInvalid: the index is sharded, and the write has a precondition.
            IndexNotFound, PreconditionFailed, BlobError, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """

        def once() -> None:
            parent = self._parent(name, deadline)
            if parent is None or parent.name != name:  # a copy of a parent has no shards of its own
                self._objects.delete(name, deadline, write)
                return
            check_unconditional(parent, write)
            self._shards.delete(parent, deadline)

        if not params.is_index_name(name):
            raise IndexNotFound(name)
        self._reader.retry(deadline, once)

    def with_build(self, described: Description, name: str) -> Description:
        """Add the build of the index or shard `name` that is going on, as its lease describes it, to a description."""
        with suppress(StoreUnavailable):
            if lease := present_lease(self._reader.store, name):
                return structs.replace(described, build=Build(lease.since, lease.stage))
        return described

    def _parent(self, name: str, deadline: Deadline) -> Params | None:
        """Return the parameters of index `name` if it is sharded and readable, else None."""
        try:
            found = self._reader.present(name, deadline).index.params
        except BlobError:
            return None
        return found if found.shards else None

    def _check_precondition(self, name: str, deadline: Deadline, write: WriteOptions) -> None:
        if write.precondition is None:
            return
        try:
            etag = self._reader.etag(name, deadline)
        except IndexNotFound:
            etag = NO_INDEX_ETAG
        if etag not in write.precondition:
            raise PreconditionFailed(name)


def lifecycle_of(
    reader: SnapshotReader,
    versions: Versions,
    commits: CommitLoop,
    pool: WorkerPool,
    thresholds: Thresholds | None,
    *,
    max_shards: int,
) -> IndexLifecycle:
    """Return the lifecycle of the indexes that `reader` reads."""
    objects = ObjectLifecycle(reader, thresholds)
    history = History(reader, versions, commits, objects, thresholds)
    buckets = VectorBuckets(reader, commits, pool, objects)
    shards = ShardLifecycle(reader, objects, pool)
    return IndexLifecycle(reader, objects, shards, history, buckets, commits=commits, max_shards=max_shards)
