"""What the use cases that change an index share, on top of the core."""

from vectord.index import Sizes
from vectord.service import parts
from vectord.service.commits import Commits
from vectord.service.core import Core, Family, check_part
from vectord.service.lifecycle import Lifecycle
from vectord.service.parts import AddPart, Changed, ChangePart, Outcome, Part, PatchPart, item_of
from vectord.service.plain_writes import PlainWrites
from vectord.service.rebuilds import Rebuilds
from vectord.service.shard_life import ShardLife
from vectord.service.shard_writes import ShardWrites


class Writing:
    """Changes of the store that a core reads."""

    def __init__(self, core: Core, sizes: Sizes | None = None, rebuilds: Rebuilds | None = None) -> None:
        reads = core.reads
        self.core, self.sizes = core, sizes
        self.commits, self.lifecycle = Commits(reads, sizes, rebuilds), Lifecycle(reads, sizes)
        self.plain = PlainWrites(self.commits, self.lifecycle)
        self.shards = ShardWrites(core.shards, core.shard_vectors, core.fan_out(self.perform))
        self.shard_life = ShardLife(reads, self.plain, core.crew)

    def perform(self, part: Part, until: float) -> Outcome:
        """Do one shard's part of a request, of this function or another.

        Raises:
            RequestInvalid: the part names no shard.
        """
        if not isinstance(part, ChangePart):
            return self.core.perform(part, until)
        check_part(part)
        return parts.outcome(lambda: _changed(part, self.plain, until))


class Writer(Family):
    """Some of the use cases that change an index. Each may also raise what `Commits` or `Lifecycle` do."""

    def __init__(self, writing: Writing) -> None:
        super().__init__(writing.core)
        self._writing = writing

    def perform(self, part: Part, until: float) -> Outcome:
        """Do one shard's part of a request, as `Writing.perform` does."""
        return self._writing.perform(part, until)


def _changed(part: ChangePart, plain: PlainWrites, until: float) -> Changed:
    if isinstance(part, AddPart):
        items = list(map(item_of, part.rows))
        added = plain.add(part.shard, lambda _: items, until, key=part.key)
        return Changed(added.added, added.replaced)
    if isinstance(part, PatchPart):
        return Changed(plain.patch(part.shard, part.which, part.patch, until, key=part.key).patched)
    return Changed(plain.remove(part.shard, part.which, until, key=part.key).deleted)
