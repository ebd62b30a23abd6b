"""Merge the results of the shards of an index into one result."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from heapq import nsmallest
from threading import Lock
from typing import Any

from msgspec import structs

from vectord.filters.values import Key
from vectord.index.query.query import Answer, Match, Result, sort_key
from vectord.index.query.values import Facet, Order, is_after, sorted_rows
from vectord.lhv1.params import Params
from vectord.service.sharding.messages import DescribeResult, OrderResult, ShardResult
from vectord.service.values.results import Build, Description, OrderedRows, Shard

type SortKey = Callable[[Match], Any]  # what orders matches


class ResultMerger:
    """Merges the results of the shards one after the other, so that only the matches of the answer stay in memory.

    For each query vector it keeps the first `k` matches. A shard whose answer was cut to fit into a
    message has fewer than `k` matches, although `more` follow. The merged matches then end at its last match: what
    follows in that shard may be nearer than matches of other shards.
    """

    def __init__(self, k: int, key: SortKey = sort_key) -> None:
        """Order matches by `key`, which is unique for each match."""
        self._k, self._key = k, key
        self._lock = Lock()
        self._answers: list[_MergedAnswer] = []
        self._read_bytes = self._requests = self._rounds = 0

    def add(self, read: Callable[[], ShardResult]) -> ShardResult:
        """Merge the result that `read` returns, and return it without its matches; one thread at a time."""
        with self._lock:
            result = read()
            if not isinstance(result, Result):
                return result
            if not self._answers:
                self._answers = [_MergedAnswer(self._k, self._key) for _ in result.answers]
            for merged, answer in zip(self._answers, result.answers, strict=True):
                merged.add(answer)
            self._read_bytes += result.read_bytes
            self._requests += result.requests
            self._rounds = max(self._rounds, result.rounds)  # shards read side by side
            return Result((), result.etag)

    def result(self, etag: str) -> Result:
        """Return what was merged."""
        answers = [merged.answer() for merged in self._answers]
        return Result(answers, etag, self._read_bytes, self._requests, self._rounds)


class _MergedAnswer:
    """The merged answers of some shards to one query vector; `_end` is where the first of the cut answers ends."""

    def __init__(self, k: int, key: SortKey) -> None:
        self._k, self._key = k, key
        self._matches: list[Match] = []
        self._end: Any = None
        self._more, self._complete = False, True
        self._count = self._examined = self._eligible = self._partitions = self._entries = 0
        self._strategies, self._plans = set[str](), set[str]()

    def add(self, answer: Answer) -> None:
        matches, sort_key = answer.matches, self._key
        if answer.more and 0 < len(matches) < self._k:
            end = sort_key(matches[-1])
            self._end = end if self._end is None else min(end, self._end)
        near = len(matches)
        if len(self._matches) == self._k:  # few of the matches of a shard are nearer than those of all shards before it
            near = bisect_right(matches, sort_key(self._matches[-1]), key=sort_key)
        self._more = self._more or near < len(matches)
        merged = sorted([*self._matches, *matches[:near]], key=sort_key)
        if self._end is not None:
            merged = merged[: bisect_right(merged, self._end, key=sort_key)]
        self._more = self._more or answer.more or len(merged) > self._k
        self._matches = merged[: self._k]
        self._complete = self._complete and answer.complete
        self._count += answer.count
        self._examined += answer.examined
        self._eligible += answer.eligible
        self._partitions += answer.partitions
        self._entries += answer.entries
        self._strategies.add(answer.strategy)
        self._plans.add(answer.plan)

    def answer(self) -> Answer:
        return Answer(
            self._matches,
            self._count,
            _common(self._strategies),
            _common(self._plans),
            self._examined,
            self._eligible,
            more=self._more or self._end is not None,
            complete=self._complete,
            partitions=self._partitions,
            entries=self._entries,
        )


def merge_facets(facets: Sequence[Facet], limit: int) -> Facet:
    """Return the facet of one path from those of the shards.

    It is approximate if a shard has more values than it returned: one that no shard returned may be more frequent.
    """
    counts: Counter[Key] = Counter()
    for facet in facets:
        for key, count in facet.counts:
            counts[key] += count
    numbers = [number for facet in facets for number in (facet.least, facet.most) if number is not None]
    return Facet(
        sum(facet.rows for facet in facets),
        max(len(counts), *(facet.distinct for facet in facets)),
        nsmallest(limit, counts.items(), key=lambda counted: (-counted[1], counted[0])),
        min(numbers, default=None),
        max(numbers, default=None),
        any(len(facet.counts) < facet.distinct for facet in facets),
    )


def merge_ordered(found: Sequence[OrderResult], order: Order, limit: int) -> OrderedRows:
    """Return the first `limit` rows of an ordered listing from those of the shards.

    Of a shard that has more rows than it returned, the others are not known. So the merged rows end at the first of the
    last rows of such shards.
    """
    rows = sorted_rows((row for one in found for row in one.rows), order)
    ends = sorted_rows((one.rows[-1] for one in found if one.more), order)
    known = [row for row in rows if not is_after(row, ends[0], order)] if ends else rows
    return OrderedRows(known[:limit], more=bool(ends) or len(known) > limit)


def _common(names: set[str]) -> str:
    return names.pop() if len(names) == 1 else "mixed"


def merge_descriptions(parent: Params, shards: Sequence[DescribeResult | Description]) -> Description:
    """Return the description of an index from those of its shards."""
    return Description(
        parent,
        sum(one.count for one in shards),
        sum(one.size for one in shards),
        sum(one.graph_size for one in shards),
        {},
        etag_of(parent, [one.etag for one in shards]),
        tuple(Shard(one.count, one.size, one.etag) for one in shards),
        _first_build(shards),
        frozenset.intersection(*(one.searchable for one in shards)),
    )


def _first_build(shards: Sequence[DescribeResult | Description]) -> Build | None:
    """Return the build that has been going on for longest, with its shard; None if no shard is built."""
    of_shards = [
        structs.replace(one.build, stage=f"{one.build.stage} (shard {number} of {len(shards)})")
        for number, one in enumerate(shards)
        if one.build
    ]
    return min(of_shards, key=lambda build: build.since, default=None)


def etag_of(parent: Params, etags: Sequence[str]) -> str:
    """Return the ETag of a state of the whole index: a hash over the ETags of its shards, in their order."""
    text = "\n".join((str(parent.generation), *etags))
    return f'"{blake2b(text.encode(), digest_size=16).hexdigest()}"'
