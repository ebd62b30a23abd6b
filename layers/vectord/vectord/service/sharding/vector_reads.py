"""The reads of vectors of an index in shards."""

from collections.abc import Sequence
from typing import Final

import msgspec

from vectord.errors import IndexNotFound, VectorNotFound
from vectord.index.query.scan import Position
from vectord.lhv1.params import Params
from vectord.service.commit.idempotency import IdempotencyKey
from vectord.service.results import Counted, Deleted, GetResult, ListPage, Stored
from vectord.service.selection import Selection
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.messages import CountRequest, CountResult
from vectord.service.sharding.placement import by_shard, shard_name, shard_names, shard_of
from vectord.service.sharding.reads import ShardReads, etag_of, missing
from vectord.service.single.vector_reads import ListQuery, SingleVectorReads
from vectord.service.snapshots.reader import SnapshotReader

_START: Final[Position] = (0, "")  # before every id


class ShardVectorReads:
    """Each use case takes the parameters of the parent, and may raise what `ShardReads` does."""

    def __init__(self, reads: SnapshotReader, plain: SingleVectorReads, shards: ShardReads, crew: WorkerPool) -> None:
        self._reads, self._plain, self._shards, self._crew = reads, plain, shards, crew

    def lookup(self, parent: Params, vector_id: str, until: float, staleness: float | None = None) -> Stored:
        shard = shard_name(parent, shard_of(vector_id, parent.shards or 1))
        try:
            found = self._plain.lookup(shard, vector_id, until, staleness)
        except VectorNotFound as error:
            raise VectorNotFound(parent.name, vector_id) from error
        except IndexNotFound:
            raise missing(self._reads, parent, shard, until) from None
        return Stored(found.id, found.vector, found.metadata, None)

    def get(self, parent: Params, ids: Sequence[str], until: float, staleness: float | None = None) -> GetResult:
        def get(part: tuple[str, list[str]]) -> GetResult:
            shard, some = part
            try:
                return self._plain.get(shard, some, until, staleness)
            except IndexNotFound:
                raise missing(self._reads, parent, shard, until) from None

        unique = list(dict.fromkeys(ids))
        parts = self._crew.each(get, by_shard(parent, unique, str).items())
        found = {kept.id: kept for part in parts for kept in part.vectors}
        absent = [vector_id for vector_id in unique if vector_id not in found]
        return GetResult([found[vector_id] for vector_id in unique if vector_id in found], absent, None)

    def absent(self, parent: Params, ids: Sequence[str], until: float, key: IdempotencyKey | None = None) -> list[str]:
        """Return those of `ids` that are not there, as `SingleVectorReads` does."""

        def absent(part: tuple[str, list[str]]) -> list[str]:
            shard, some = part
            try:
                return self._plain.absent(shard, some, until, key)
            except IndexNotFound:
                raise missing(self._reads, parent, shard, until) from None

        parts = by_shard(parent, ids, str).items()
        return [vector_id for part in self._crew.each(absent, parts) for vector_id in part]

    def would_remove(self, parent: Params, which: Selection, until: float) -> Deleted:
        if which.ids is None:
            return Deleted(self.count(parent, which.filter, until).count)
        parts = [CountRequest(name, ids=some) for name, some in by_shard(parent, which.ids, str).items()]
        counted = self._shards.all_of(parent, parts, until)
        return Deleted(sum(one.count for one in counted if isinstance(one, CountResult)))

    def page(
        self, parent: Params, wanted: ListQuery, shard: int, until: float, staleness: float | None = None
    ) -> ListPage:
        """List shard after shard, from number `shard` on; `wanted.after` is a place in that one."""
        taken = ListPage([], None)
        for number in range(shard, parent.shards or 0):
            after = wanted.after if number == shard else None
            left = msgspec.structs.replace(wanted, after=after, limit=wanted.limit - len(taken.vectors))
            name = shard_name(parent, number)
            try:
                some = self._plain.page(name, left, until, staleness)
            except IndexNotFound:
                raise missing(self._reads, parent, name, until) from None
            taken = ListPage([*taken.vectors, *some.vectors], some.after, number)
            if some.after is not None:
                return taken
            if len(taken.vectors) == wanted.limit and number + 1 < (parent.shards or 0):
                return ListPage(taken.vectors, _START, number + 1)
        return ListPage(taken.vectors, None)

    def count(self, parent: Params, filter_text: str | None, until: float, staleness: float | None = None) -> Counted:
        parts = [CountRequest(name, filter_text, staleness) for name in shard_names(parent)]
        counted = [one for one in self._shards.all_of(parent, parts, until) if isinstance(one, CountResult)]
        return Counted(sum(one.count for one in counted), etag_of(parent, [one.etag for one in counted]))
