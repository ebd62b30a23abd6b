"""The parameters that the query string of each route may have.

The types are for the OpenAPI document. In a request every value is text, and the code that uses a parameter checks it.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

import msgspec

from vectord.edge.schemas.fields import (
    MAX_SEGMENTS,
    AsOf,
    Consistency,
    Cursor,
    Encoding,
    Filter,
    Limit,
    Staleness,
    schema,
)
from vectord.errors import RequestInvalid
from vectord.readers.entry import VectorEncoding

_ENCODINGS: Final[dict[str, VectorEncoding]] = {encoding: encoding for encoding in get_args(VectorEncoding)}


class Indexes(msgspec.Struct):
    """GET /indexes."""

    prefix: str = ""
    limit: Limit = 100
    cursor: Cursor = None


class NoParameters(msgspec.Struct):
    """PUT and DELETE /indexes/{name}, DELETE /indexes/{name}/vectors/{id}."""


class State(msgspec.Struct):
    """GET /indexes/{name}."""

    as_of: AsOf = None


class Versions(msgspec.Struct):
    """GET /indexes/{name}/versions."""

    limit: Limit = 100
    cursor: Cursor = None


class Lookup(msgspec.Struct):
    """GET /indexes/{name}/vectors/{id}."""

    vector_encoding: Encoding = "array"
    consistency: Consistency = "strong"
    max_staleness: Staleness = None


class Vectors(msgspec.Struct):
    """GET /indexes/{name}/vectors."""

    limit: Limit = 100
    cursor: Cursor = None
    prefix: str = ""
    filter: Filter = msgspec.field(default_factory=msgspec.Raw)
    include: list[Literal["metadata", "vector"]] = msgspec.field(default_factory=lambda: ["metadata"])
    vector_encoding: Encoding = "array"
    segment: Annotated[int, schema(minimum=0, maximum=MAX_SEGMENTS - 1)] = 0
    segments: Annotated[int, schema(minimum=1, maximum=MAX_SEGMENTS)] = 1
    order_by: str | None = None
    order: Literal["asc", "desc"] = "asc"
    consistency: Consistency = "strong"
    max_staleness: Staleness = None


class Export(msgspec.Struct):
    """GET /indexes/{name}/export."""

    format: Literal["lhv1", "jsonl", "jsonl.gz", "parquet"]
    link: bool = False
    as_of: AsOf = None
    vector_encoding: Encoding = "array"


def read_vector_encoding(query: Mapping[str, str]) -> VectorEncoding:
    """Return the `vector_encoding` of a query string.

    Raises:
        RequestInvalid: it is unknown.
    """
    encoding = query.get("vector_encoding", "array")
    if encoding not in _ENCODINGS:
        raise RequestInvalid(f"vector_encoding must be {' or '.join(_ENCODINGS)}, not {encoding!r}.")
    return _ENCODINGS[encoding]


def check(query: Mapping[str, str], kind: type[msgspec.Struct]) -> None:
    """Raise RequestInvalid if a query string has a parameter that `kind`, the type of its route, does not have."""
    if unknown := query.keys() - set(kind.__struct_fields__):
        known = ", ".join(kind.__struct_fields__) or "none"
        raise RequestInvalid(
            f"Unknown parameter {min(unknown)!r}. The parameters of this route are: {known}. If it is the rest of "
            "an id with a '?', send the id in a body."
        )
