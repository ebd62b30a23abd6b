"""What listings, descriptions and lookups answer, and exports."""

from datetime import datetime
from typing import Annotated

import msgspec

from vectord.edge.schemas.fields import Curves, Next, Stored, shown
from vectord.lhv1.params import Params

Time = Annotated[datetime, shown(format="date-time")]


class Listed(msgspec.Struct):
    name: str
    bytes: int
    modified: Time


class Listing(msgspec.Struct):
    indexes: list[Listed]
    next: Next


class Graph(msgspec.Struct):
    bytes: int


class ShardState(msgspec.Struct):
    count: int
    bytes: int
    etag: str


class Description(msgspec.Struct, omit_defaults=True):
    index: Params
    count: int
    bytes: int
    graph: Graph
    calibration: Curves
    shards: list[ShardState] | msgspec.UnsetType = msgspec.UNSET


class Version(msgspec.Struct):
    version: str
    etag: str | None
    bytes: int
    modified: Time
    latest: bool
    deleted: bool


class Versions(msgspec.Struct):
    versions: list[Version]
    next: Next


class Looked(msgspec.Struct):
    id: str
    vector: list[float]
    metadata: Stored


class Export(msgspec.Struct):
    """A link to GET a file from, for `expires` seconds."""

    url: str
    bytes: int
    format: str
    expires: int
