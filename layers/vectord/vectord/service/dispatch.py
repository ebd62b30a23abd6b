"""What the use cases share: the store, what is read of it, and the choice between one blob and shards."""

from collections.abc import Callable, Container
from functools import cached_property
from typing import TYPE_CHECKING

from vectord.cache.section_cache import SectionCache
from vectord.errors import BlobError, IndexNotFound, PreconditionFailed, RequestInvalid
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.service.environment import Environment, RetryPolicy
from vectord.service.sharding import messages
from vectord.service.sharding.fan_out import FanOut, Invoke, LocalFanOut, RemoteFanOut, RunRequest, WorkerPool
from vectord.service.sharding.messages import ShardRequest, ShardResult
from vectord.service.sharding.placement import check_parent
from vectord.service.sharding.reads import ShardReads
from vectord.service.sharding.vector_reads import ShardVectorReads
from vectord.service.single.reads import IsSharded, SingleReads
from vectord.service.single.vector_reads import SingleVectorReads
from vectord.service.snapshots.cache import SnapshotCache
from vectord.service.snapshots.reader import SnapshotReader
from vectord.storage.base import Store

if TYPE_CHECKING:
    from vectord.service.snapshots.versions import Versions


class Core:
    """Reads one store, whichever way an index lies in it. It knows no way to change anything."""

    def __init__(
        self,
        store: Store,
        files: SectionCache,
        *,
        warm_bytes: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        invoke: Invoke | None = None,
    ) -> None:
        """Take `invoke`, if there is one, to have other functions search and change shards."""
        self.store, self.environment, self.retry_policy, self._invoke = store, environment, retry_policy, invoke
        self.reads = SnapshotReader(
            store, SnapshotCache(store, files, warm_bytes, environment), environment, retry_policy
        )
        self._files, self._warm_bytes = files, warm_bytes
        self.plain, self.vectors = SingleReads(self.reads, lambda: self.versions), SingleVectorReads(self.reads)
        self.crew = WorkerPool(environment)
        self.shards = ShardReads(self.reads, LocalFanOut(self.perform, self.crew), self.fan_out(self.perform))
        self.shard_vectors = ShardVectorReads(self.reads, self.vectors, self.shards, self.crew)

    @cached_property
    def versions(self) -> "Versions":
        """What reads earlier states; few requests ask for one."""
        from vectord.service.snapshots.versions import Versions  # noqa: PLC0415

        return Versions(self.reads, self._files, self._warm_bytes)

    def fan_out(self, perform: RunRequest) -> FanOut:
        """Return what has many parts done: here by `perform`, or by functions like this one."""
        here = LocalFanOut(perform, self.crew)
        return RemoteFanOut(here, self._invoke) if self._invoke else here

    def perform(self, part: ShardRequest, until: float) -> ShardResult:
        """Do one shard's part of a read, of this function or another.

        Raises:
            RequestInvalid: the part names no shard, or changes it.
        """
        check_part(part)
        return messages.outcome(lambda: messages.read(part, self.plain, self.vectors, until))

    def either[R](self, name: str, until: float, plain: Callable[[], R], in_shards: Callable[[Params], R]) -> R:
        """Go the way of one blob, and if that turns out to be a parent the other; start over if that one goes away.

        Raises:
            IndexNotFound, StorageSilent, and what the ways raise
        """
        if not params.is_index_name(name):
            raise IndexNotFound(name)

        def once() -> R:
            try:
                return plain()
            except IsSharded as found:
                parent = found.params
            except PreconditionFailed:
                known = self.parent(name, until)
                if known is None:
                    raise
                parent = known  # whose own ETag is no caller's to know
            check_parent(parent, name)
            return in_shards(parent)

        return self.retry_policy.run(self.environment, until, once)

    def parent(self, name: str, until: float) -> Params | None:
        """Return the parameters of index `name` if it is in shards, and can be read."""
        try:
            found = self.reads.state(name, until).index.params
        except BlobError:
            return None
        return found if found.shards else None


class Family:
    """Some of the use cases, over a core. Each may raise what `SnapshotReader` does for the index it names.

    `until` is the moment on the world's clock when the caller stops waiting.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.environment = core.environment

    def perform(self, part: ShardRequest, until: float) -> ShardResult:
        """Do one shard's part of a request, as `Core.perform` does."""
        return self._core.perform(part, until)


def check_part(part: ShardRequest) -> None:
    if not params.is_shard_name(part.shard):
        raise RequestInvalid(f"{part.shard!r} is no shard")


def unconditional(parent: Params, expected: Container[str] | None) -> Params:
    """Return `parent` where no version is asked for, since its shards have one each.

    Raises:
        RequestInvalid: one is.
    """
    if expected is not None:
        raise RequestInvalid(
            f"Index {parent.name!r} takes no If-Match and no If-None-Match: "
            f"each of its {parent.shards} shards has a version of its own"
        )
    return parent
