"""Requests to one shard and their results, as JSON, because another function may run them."""

from typing import Any, Final

import msgspec
import numpy as np

from vectord.index.kernels.distance import F32
from vectord.index.query.explanations import Explanation, Highlight
from vectord.index.query.query import Answer, Match, Query, Result, TextStatistics
from vectord.index.query.values import Facet, Order, OrderedRow
from vectord.index.rows import Item
from vectord.parallel import made_once
from vectord.service.sharding.failures import Failed
from vectord.service.values.environment import Commit
from vectord.service.values.options import IdempotencyKey
from vectord.service.values.results import Build
from vectord.service.values.selection import FacetQuery, ListQuery, Patch, Selection, TextSelection


class AddRequest(msgspec.Struct, tag="add", frozen=True):
    """Add or replace items that were validated before."""

    shard: str
    items: list[Item]
    key: IdempotencyKey | None = None


class DeleteRequest(msgspec.Struct, tag="delete", frozen=True):
    shard: str
    selection: Selection
    key: IdempotencyKey | None = None


class PatchRequest(msgspec.Struct, tag="patch", frozen=True):
    shard: str
    selection: Selection
    patch: Patch
    key: IdempotencyKey | None = None


class SearchRequest(msgspec.Struct, tag="search", frozen=True):
    """A query whose vectors were validated before; `staleness` as in `ReadOptions`."""

    shard: str
    query: Query
    staleness: float | None = None


class StatisticsRequest(msgspec.Struct, tag="statistics", frozen=True):
    """Return the statistics of the words of a query."""

    shard: str
    query: Query
    staleness: float | None = None


class CandidatesRequest(msgspec.Struct, tag="candidates", frozen=True):
    """Return the rows of all lists of a hybrid search, without their metadata and vectors."""

    shard: str
    query: Query
    staleness: float | None = None


class DescribeRequest(msgspec.Struct, tag="describe", frozen=True):
    shard: str


class CountRequest(msgspec.Struct, tag="count", frozen=True):
    """Count the vectors that satisfy `filter`, JSON text, and have words, or those of `ids` that are in the shard."""

    shard: str
    filter: str | None = None
    staleness: float | None = None
    ids: list[str] | None = None
    text: TextSelection | None = None


class FacetsRequest(msgspec.Struct, tag="facets", frozen=True):
    """Count the distinct values at paths; the limit of the query is ignored, a shard returns all that it can."""

    shard: str
    query: FacetQuery
    staleness: float | None = None


class OrderRequest(msgspec.Struct, tag="order", frozen=True):
    """Return the rows of a page of an ordered listing, without their members."""

    shard: str
    query: ListQuery
    order: Order
    staleness: float | None = None


ChangeRequest = AddRequest | DeleteRequest | PatchRequest
QueryRequest = SearchRequest | StatisticsRequest | CandidatesRequest
ShardRequest = ChangeRequest | QueryRequest | DescribeRequest | CountRequest | FacetsRequest | OrderRequest


class ChangeResult(msgspec.Struct, tag="changed", frozen=True):
    """The result of one shard's change: the rows that were added, deleted or patched, and those that were replaced.

    `commits` has the commit of the change, if it wrote anything.
    """

    rows: int
    replaced: int = 0
    commits: list[Commit] = msgspec.field(default_factory=list)


class DescribeResult(msgspec.Struct, tag="described", frozen=True):
    """One shard: its number of vectors, the bytes of its object and of its graph, and the rest as in `Description`."""

    count: int
    size: int
    graph_size: int
    etag: str
    build: Build | None = None
    searchable: frozenset[str] = frozenset()


class CountResult(msgspec.Struct, tag="counted", frozen=True):
    count: int
    etag: str


class FacetsResult(msgspec.Struct, tag="facets counted", frozen=True):
    """One shard's facets, one for each path, and the number of rows that satisfy the filter."""

    facets: list[Facet]
    count: int
    etag: str


class OrderResult(msgspec.Struct, tag="ordered", frozen=True):
    """One shard's first rows of an ordered listing; it has `more`."""

    rows: list[OrderedRow]
    more: bool


class StatisticsResult(msgspec.Struct, tag="statistics found", frozen=True):
    statistics: TextStatistics
    etag: str


ShardResult = (
    ChangeResult | Result | StatisticsResult | DescribeResult | CountResult | FacetsResult | OrderResult | Failed
)


def staleness_of(request: ShardRequest) -> float | None:
    """Return the staleness in seconds that a request allows; None for a strong read, and for a change."""
    with_staleness = QueryRequest | CountRequest | FacetsRequest | OrderRequest
    return request.staleness if isinstance(request, with_staleness) else None


def encode(message: ShardRequest | ShardResult) -> bytes:
    """Return a message as JSON; vectors are base64 of little-endian float32."""
    return _ENCODER.encode(message)


def decode_request(text: str) -> ShardRequest:
    """Return the request in a JSON text.

    Raises:
        msgspec.DecodeError: it is not a request, or it has the format of another version.
    """
    request = _request_decoder().decode(text)
    if not isinstance(request, _DecodedAdd):
        return request
    items = [Item(item.id, item.vector, _metadata(item.metadata)) for item in request.items]
    return AddRequest(request.shard, items, request.key)


def decode_result(text: str) -> ShardResult:
    """Return the result in a JSON text; raise msgspec.DecodeError as `decode_request` does."""
    result = _result_decoder().decode(text)
    if not isinstance(result, _DecodedResult):
        return result
    answers = [_answer(answer) for answer in result.answers]
    return Result(answers, result.etag, result.read_bytes, result.requests, result.rounds)


# The types to decode: msgspec cannot decode a field of type `Raw | None`, so JSON `null` stands for no metadata.
class _DecodedItem(msgspec.Struct, array_like=True):
    id: str
    vector: F32
    metadata: msgspec.Raw


class _DecodedAdd(msgspec.Struct, tag="add"):
    shard: str
    items: list[_DecodedItem]
    key: IdempotencyKey | None


class _DecodedMatch(msgspec.Struct, array_like=True):
    id: str
    distance: float | None
    metadata: msgspec.Raw
    vector: F32 | None
    relevance: float | None = None
    score: float | None = None
    explanation: Explanation | None = None
    highlights: tuple[Highlight, ...] | None = None
    sparse_relevance: float | None = None


_OF_TEXT: Final = _DecodedMatch.__struct_fields__[4:]  # what only a search by words has


class _DecodedAnswer(msgspec.Struct):
    matches: list[_DecodedMatch]
    count: int
    strategy: str
    plan: str
    examined: int
    eligible: int
    more: bool
    complete: bool
    partitions: int = 0
    entries: int = 0


class _DecodedResult(msgspec.Struct, tag="result"):
    answers: list[_DecodedAnswer]
    etag: str
    read_bytes: int
    requests: int
    rounds: int = 0


def _answer(decoded: _DecodedAnswer) -> Answer:
    matches = [
        Match(one.id, one.distance, _metadata(one.metadata), one.vector, *(getattr(one, name) for name in _OF_TEXT))
        for one in decoded.matches
    ]
    return Answer(matches, *(getattr(decoded, field) for field in _DecodedAnswer.__struct_fields__[1:]))


def _metadata(text: msgspec.Raw) -> msgspec.Raw | None:
    return None if bytes(text) == b"null" else text


def _encode_array(value: Any) -> bytes:
    if isinstance(value, np.ndarray):
        return value.astype("<f4").tobytes()
    raise NotImplementedError(f"a message cannot hold a {type(value).__name__}")


def _decode_array(_: type, text: Any) -> Any:
    return np.frombuffer(msgspec.convert(text, bytes), "<f4").astype(np.float32, copy=False)


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_array)
_DecodedRequest = (
    _DecodedAdd
    | DeleteRequest
    | PatchRequest
    | SearchRequest
    | StatisticsRequest
    | CandidatesRequest
    | DescribeRequest
    | CountRequest
    | FacetsRequest
    | OrderRequest
)
_DecodedShardResult = (
    ChangeResult
    | _DecodedResult
    | StatisticsResult
    | DescribeResult
    | CountResult
    | FacetsResult
    | OrderResult
    | Failed
)


@made_once  # at the first message, because a cold search of a single-object index does not need it
def _request_decoder() -> msgspec.json.Decoder[_DecodedRequest]:
    return msgspec.json.Decoder(_DecodedRequest, dec_hook=_decode_array)


@made_once
def _result_decoder() -> msgspec.json.Decoder[_DecodedShardResult]:
    return msgspec.json.Decoder(_DecodedShardResult, dec_hook=_decode_array)
