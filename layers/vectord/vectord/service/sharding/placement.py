"""Placement of rows in shards: the number of a shard from the hash of an id, the name of a shard from its number."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

from vectord.errors import BlobUnsupported
from vectord.index.rows import Item
from vectord.lhv1.params import Params
from vectord.service.values.options import IdempotencyKey


def shard_of(vector_id: str, shards: int) -> int:
    """Return the number of the shard of a vector; it never changes, because the number of shards does not.

    The hash is blake2b: crc32 is linear, so ids that differ in few bits could leave shards empty.
    """
    digest = blake2b(vector_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def shard_name(parent: Params, shard: int) -> str:
    """Return the name of one shard's object in the store."""
    return f"{parent.name}/{parent.generation}/{shard}"


def check_parent(parent: Params, name: str) -> None:
    """Raise BlobUnsupported if the parent stored under `name` is a copy of another parent, without its shards."""
    if parent.name != name:
        raise BlobUnsupported(f"it is a copy of the sharded index {parent.name!r}, without the shards", name)


def shard_names(parent: Params) -> list[str]:
    return [shard_name(parent, shard) for shard in range(parent.shards or 0)]


def home_shard(parent: Params, key: IdempotencyKey) -> str:
    """Return the name of the shard that records every request with `key`, whatever shards its rows are in."""
    return shard_name(parent, shard_of(key.text, parent.shards or 1))


def with_home_first[T](parent: Params, parts: Mapping[str, T], key: IdempotencyKey | None, empty: T) -> dict[str, T]:
    """Return parts by shard; with a key, the part of its home shard is the first one, `empty` if it had none."""
    return {**parts} if key is None else {home_shard(parent, key): empty, **parts}


def by_shard[T](parent: Params, items: Iterable[T], id_of: Callable[[T], str]) -> dict[str, list[T]]:
    """Return the items of each shard, in their order, by the name of the shard; leave out shards without items."""
    grouped: dict[str, list[T]] = {}
    for item in items:
        grouped.setdefault(shard_name(parent, shard_of(id_of(item), parent.shards or 1)), []).append(item)
    return grouped


def id_of(item: Item) -> str:
    return item.id
