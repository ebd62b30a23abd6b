"""Where a sharded index keeps its rows: a shard's number by the hash of an id, a shard's name by its number."""

from collections.abc import Callable, Iterable
from hashlib import blake2b

from vectord.errors import BlobUnsupported
from vectord.lhv1.params import Params


def shard_of(vector_id: str, shards: int) -> int:
    """Return the shard of a vector; it never changes, since the number of shards does not.

    blake2b and no crc32, which is linear: ids that differ in few bits could leave shards empty.
    """
    digest = blake2b(vector_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def shard_name(parent: Params, shard: int) -> str:
    """Return the name in the store of one shard's blob."""
    return f"{parent.name}/{parent.generation}/{shard}"


def check_parent(parent: Params, name: str) -> None:
    """Check that the shards of the parent found under `name` are its own.

    Raises:
        BlobUnsupported: it was copied there, without them.
    """
    if parent.name != name:
        raise BlobUnsupported(f"it is a copy of the sharded index {parent.name!r}, without the shards", name)


def shard_names(parent: Params) -> list[str]:
    return [shard_name(parent, shard) for shard in range(parent.shards or 0)]


def by_shard[T](parent: Params, items: Iterable[T], id_of: Callable[[T], str]) -> dict[str, list[T]]:
    """Return the items of each shard that has some, under its name, in the order in which they came."""
    grouped: dict[str, list[T]] = {}
    for item in items:
        grouped.setdefault(shard_name(parent, shard_of(id_of(item), parent.shards or 1)), []).append(item)
    return grouped
