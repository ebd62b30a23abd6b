"""What searches, measurements and reads of many vectors answer."""

from collections.abc import Sequence

import msgspec

from vectord.edge.schemas.fields import Curves, Next, Stored


class Match(msgspec.Struct):
    id: str
    distance: float
    metadata: Stored | msgspec.UnsetType = msgspec.UNSET
    vector: list[float] | msgspec.UnsetType = msgspec.UNSET


class Found(msgspec.Struct):
    """The answer to one query."""

    matches: list[Match]
    count: int
    eligible: int
    strategy: str
    plan: str
    examined: int


class Search(Found):
    bytes_read: int
    requests: int
    milliseconds: float
    next: Next


class Searches(msgspec.Struct):
    """The answer to a search for `vectors`."""

    results: list[Found]
    bytes_read: int
    requests: int
    milliseconds: float


class Quantiles(msgspec.Struct, omit_defaults=True):
    p50: float | msgspec.UnsetType = msgspec.UNSET
    p99: float | msgspec.UnsetType = msgspec.UNSET


class Recall(msgspec.Struct):
    """What was measured; `recall` is null where nothing is stored."""

    recall: float | None
    k: int
    queries: int
    count: int
    strategies: Sequence[str]
    milliseconds: Quantiles
    exact_milliseconds: Quantiles
    calibration: Curves


class Warmed(msgspec.Struct):
    bytes: int
    bytes_read: int
    requests: int
    milliseconds: float


class Vector(msgspec.Struct):
    """A stored vector, as much of it as `include` names."""

    id: str
    metadata: Stored | msgspec.UnsetType = msgspec.UNSET
    vector: list[float] | msgspec.UnsetType = msgspec.UNSET


class Gotten(msgspec.Struct):
    vectors: list[Vector]
    missing: list[str]


class Page(msgspec.Struct):
    vectors: list[Vector]
    next: Next


class Counted(msgspec.Struct):
    count: int
