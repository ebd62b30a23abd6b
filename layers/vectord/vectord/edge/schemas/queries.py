"""What the query string of each route may hold. Values are text there; whoever takes them checks them."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from vectord.edge.consistency import Consistency
from vectord.edge.schemas.fields import MAX_SEGMENTS, AsOf, Cursor, Filter, Limit, Staleness, shown
from vectord.errors import RequestInvalid


class Indexes(msgspec.Struct):
    prefix: str = ""
    limit: Limit = 100
    cursor: Cursor = None


class State(msgspec.Struct):
    as_of: AsOf = None


class Versions(msgspec.Struct):
    limit: Limit = 100
    cursor: Cursor = None


class Lookup(msgspec.Struct):
    consistency: Consistency = "strong"
    max_staleness: Staleness = None


class Vectors(msgspec.Struct):
    limit: Limit = 100
    cursor: Cursor = None
    prefix: str = ""
    filter: Filter = msgspec.field(default_factory=msgspec.Raw)
    include: list[Literal["metadata", "vector"]] = msgspec.field(default_factory=lambda: ["metadata"])
    segment: Annotated[int, shown(minimum=0, maximum=MAX_SEGMENTS - 1)] = 0
    segments: Annotated[int, shown(minimum=1, maximum=MAX_SEGMENTS)] = 1
    consistency: Consistency = "strong"
    max_staleness: Staleness = None


class Export(msgspec.Struct):
    format: Literal["lhv1", "jsonl", "jsonl.gz", "parquet"]
    link: bool = False
    as_of: AsOf = None


def check(query: Mapping[str, str], kind: type[msgspec.Struct]) -> None:
    """Raise RequestInvalid if a query string has a parameter that its route does not take."""
    if unknown := query.keys() - set(kind.__struct_fields__):
        takes = ", ".join(kind.__struct_fields__)
        raise RequestInvalid(f"Unknown parameter {min(unknown)!r}; this takes {takes}.")
