"""What the use cases share: the store, what is read of it, and the choice between one blob and shards."""

from collections.abc import Callable, Container
from functools import cached_property
from typing import TYPE_CHECKING

from vectord import params
from vectord.errors import BlobError, IndexNotFound, PreconditionFailed, RequestInvalid
from vectord.local import LocalFiles
from vectord.params import Params
from vectord.service import parts
from vectord.service.fan_out import Crew, FanOut, Invoke, Perform, Remote, Threads
from vectord.service.parts import Outcome, Part
from vectord.service.placing import check_parent
from vectord.service.plain import IsSharded, Plain
from vectord.service.plain_vectors import PlainVectors
from vectord.service.reads import Reads
from vectord.service.shard_vectors import ShardVectors
from vectord.service.shards import Shards
from vectord.service.warm import WarmIndexes
from vectord.service.world import Patience, World
from vectord.stores import Store

if TYPE_CHECKING:
    from vectord.service.versions import Versions


class Core:
    """Reads one store, whichever way an index lies in it. It knows no way to change anything."""

    def __init__(
        self,
        store: Store,
        files: LocalFiles,
        *,
        warm_bytes: int,
        world: World,
        patience: Patience,
        invoke: Invoke | None = None,
    ) -> None:
        """Take `invoke`, if there is one, to have other functions search and change shards."""
        self.store, self.world, self.patience, self._invoke = store, world, patience, invoke
        self.reads = Reads(store, WarmIndexes(store, files, warm_bytes, world), world, patience)
        self._files, self._warm_bytes = files, warm_bytes
        self.plain, self.vectors = Plain(self.reads, lambda: self.versions), PlainVectors(self.reads)
        self.crew = Crew(world)
        self.shards = Shards(self.reads, Threads(self.perform, self.crew), self.fan_out(self.perform))
        self.shard_vectors = ShardVectors(self.reads, self.vectors, self.shards, self.crew)

    @cached_property
    def versions(self) -> "Versions":
        """What reads earlier states; few requests ask for one."""
        from vectord.service.versions import Versions  # noqa: PLC0415

        return Versions(self.reads, self._files, self._warm_bytes)

    def fan_out(self, perform: Perform) -> FanOut:
        """Return what has many parts done: here by `perform`, or by functions like this one."""
        here = Threads(perform, self.crew)
        return Remote(here, self._invoke) if self._invoke else here

    def perform(self, part: Part, until: float) -> Outcome:
        """Do one shard's part of a read, of this function or another.

        Raises:
            RequestInvalid: the part names no shard, or changes it.
        """
        check_part(part)
        return parts.outcome(lambda: parts.read(part, self.plain, self.vectors, until))

    def either[R](self, name: str, until: float, plain: Callable[[], R], in_shards: Callable[[Params], R]) -> R:
        """Go the way of one blob, and if that turns out to be a parent the other; start over if that one goes away.

        Raises:
            IndexNotFound, StorageSilent, and what the ways raise
        """
        if not params.is_name(name):
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

        return self.patience.insist(self.world, until, once)

    def parent(self, name: str, until: float) -> Params | None:
        """Return the parameters of index `name` if it is in shards, and can be read."""
        try:
            found = self.reads.state(name, until).index.params
        except BlobError:
            return None
        return found if found.shards else None


class Family:
    """Some of the use cases, over a core. Each may raise what `Reads` does for the index it names.

    `until` is the moment on the world's clock when the caller stops waiting.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.world = core.world

    def perform(self, part: Part, until: float) -> Outcome:
        """Do one shard's part of a request, as `Core.perform` does."""
        return self._core.perform(part, until)


def check_part(part: Part) -> None:
    if not params.is_shard(part.shard):
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
