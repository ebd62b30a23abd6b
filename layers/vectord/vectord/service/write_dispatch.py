"""What the use cases that change an index share, on top of the core."""

from vectord.index.thresholds import Thresholds
from vectord.service.commit.create_delete import Lifecycle
from vectord.service.commit.loop import CommitLoop
from vectord.service.dispatch import Core, Family, check_part
from vectord.service.maintenance.policy import BuildPolicy
from vectord.service.sharding import messages
from vectord.service.sharding.create_delete import ShardLifecycle
from vectord.service.sharding.messages import (
    AddRequest,
    ChangeRequest,
    ChangeResult,
    PatchRequest,
    ShardRequest,
    ShardResult,
    item_of,
)
from vectord.service.sharding.writes import ShardWrites
from vectord.service.single.writes import SingleWrites


class Writing:
    """Changes of the store that a core reads."""

    def __init__(self, core: Core, sizes: Thresholds | None = None, rebuilds: BuildPolicy | None = None) -> None:
        reads = core.reads
        self.core, self.sizes = core, sizes
        self.commits, self.lifecycle = CommitLoop(reads, sizes, rebuilds), Lifecycle(reads, sizes)
        self.plain = SingleWrites(self.commits, self.lifecycle)
        self.shards = ShardWrites(core.shards, core.shard_vectors, core.fan_out(self.perform))
        self.shard_life = ShardLifecycle(reads, self.plain, core.crew)

    def perform(self, part: ShardRequest, until: float) -> ShardResult:
        """Do one shard's part of a request, of this function or another.

        Raises:
            RequestInvalid: the part names no shard.
        """
        if not isinstance(part, ChangeRequest):
            return self.core.perform(part, until)
        check_part(part)
        return messages.outcome(lambda: _changed(part, self.plain, until))


class Writer(Family):
    """Some of the use cases that change an index. Each may also raise what `CommitLoop` or `Lifecycle` do."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing.core)
        self._writing = writing

    def perform(self, part: ShardRequest, until: float) -> ShardResult:
        """Do one shard's part of a request, as `Writing.perform` does."""
        return self._writing.perform(part, until)


def _changed(part: ChangeRequest, plain: SingleWrites, until: float) -> ChangeResult:
    if isinstance(part, AddRequest):
        items = list(map(item_of, part.rows))
        added = plain.add(part.shard, lambda _: items, until, key=part.key)
        return ChangeResult(added.added, added.replaced)
    if isinstance(part, PatchRequest):
        return ChangeResult(plain.patch(part.shard, part.which, part.patch, until, key=part.key).patched)
    return ChangeResult(plain.remove(part.shard, part.which, until, key=part.key).deleted)
