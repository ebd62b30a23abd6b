"""Merge the results of the shards of an index into one result."""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from heapq import nsmallest

from vectord.filters.values import Key
from vectord.index.query.query import Answer, Result, sort_key
from vectord.index.query.values import Facet, Order, is_after, sorted_rows
from vectord.lhv1.params import Params
from vectord.service.sharding.messages import DescribeResult, OrderResult
from vectord.service.values.results import Description, OrderedRows, Shard


def merge_results(parent: Params, results: Sequence[Result], k: int) -> Result:
    """Return for each query vector the `k` nearest matches of all shards, ties by id, and the sums of the counts.

    A shard whose answer was cut to fit into a message has fewer than `k` matches, although `more` follow. The merged
    matches then end at its last match: what follows in that shard may be nearer than matches of other shards.
    """
    return Result(
        [_merge_answers(answers, k) for answers in zip(*(result.answers for result in results), strict=True)],
        etag_of(parent, [result.etag for result in results]),
        sum(result.read_bytes for result in results),
        sum(result.requests for result in results),
    )


def _merge_answers(answers: Sequence[Answer], k: int) -> Answer:
    matches = sorted((match for answer in answers for match in answer.matches), key=sort_key)
    ends = [sort_key(answer.matches[-1]) for answer in answers if answer.more and 0 < len(answer.matches) < k]
    if ends:
        matches = [match for match in matches if sort_key(match) <= min(ends)]
    return Answer(
        matches[:k],
        sum(answer.count for answer in answers),
        _common({answer.strategy for answer in answers}),
        _common({answer.plan for answer in answers}),
        sum(answer.examined for answer in answers),
        sum(answer.eligible for answer in answers),
        more=bool(ends) or len(matches) > k or any(answer.more for answer in answers),
        complete=all(answer.complete for answer in answers),
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
    )


def etag_of(parent: Params, etags: Sequence[str]) -> str:
    """Return the ETag of a state of the whole index: a hash over the ETags of its shards, in their order."""
    text = "\n".join((str(parent.generation), *etags))
    return f'"{blake2b(text.encode(), digest_size=16).hexdigest()}"'
