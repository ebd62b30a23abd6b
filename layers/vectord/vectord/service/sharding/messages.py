"""One shard's part of a request, and what became of it: data, since another function may do it."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.errors import RequestInvalid, VectordError
from vectord.index.kernels.distance import F32
from vectord.index.query.query import Answer, Match
from vectord.index.rows import Item
from vectord.service.commit.idempotency import IdempotencyKey
from vectord.service.query import Ask
from vectord.service.results import SearchOutcome
from vectord.service.selection import Patch, Selection
from vectord.service.sharding.failures import Failed, failed
from vectord.service.single.reads import SingleReads
from vectord.service.single.vector_reads import SingleVectorReads

_NOTHING: Final = msgspec.Raw(b"null")  # no metadata: null itself is never stored


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A vector in a message: float32 bytes, little-endian, or none; metadata as JSON text."""

    id: str
    vector: bytes
    metadata: msgspec.Raw = _NOTHING


class AddRequest(msgspec.Struct, tag="add", frozen=True):
    """Rows to add or replace, all checked."""

    shard: str
    rows: list[Row]
    key: IdempotencyKey | None = None


class RemoveRequest(msgspec.Struct, tag="remove", frozen=True):
    shard: str
    ids: list[str]
    key: IdempotencyKey | None = None
    filter: str | None = None

    @property
    def which(self) -> Selection:
        return Selection(self.ids) if self.filter is None else Selection(filter=self.filter)


class PatchRequest(msgspec.Struct, tag="patch", frozen=True):
    shard: str
    which: Selection
    patch: Patch
    key: IdempotencyKey | None = None


class SearchRequest(msgspec.Struct, tag="search", frozen=True):
    """Queries that were checked, as float32 bytes; `vectors` tells whether matches are to carry theirs."""

    shard: str
    queries: list[bytes]
    ask: Ask
    vectors: bool


class DescribeRequest(msgspec.Struct, tag="describe", frozen=True):
    shard: str


class CountRequest(msgspec.Struct, tag="count", frozen=True):
    """`filter` is JSON text; of `ids`, those that are there are counted."""

    shard: str
    filter: str | None = None
    staleness: float | None = None
    ids: list[str] | None = None


ChangeRequest = AddRequest | RemoveRequest | PatchRequest
ShardRequest = ChangeRequest | SearchRequest | DescribeRequest | CountRequest


class ChangeResult(msgspec.Struct, tag="changed", frozen=True):
    """A commit of one shard: rows added (or removed) and replaced."""

    rows: int
    replaced: int = 0


class Near(msgspec.Struct, array_like=True, frozen=True):
    """A match in a message."""

    row: Row
    distance: float


class QueryResult(msgspec.Struct, array_like=True, frozen=True):
    """One shard's answer to one query, as `vectord.index.Answer` has it."""

    near: list[Near]
    count: int
    strategy: str
    plan: str
    examined: int
    eligible: int


class SearchResult(msgspec.Struct, tag="found", frozen=True):
    """One shard's answers to a search, and what they took of the store."""

    answers: list[QueryResult]
    etag: str
    read_bytes: int
    requests: int


class DescribeResult(msgspec.Struct, tag="seen", frozen=True):
    """What one shard is: vectors, and bytes of blob and graph."""

    count: int
    size: int
    graph_size: int
    etag: str


class CountResult(msgspec.Struct, tag="tally", frozen=True):
    """How many vectors of one shard were counted."""

    count: int
    etag: str


ShardResult = ChangeResult | SearchResult | DescribeResult | CountResult | Failed


def outcome(do: Callable[[], ShardResult]) -> ShardResult:
    """Return what a part comes to; an error of the tree is an outcome too."""
    try:
        return do()
    except VectordError as error:
        return failed(error)


def read(part: ShardRequest, plain: SingleReads, vectors: SingleVectorReads, until: float) -> ShardResult:
    """Do a part that changes nothing.

    Raises:
        RequestInvalid: it is another one.
    """
    match part:
        case SearchRequest():
            queries = [_vector(query) for query in part.queries]
            return _found(plain.search(part.shard, lambda _: queries, part.ask, until), vectors=part.vectors)
        case DescribeRequest():
            seen = plain.describe(part.shard, until)
            return DescribeResult(seen.count, seen.size, seen.graph_size, seen.etag)
        case CountRequest():
            if part.ids is not None:
                there = vectors.would_remove(part.shard, Selection(part.ids), until)
                return CountResult(there.deleted, there.etag or "")
            counted = vectors.count(part.shard, part.filter, until, part.staleness)
            return CountResult(counted.count, counted.etag)
    raise RequestInvalid("this function changes nothing")


def row_of(item: Item) -> Row:
    return Row(item.id, item.vector.astype("<f4").tobytes(), item.metadata or _NOTHING)


def item_of(row: Row) -> Item:
    return Item(row.id, _vector(row.vector), _metadata(row))


def merged(found: Sequence[SearchResult], k: int) -> list[Answer]:
    """Return for each query the `k` nearest of all shards' matches, ties by id, and the sums of what they say."""
    return [_merged(answers, k) for answers in zip(*(shard.answers for shard in found), strict=True)]


def _merged(found: Sequence[QueryResult], k: int) -> Answer:
    near = sorted((one for shard in found for one in shard.near), key=lambda one: (one.distance, one.row.id))
    return Answer(
        [Match(one.row.id, one.distance, _metadata(one.row), _vector(one.row.vector)) for one in near[:k]],
        sum(shard.count for shard in found),
        _common({shard.strategy for shard in found}),
        _common({shard.plan for shard in found}),
        sum(shard.examined for shard in found),
        sum(shard.eligible for shard in found),
    )


def _common(names: set[str]) -> str:
    return names.pop() if len(names) == 1 else "mixed"


def _found(searched: SearchOutcome, *, vectors: bool) -> SearchResult:
    answers = [
        QueryResult(
            [_near(match, vectors=vectors) for match in each.matches],
            each.count,
            each.strategy,
            each.plan,
            each.examined,
            each.eligible,
        )
        for each in searched.answers
    ]
    return SearchResult(answers, searched.etag, searched.read_bytes, searched.requests)


def _near(match: Match, *, vectors: bool) -> Near:
    vector = match.vector.astype("<f4").tobytes() if vectors and match.vector is not None else b""
    return Near(Row(match.id, vector, match.metadata or _NOTHING), match.distance)


def _vector(data: bytes) -> F32:
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)


def _metadata(row: Row) -> msgspec.Raw | None:
    return None if bytes(row.metadata) == bytes(_NOTHING) else row.metadata
