"""One shard's part of a request, and what became of it: data, since another function may do it."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.errors import RequestInvalid, VectordError
from vectord.index import Item, Match
from vectord.index.distance import F32
from vectord.service.asks import Ask
from vectord.service.failures import Failed, failed
from vectord.service.once import Key
from vectord.service.plain import Plain
from vectord.service.plain_vectors import PlainVectors
from vectord.service.results import Merged, Searched
from vectord.service.selection import Patch, Selection

_NOTHING: Final = msgspec.Raw(b"null")  # no metadata: null itself is never stored


class Row(msgspec.Struct, array_like=True, frozen=True):
    """A vector in a message: float32 bytes, little-endian, or none; metadata as JSON text."""

    id: str
    vector: bytes
    metadata: msgspec.Raw = _NOTHING


class AddPart(msgspec.Struct, tag="add", frozen=True):
    """Rows to add or replace, all checked."""

    shard: str
    rows: list[Row]
    key: Key | None = None


class RemovePart(msgspec.Struct, tag="remove", frozen=True):
    shard: str
    ids: list[str]
    key: Key | None = None
    filter: str | None = None

    @property
    def which(self) -> Selection:
        return Selection(self.ids) if self.filter is None else Selection(filter=self.filter)


class PatchPart(msgspec.Struct, tag="patch", frozen=True):
    shard: str
    which: Selection
    patch: Patch
    key: Key | None = None


class SearchPart(msgspec.Struct, tag="search", frozen=True):
    """Queries that were checked, as float32 bytes; `vectors` tells whether matches are to carry theirs."""

    shard: str
    queries: list[bytes]
    ask: Ask
    vectors: bool


class DescribePart(msgspec.Struct, tag="describe", frozen=True):
    shard: str


class CountPart(msgspec.Struct, tag="count", frozen=True):
    """`filter` is JSON text; of `ids`, those that are there are counted."""

    shard: str
    filter: str | None = None
    staleness: float | None = None
    ids: list[str] | None = None


ChangePart = AddPart | RemovePart | PatchPart
Part = ChangePart | SearchPart | DescribePart | CountPart


class Changed(msgspec.Struct, tag="changed", frozen=True):
    """A commit of one shard: rows added (or removed) and replaced."""

    rows: int
    replaced: int = 0


class Near(msgspec.Struct, array_like=True, frozen=True):
    """A match in a message."""

    row: Row
    distance: float


class OneFound(msgspec.Struct, array_like=True, frozen=True):
    """One shard's answer to one query, as `vectord.index.Answer` has it."""

    near: list[Near]
    count: int
    strategy: str
    plan: str
    examined: int
    eligible: int


class Found(msgspec.Struct, tag="found", frozen=True):
    """One shard's answers to a search, and what they took of the store."""

    answers: list[OneFound]
    etag: str
    read_bytes: int
    requests: int


class Seen(msgspec.Struct, tag="seen", frozen=True):
    """What one shard is: vectors, and bytes of blob and graph."""

    count: int
    size: int
    graph_size: int
    etag: str


class Tally(msgspec.Struct, tag="tally", frozen=True):
    """How many vectors of one shard were counted."""

    count: int
    etag: str


Outcome = Changed | Found | Seen | Tally | Failed


def outcome(do: Callable[[], Outcome]) -> Outcome:
    """Return what a part comes to; an error of the tree is an outcome too."""
    try:
        return do()
    except VectordError as error:
        return failed(error)


def read(part: Part, plain: Plain, vectors: PlainVectors, until: float) -> Outcome:
    """Do a part that changes nothing.

    Raises:
        RequestInvalid: it is another one.
    """
    match part:
        case SearchPart():
            queries = [_vector(query) for query in part.queries]
            return _found(plain.search(part.shard, lambda _: queries, part.ask, until), vectors=part.vectors)
        case DescribePart():
            seen = plain.describe(part.shard, until)
            return Seen(seen.count, seen.size, seen.graph_size, seen.etag)
        case CountPart():
            if part.ids is not None:
                there = vectors.would_remove(part.shard, Selection(part.ids), until)
                return Tally(there.deleted, there.etag or "")
            counted = vectors.count(part.shard, part.filter, until, part.staleness)
            return Tally(counted.count, counted.etag)
    raise RequestInvalid("this function changes nothing")


def row_of(item: Item) -> Row:
    return Row(item.id, item.vector.astype("<f4").tobytes(), item.metadata or _NOTHING)


def item_of(row: Row) -> Item:
    return Item(row.id, _vector(row.vector), _metadata(row))


def merged(found: Sequence[Found], k: int) -> list[Merged]:
    """Return for each query the `k` nearest of all shards' matches, ties by id, and the sums of what they say."""
    return [_merged(answers, k) for answers in zip(*(shard.answers for shard in found), strict=True)]


def _merged(found: Sequence[OneFound], k: int) -> Merged:
    near = sorted((one for shard in found for one in shard.near), key=lambda one: (one.distance, one.row.id))
    return Merged(
        [Match(one.row.id, one.distance, _metadata(one.row), _vector(one.row.vector)) for one in near[:k]],
        sum(shard.count for shard in found),
        _common({shard.strategy for shard in found}),
        _common({shard.plan for shard in found}),
        sum(shard.examined for shard in found),
        sum(shard.eligible for shard in found),
    )


def _common(names: set[str]) -> str:
    return names.pop() if len(names) == 1 else "mixed"


def _found(searched: Searched, *, vectors: bool) -> Found:
    answers = [
        OneFound(
            [_near(match, vectors=vectors) for match in each.matches],
            each.count,
            each.strategy,
            each.plan,
            each.examined,
            each.eligible,
        )
        for each in searched.answers
    ]
    return Found(answers, searched.etag, searched.read_bytes, searched.requests)


def _near(match: Match, *, vectors: bool) -> Near:
    vector = match.vector.astype("<f4").tobytes() if vectors else b""
    return Near(Row(match.id, vector, match.metadata or _NOTHING), match.distance)


def _vector(data: bytes) -> F32:
    return np.frombuffer(data, "<f4").astype(np.float32, copy=False)


def _metadata(row: Row) -> msgspec.Raw | None:
    return None if bytes(row.metadata) == bytes(_NOTHING) else row.metadata
