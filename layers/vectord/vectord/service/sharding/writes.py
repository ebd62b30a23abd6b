"""The changes of an index in shards: each part goes to its shard, in a commit of its own.

A part is atomic, a batch of several is not: docs/sharding.md says what callers may rely on.
"""

from collections.abc import Sequence

from vectord.errors import OutcomeUnknown, PartlyApplied, VectorsNotFound
from vectord.index.rows import Item
from vectord.lhv1.params import Params
from vectord.service.commit.idempotency import IdempotencyKey
from vectord.service.results import Added, Deleted, Patched
from vectord.service.selection import Patch, Selection
from vectord.service.sharding.failures import Failed
from vectord.service.sharding.fan_out import FanOut
from vectord.service.sharding.messages import (
    AddRequest,
    ChangeResult,
    PatchRequest,
    RemoveRequest,
    ShardRequest,
    ShardResult,
    row_of,
)
from vectord.service.sharding.placement import by_shard, shard_names
from vectord.service.sharding.reads import ShardReads
from vectord.service.sharding.vector_reads import ShardVectorReads


class ShardWrites:
    """Each use case takes the parameters of the parent, and may raise what `ShardReads` does."""

    def __init__(self, shards: ShardReads, vectors: ShardVectorReads, fan_out: FanOut) -> None:
        self._shards, self._vectors, self._fan_out = shards, vectors, fan_out

    def add(self, parent: Params, items: Sequence[Item], until: float, key: IdempotencyKey | None = None) -> Added:
        """Add or replace checked items, one commit a shard.

        Raises:
            PartlyApplied, Contended, OutcomeUnknown
        """
        parts = [
            AddRequest(name, list(map(row_of, some)), key) for name, some in by_shard(parent, items, id_of).items()
        ]
        done = self._changed(parent, parts, [len(part.rows) for part in parts], until)
        replaced = sum(one.replaced for one in done)
        return Added(sum(one.rows for one in done), replaced)

    def remove(self, parent: Params, ids: Sequence[str], until: float, key: IdempotencyKey | None = None) -> Deleted:
        """Remove ids, one commit a shard.

        Raises:
            PartlyApplied, Contended, OutcomeUnknown
        """
        parts = [RemoveRequest(name, some, key) for name, some in by_shard(parent, ids, str).items()]
        return Deleted(sum(one.rows for one in self._changed(parent, parts, [len(p.ids) for p in parts], until)))

    def remove_matching(
        self, parent: Params, filter_text: str, until: float, key: IdempotencyKey | None = None
    ) -> Deleted:
        """Remove what satisfies a filter, as `remove` does; where only some shards did, PartlyApplied counts shards."""
        parts = [RemoveRequest(name, [], key, filter_text) for name in shard_names(parent)]
        return Deleted(sum(one.rows for one in self._changed(parent, parts, [1] * len(parts), until)))

    def patch(
        self, parent: Params, which: Selection, patch: Patch, until: float, key: IdempotencyKey | None = None
    ) -> Patched:
        """Change metadata, one commit a shard; of a filter PartlyApplied counts shards.

        Raises:
            VectorsNotFound: some of the ids are not there; nothing was changed.
            PartlyApplied, Contended, OutcomeUnknown
        """
        if which.ids is None:
            parts = [PatchRequest(name, which, patch, key) for name in shard_names(parent)]
            sizes = [1] * len(parts)
        else:
            ids = list(dict.fromkeys(which.ids))
            if missing := self._vectors.absent(parent, ids, until, key):
                raise VectorsNotFound(parent.name, missing)
            grouped = by_shard(parent, ids, str)
            parts = [PatchRequest(name, Selection(some), patch, key) for name, some in grouped.items()]
            sizes = [len(some) for some in grouped.values()]
        return Patched(sum(one.rows for one in self._changed(parent, parts, sizes, until)))

    def _changed(
        self, parent: Params, parts: Sequence[ShardRequest], sizes: Sequence[int], until: float
    ) -> list[ChangeResult]:
        outcomes = self._fan_out.run(parts, until)
        failures = self._shards.failures(parent, parts, outcomes, until)
        done = [one for one in outcomes if isinstance(one, ChangeResult)]
        if not failures:
            return done
        unknown = _size(outcomes, sizes, OutcomeUnknown.__name__)
        applied = sum(size for one, size in zip(outcomes, sizes, strict=True) if isinstance(one, ChangeResult))
        if not applied and not unknown:
            raise failures[0]
        missed = sum(sizes) - applied - unknown
        raise PartlyApplied(parent.name, applied=applied, missed=missed, unknown=unknown, why=str(failures[0]))


def id_of(item: Item) -> str:
    return item.id


def _size(outcomes: Sequence[ShardResult], sizes: Sequence[int], error: str) -> int:
    return sum(
        size for one, size in zip(outcomes, sizes, strict=True) if isinstance(one, Failed) and one.error == error
    )
