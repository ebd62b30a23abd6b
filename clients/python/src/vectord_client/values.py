"""What the client returns."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from vectord_client.sparse_values import SparseField
from vectord_client.text_values import TextField
from vectord_client.vector import Vector


class Embedding(msgspec.Struct, frozen=True, omit_defaults=True):
    """The embedding model of an index, and the texts that it puts before queries and documents."""

    model: str
    query_prefix: str = ""
    document_prefix: str = ""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when an index is created."""

    name: str
    dimension: int
    m: int
    ef_search: int
    distance: str
    shards: int = 1
    generation: str | None = None
    embedding: Embedding | None = None
    text: Mapping[str, TextField] | None = None
    sparse: Mapping[str, SparseField] | None = None


class IndexSummary(msgspec.Struct, frozen=True):
    """An index in a listing; `bytes` is the size of its object."""

    name: str
    bytes: int
    modified: datetime


class ShardInfo(msgspec.Struct, frozen=True):
    """One shard of an index."""

    count: int
    bytes: int
    etag: str


class Build(msgspec.Struct, frozen=True):
    """A build of an index that is going on: since when, and what it does now, in words."""

    since: datetime
    stage: str


class IndexInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters and the state of an index.

    `calibration` is strategy → effort → recall@10, as the last build measured it; a small index has none.
    `build` is None if no compaction is building the index. Of a sharded index it is the build of a shard that started
    first.
    """

    parameters: Parameters
    count: int
    bytes: int
    graph_bytes: int
    calibration: Mapping[str, Mapping[str, float]]
    shards: tuple[ShardInfo, ...] = ()
    build: Build | None = None
    etag: str = ""

    @property
    def name(self) -> str:
        return self.parameters.name

    @property
    def dimension(self) -> int:
        return self.parameters.dimension

    @property
    def distance(self) -> str:
        return self.parameters.distance


class Restored(msgspec.Struct, frozen=True):
    """The state of an index after a restore, a copy or its creation."""

    parameters: Parameters = msgspec.field(name="index")
    count: int = 0
    etag: str = ""


class Added(msgspec.Struct, frozen=True):
    """The result of an add; `count` is the number of vectors afterwards, None for a sharded index.

    `etag` is that of the state that this add made; of rows that needed several requests, the state after the last one.
    It is empty for a sharded index, which does not have one, and `if_match` refuses an empty text: a write that was to
    have a condition is never sent without.
    """

    added: int
    replaced: int
    count: int | None = None
    etag: str = ""


class Patched(msgspec.Struct, frozen=True):
    """The result of a change of metadata; `patched` is the number of vectors that were selected."""

    patched: int
    count: int | None = None
    etag: str = ""


class Deleted(msgspec.Struct, frozen=True):
    """The result of a deletion; `count` is the number of vectors that are left, None for a sharded index."""

    deleted: int
    count: int | None = None
    dry_run: bool = False
    etag: str = ""


class Row(msgspec.Struct, frozen=True):
    """A stored vector; `vector` and `metadata` are None if they were not requested, or if there is no metadata."""

    id: str
    metadata: Any = None
    vector: Vector | None = None


class ValueCount(msgspec.Struct, frozen=True):
    """A distinct value with the number of vectors that have it."""

    value: str | int | float | bool | None
    count: int


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    """The distinct values at one path; `min` and `max` are None without numbers."""

    path: str
    rows: int
    distinct: int
    values: tuple[ValueCount, ...]
    min: int | float | None = None
    max: int | float | None = None
    approximate: bool = False


class Facets(msgspec.Struct, frozen=True):
    """The facets of the paths that were asked for; `facets["year"]` is the facet of one path."""

    facets: tuple[Facet, ...]
    count: int
    etag: str = ""

    def __len__(self) -> int:
        return len(self.facets)

    def __iter__(self) -> Iterator[Facet]:
        return iter(self.facets)

    def __getitem__(self, path: str) -> Facet:
        for facet in self.facets:
            if facet.path == path:
                return facet
        raise KeyError(path)


class Quantiles(msgspec.Struct, frozen=True):
    """Milliseconds that half, and 99 of 100, of the searches took at most."""

    p50: float | None = None
    p99: float | None = None


class RecallReport(msgspec.Struct, frozen=True, kw_only=True):
    """The measured recall of searches; `recall` is None for an empty index."""

    recall: float | None
    k: int
    queries: int
    count: int
    strategies: tuple[str, ...]
    milliseconds: Quantiles
    exact_milliseconds: Quantiles
    calibration: Mapping[str, Mapping[str, float]] = {}


class Warmed(msgspec.Struct, frozen=True):
    """The bytes of an index in the cache, and what was read to fill it."""

    bytes: int
    bytes_read: int
    requests: int
    milliseconds: float


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier state of an index, or its deletion, which has no ETag.

    If versions between this one and the next newer one were removed, the first of them was of the time `removed_since`.
    """

    id: str = msgspec.field(name="version")
    etag: str | None
    bytes: int
    modified: datetime
    latest: bool
    deleted: bool
    removed_since: datetime | None = None


class UploadLink(msgspec.Struct, frozen=True):
    """A link to PUT one file of vectors to, with these headers, within `expires` seconds."""

    method: str
    url: str
    headers: Mapping[str, str]
    key: str
    expires: int


class ExportLink(msgspec.Struct, frozen=True):
    """A link to a file with all rows of an index, valid for `expires` seconds."""

    url: str
    bytes: int
    format: str
    expires: int
