"""Get, list and count values of the vectors of a sharded index."""

from collections.abc import Callable, Sequence
from itertools import takewhile
from operator import methodcaller
from typing import Protocol

from msgspec import structs

from vectord.lhv1.params import Params
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.placement import by_shard, shard_name
from vectord.service.single.index import SingleIndex
from vectord.service.values.results import GetResult, ListedVector, ListPage
from vectord.service.values.selection import ListQuery, Members, Place


class OnShard(Protocol):
    """Opens a shard and returns the result of `use`."""

    def __call__[R](self, shard: str, use: Callable[[SingleIndex], R]) -> R: ...


def get(parent: Params, on_shard: OnShard, pool: WorkerPool, ids: Sequence[str], members: Members) -> GetResult:
    """Return the vectors of `ids` as `SingleIndex.get` does, up to the first id that a shard did not read."""

    def get_part(part: tuple[str, list[str]]) -> tuple[GetResult, Sequence[str]]:
        result = on_shard(part[0], lambda single: single.get(part[1], members))
        return result, part[1][result.read :]

    unique = list(dict.fromkeys(ids))
    parts = pool.map(get_part, by_shard(parent, unique, str).items())
    found = {one.id: one for part, _ in parts for one in part.vectors}
    unread = {vector_id for _, rest in parts for vector_id in rest}
    read = list(takewhile(lambda vector_id: vector_id not in unread, unique))
    missing = [vector_id for vector_id in read if vector_id not in found]
    return GetResult([found[vector_id] for vector_id in read if vector_id in found], missing, len(read), None)


def list_by_hash(parent: Params, on_shard: OnShard, query: ListQuery) -> ListPage[Place]:
    """List shard after shard, beginning at `query.after`."""
    first, last = query.after.shard if query.after else 0, (parent.shards or 0) - 1
    vectors: list[ListedVector] = []
    places: list[Place] = []
    left = query.members
    for number in range(first, last + 1):
        after = query.after if number == first else None
        rest = structs.replace(query, after=after, limit=query.limit - len(vectors), members=left)
        page = on_shard(shard_name(parent, number), methodcaller("list", rest))
        vectors += page.vectors
        places += (structs.replace(place, shard=number) for place in page.places)
        left = structs.replace(left, size=left.size - sum(one.size for one in page.vectors))
        if page.next is not None:
            return ListPage(vectors, places, structs.replace(page.next, shard=number))
        if (len(vectors) == query.limit or left.size <= 0) and number < last:
            return ListPage(vectors, places, Place(number + 1, 0, ""))
    return ListPage(vectors, places, None)
