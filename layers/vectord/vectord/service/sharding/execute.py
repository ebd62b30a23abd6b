"""Run a shard request on the snapshot of the shard."""

from collections.abc import Callable, Sequence
from itertools import accumulate, takewhile
from typing import Final

import msgspec
from msgspec import structs

from vectord.index.query.values import Facet
from vectord.service.sharding.messages import (
    AddRequest,
    CandidatesRequest,
    ChangeRequest,
    ChangeResult,
    CountRequest,
    CountResult,
    DeleteRequest,
    DescribeRequest,
    DescribeResult,
    FacetsRequest,
    FacetsResult,
    OrderRequest,
    OrderResult,
    PatchRequest,
    QueryRequest,
    SearchRequest,
    ShardRequest,
    ShardResult,
    StatisticsRequest,
    StatisticsResult,
)
from vectord.service.single.index import SingleIndex
from vectord.service.values.options import UNCONDITIONAL, WriteOptions
from vectord.service.values.results import Description
from vectord.service.values.selection import Selection

_MAX_VALUES: Final = 10_000  # of each path that a shard returns, the most frequent ones
_MAX_BYTES: Final = 5_000_000  # of the values of all paths, or of the rows of an ordered listing


def execute(
    request: ShardRequest, shard: SingleIndex, with_build: Callable[[Description, SingleIndex], Description]
) -> ShardResult:
    """Return the result of a request; raise what the method of `SingleIndex` raises.

    `with_build` adds the build that is going on to a description of the shard.
    """
    match request:
        case SearchRequest() | StatisticsRequest() | CandidatesRequest():
            return _search(request, shard)
        case DescribeRequest():
            found = with_build(shard.describe(), shard)
            return DescribeResult(found.count, found.size, found.graph_size, found.etag, found.build, found.searchable)
        case CountRequest():
            return _count(request, shard)
        case FacetsRequest(query=query):
            facets = shard.facets(structs.replace(query, limit=_MAX_VALUES))
            return FacetsResult([_fitted(one, len(query.paths)) for one in facets.facets], facets.count, facets.etag)
        case OrderRequest():
            return _order(request, shard)
    return _change(request, shard)


def _search(request: QueryRequest, shard: SingleIndex) -> ShardResult:
    match request:
        case StatisticsRequest(query=query):
            return StatisticsResult(shard.text_statistics(query), shard.snapshot.etag)
        case CandidatesRequest(query=query):
            return shard.candidates(query)
    return shard.search(request.query)


def _order(request: OrderRequest, shard: SingleIndex) -> OrderResult:
    found = shard.ordered_rows(request.query, request.order)
    count = max(1, _count_that_fits(found.rows, _MAX_BYTES))
    return OrderResult(found.rows[:count], found.more or count < len(found.rows))


def _fitted(facet: Facet, paths: int) -> Facet:
    """Return a facet with as many of its values as fit into a message beside those of the other paths."""
    return structs.replace(facet, counts=facet.counts[: _count_that_fits(facet.counts, _MAX_BYTES // paths)])


def _count_that_fits(items: Sequence[object], size: int) -> int:
    """Return how many of `items`, from the first on, have at most `size` bytes in a message."""
    # A byte of JSON may become two in the message, which is a JSON string.
    sizes = accumulate(2 * len(msgspec.json.encode(item)) for item in items)
    return sum(1 for _ in takewhile(lambda so_far: so_far <= size, sizes))


def _count(request: CountRequest, shard: SingleIndex) -> CountResult:
    if request.ids is None:
        counted = shard.count(request.filter, request.text)
        return CountResult(counted.count, counted.etag)
    present = shard.would_delete(Selection(request.ids), UNCONDITIONAL)
    return CountResult(present.deleted, present.etag or "")


def _change(request: ChangeRequest, shard: SingleIndex) -> ChangeResult:
    write = WriteOptions(key=request.key)
    match request:
        case AddRequest():
            added = shard.add_checked(request.items, write)
            return ChangeResult(added.added, added.replaced)
        case DeleteRequest():
            return ChangeResult(shard.delete(request.selection, write).deleted)
        case PatchRequest():
            return ChangeResult(shard.patch(request.selection, request.patch, write).patched)


def as_single(index: object) -> SingleIndex:
    """Return a shard with its type: it is never sharded itself, because opening such a shard raises BlobCorrupt."""
    assert isinstance(index, SingleIndex)
    return index
