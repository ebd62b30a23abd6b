"""What the use cases return, each with the ETag of the state that it describes.

These are msgspec structs: creating the class of a dataclass takes 50 times as long (0.5 ms and more), at every cold
start.
"""

from collections.abc import Mapping, Sequence

import msgspec

from vectord.index.kernels.distance import F32
from vectord.index.query.recall import Measured
from vectord.index.query.values import Facet, OrderedRow
from vectord.lhv1.params import Params
from vectord.service.values.selection import Place


class Shard(msgspec.Struct, frozen=True):
    """One shard of an index: its number of vectors, its object's size in bytes and ETag."""

    count: int
    size: int
    etag: str


class Build(msgspec.Struct, frozen=True):
    """A build that is going on: its start, in seconds since 1970, and what it does now."""

    since: float
    stage: str


class Description(msgspec.Struct, frozen=True):
    """An index: parameters, number of vectors, bytes of the object and of the graph, calibration.

    `curves` is strategy -> effort -> recall@10, as the last build measured it; `ranges` is a search by ranges. A
    sharded index has the sums over its shards, and lists them; its curves are empty, as those of its shards differ.
    `build` is the build that is going on; of a sharded index the one of its shards that started first.
    `searchable` has the paths of the declared text fields that a search can use; of a sharded index in every shard.
    """

    params: Params
    count: int
    size: int
    graph_size: int
    curves: Mapping[str, Mapping[int, float]]
    etag: str
    shards: tuple[Shard, ...] = ()
    build: Build | None = None
    searchable: frozenset[str] = frozenset()


class Added(msgspec.Struct, frozen=True):
    """The effect of a batch. A sharded index has no `count` and no `etag`: shards without a change are not read."""

    added: int
    replaced: int
    count: int | None = None
    etag: str | None = None


class Deleted(msgspec.Struct, frozen=True):
    """The number of vectors that were deleted; `count` and `etag` as in `Added`."""

    deleted: int
    count: int | None = None
    etag: str | None = None


class Patched(msgspec.Struct, frozen=True):
    """The number of vectors that were selected, changed or not; `count` and `etag` as in `Added`."""

    patched: int
    count: int | None = None
    etag: str | None = None


class StoredVector(msgspec.Struct, frozen=True):
    """A stored vector, float32 (dimension,), bit for bit, and its metadata as JSON text."""

    id: str
    vector: F32
    metadata: msgspec.Raw | None
    etag: str | None


class ListedVector(msgspec.Struct, frozen=True):
    """A stored vector in a list, as `StoredVector`; `vector` is None if it was not requested."""

    id: str
    metadata: msgspec.Raw | None
    vector: F32 | None = None

    @property
    def size(self) -> int:
        """The bytes of metadata and vector; no answer shows them in fewer."""
        return len(self.metadata or b"") + (0 if self.vector is None else self.vector.nbytes)


class Warmed(msgspec.Struct, frozen=True):
    """An index that is now cached: its size in bytes, and the bytes and requests that were needed."""

    size: int
    etag: str
    read_bytes: int
    requests: int


class RecallMeasurement(msgspec.Struct, frozen=True):
    """The measured recall of searches for `k` matches in an index of `count` vectors; `curves` as in `Description`."""

    measured: Measured
    k: int
    count: int
    curves: Mapping[str, Mapping[int, float]]
    etag: str


class GetResult(msgspec.Struct, frozen=True):
    """The vectors of the first `read` of the requested ids, and those ids that are not in the index.

    A sharded index has no ETag.
    """

    vectors: Sequence[ListedVector]
    missing: list[str]
    read: int
    etag: str | None


class ListPage[P: Place | OrderedRow](msgspec.Struct, frozen=True):
    """One page of a listing: vectors, and the place of each; the next page begins at `next`, None on the last page."""

    vectors: Sequence[ListedVector]
    places: Sequence[P]
    next: P | None
    etag: str | None = None


class OrderedRows(msgspec.Struct, frozen=True):
    """The first rows of an ordered listing; there are `more` after them."""

    rows: list[OrderedRow]
    more: bool


class Facets(msgspec.Struct, frozen=True):
    """The facet of each requested path, and the number of vectors that satisfy the filter."""

    facets: Sequence[Facet]
    count: int
    etag: str


class Counted(msgspec.Struct, frozen=True):
    """The number of vectors that satisfy a filter."""

    count: int
    etag: str
