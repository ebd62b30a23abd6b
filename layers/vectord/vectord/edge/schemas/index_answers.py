"""JSON bodies of answers about indexes: their states and versions, and links to files of vectors.

The names of these types are those of the schemas in the OpenAPI document.
"""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from vectord.edge.schemas.fields import Curves, Next, schema
from vectord.lhv1.params import Distance, Embedding
from vectord.lhv1.text_fields import of_sparse, of_texts
from vectord.service.values.results import Description as FoundIndex

Time = Annotated[datetime, schema(format="date-time")]


class DeclaredField(msgspec.Struct):
    """A declared text field; `searchable` if a search can use it as it is declared: a build has committed since."""

    language: str | None
    stopwords: bool
    searchable: bool


class DeclaredSparse(msgspec.Struct):
    """Declared sparse vectors; `searchable` if a search can use them: a build has committed since."""

    searchable: bool


class Params(msgspec.Struct):
    """The parameters of an index."""

    name: str
    dimension: int
    m: int
    ef_search: int
    distance: Distance
    shards: int | msgspec.UnsetType = msgspec.UNSET
    generation: str | msgspec.UnsetType = msgspec.UNSET
    embedding: Embedding | msgspec.UnsetType = msgspec.UNSET
    text: dict[str, DeclaredField] | msgspec.UnsetType = msgspec.UNSET
    sparse: dict[str, DeclaredSparse] | msgspec.UnsetType = msgspec.UNSET


def params_of(found: FoundIndex) -> Params:
    """Return the parameters of an index as an answer shows them."""
    stored = found.params
    declared = {
        path: DeclaredField(field.language, field.stopwords, path in found.searchable)
        for path, field in of_texts(stored.text or {}).items()
    }
    sparse = {name: DeclaredSparse(name in found.searchable) for name in of_sparse(stored.text or {})}
    return Params(
        stored.name,
        stored.dimension,
        stored.m,
        stored.ef_search,
        stored.distance,
        stored.shards,
        stored.generation,
        stored.embedding,
        declared or msgspec.UNSET,
        sparse or msgspec.UNSET,
    )


class Made(msgspec.Struct):
    """An index that was created, restored or copied."""

    index: Params
    count: int


class Listed(msgspec.Struct):
    """One index of a listing."""

    name: str
    bytes: int
    modified: Time


class Listing(msgspec.Struct):
    """One page of a listing of indexes."""

    indexes: list[Listed]
    next: Next


class Graph(msgspec.Struct):
    bytes: int


class ShardState(msgspec.Struct):
    count: int
    bytes: int
    etag: str


class Build(msgspec.Struct):
    """A build that is going on: since when, and what it does now."""

    since: Time
    stage: str


class Description(msgspec.Struct, omit_defaults=True):
    """The state of an index; `shards` is present if it is sharded, and `build` while it or one of them is built."""

    index: Params
    count: int
    bytes: int
    graph: Graph
    calibration: Curves
    shards: list[ShardState] | msgspec.UnsetType = msgspec.UNSET
    build: Build | msgspec.UnsetType = msgspec.UNSET


class Version(msgspec.Struct):
    """One stored state of an index; `deleted` marks the deletion of the index.

    If versions between this one and the next newer one were removed, the first of them was of the time `removed_since`.
    """

    version: str
    etag: str | None
    bytes: int
    modified: Time
    latest: bool
    deleted: bool
    removed_since: Time | None


class Versions(msgspec.Struct):
    """One page of the versions of an index, newest first."""

    versions: list[Version]
    next: Next


class Upload(msgspec.Struct):
    """A link to which one file of the stated length can be PUT, once, for `expires` seconds.

    The request must send `headers` as they are.
    """

    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    key: str
    expires: int


class Export(msgspec.Struct):
    """A link from which a file can be read for `expires` seconds."""

    url: str
    bytes: int
    format: str
    expires: int
