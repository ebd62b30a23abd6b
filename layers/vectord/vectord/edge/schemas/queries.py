"""The parameters that the query string of each route may have.

The types are for the OpenAPI document. In a request every value is text, and the code that uses a parameter checks it.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from vectord.edge.schemas.fields import MAX_SEGMENTS, AsOf, Consistency, Cursor, Filter, Limit, Staleness, schema
from vectord.errors import RequestInvalid


class Indexes(msgspec.Struct):
    """GET /indexes."""

    prefix: str = ""
    limit: Limit = 100
    cursor: Cursor = None


class State(msgspec.Struct):
    """GET /indexes/{name}."""

    as_of: AsOf = None


class Versions(msgspec.Struct):
    """GET /indexes/{name}/versions."""

    limit: Limit = 100
    cursor: Cursor = None


class Lookup(msgspec.Struct):
    """GET /indexes/{name}/vectors/{id}."""

    consistency: Consistency = "strong"
    max_staleness: Staleness = None


class Vectors(msgspec.Struct):
    """GET /indexes/{name}/vectors."""

    limit: Limit = 100
    cursor: Cursor = None
    prefix: str = ""
    filter: Filter = msgspec.field(default_factory=msgspec.Raw)
    include: list[Literal["metadata", "vector"]] = msgspec.field(default_factory=lambda: ["metadata"])
    segment: Annotated[int, schema(minimum=0, maximum=MAX_SEGMENTS - 1)] = 0
    segments: Annotated[int, schema(minimum=1, maximum=MAX_SEGMENTS)] = 1
    consistency: Consistency = "strong"
    max_staleness: Staleness = None


class Export(msgspec.Struct):
    """GET /indexes/{name}/export."""

    format: Literal["lhv1", "jsonl", "jsonl.gz", "parquet"]
    link: bool = False
    as_of: AsOf = None


def check(query: Mapping[str, str], kind: type[msgspec.Struct]) -> None:
    """Raise RequestInvalid if a query string has a parameter that `kind`, the type of its route, does not have."""
    if unknown := query.keys() - set(kind.__struct_fields__):
        known = ", ".join(kind.__struct_fields__)
        raise RequestInvalid(f"Unknown parameter {min(unknown)!r}. The parameters of this route are: {known}.")
