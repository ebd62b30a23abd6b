"""What the use cases answer. Each carries the ETag of the state that it speaks of.

Values that a search imports are structs: to make the class of a dataclass takes 50 times as long (0.5 ms and more), at
every cold start.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from vectord.index.kernels.distance import F32
from vectord.index.query.query import Answer
from vectord.index.query.scan import Position
from vectord.lhv1.params import Params

NOTHING: Final = ""  # in place of an ETag where no index is


class Shard(msgspec.Struct, frozen=True):
    """One shard of an index: its vectors, its blob's bytes and ETag."""

    count: int
    size: int
    etag: str


class Description(msgspec.Struct, frozen=True):
    """An index: parameters, number of vectors, the blob's and the graph's bytes, the calibration.

    `curves` is way of searching -> effort -> recall@10, as the last build measured it. An index in shards sums over
    them, and lists them; its curves are theirs, which differ, and so empty.
    """

    params: Params
    count: int
    size: int
    graph_size: int
    curves: Mapping[str, Mapping[int, float]]
    etag: str
    shards: tuple[Shard, ...] = ()


class Added(msgspec.Struct, frozen=True):
    """What a batch did. Over shards there is no `count` and no `etag`: those that it did not touch were not asked."""

    added: int
    replaced: int
    count: int | None = None
    etag: str | None = None


class Deleted(msgspec.Struct, frozen=True):
    """As `Added`."""

    deleted: int
    count: int | None = None
    etag: str | None = None


class Patched(msgspec.Struct, frozen=True):
    """As `Added`: how many vectors were meant, whether or not that changed them."""

    patched: int
    count: int | None = None
    etag: str | None = None


class Stored(msgspec.Struct, frozen=True):
    """A stored vector, float32 (dimension,), bit for bit, and its metadata as JSON text."""

    id: str
    vector: F32
    metadata: msgspec.Raw | None
    etag: str | None


class SearchOutcome(msgspec.Struct, frozen=True):
    """The answer to each query, and the bytes and requests that they took of the store."""

    answers: Sequence[Answer]
    etag: str
    read_bytes: int
    requests: int

    @property
    def answer(self) -> Answer:
        """The answer of a search for one query."""
        return self.answers[0]


class Warmed(msgspec.Struct, frozen=True):
    """An index that is all here: its size in bytes, and the bytes and requests that were missing."""

    size: int
    etag: str
    read_bytes: int
    requests: int


class ListedVector(msgspec.Struct, frozen=True):
    """A stored vector in a list of them, as `Stored`; without `vector` where nobody asked for it."""

    id: str
    metadata: msgspec.Raw | None
    vector: F32 | None = None


class GetResult(msgspec.Struct, frozen=True):
    """The vectors of some ids, and the ids of which there is none. Over shards there is no ETag."""

    vectors: list[ListedVector]
    missing: list[str]
    etag: str | None


class ListPage(msgspec.Struct, frozen=True):
    """Some vectors of a listing; the next page begins behind place `after` of shard `shard`, None at the end."""

    vectors: list[ListedVector]
    after: Position | None
    shard: int = 0
    etag: str | None = None


class Counted(msgspec.Struct, frozen=True):
    count: int
    etag: str
