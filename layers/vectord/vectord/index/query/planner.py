"""Choose how to search: the exact scan, the forest or the sketch, whichever reaches the recall soonest.

docs/decisions/search.md holds the measurements behind the constants.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from vectord.index.query.query import DEFAULT_RECALL
from vectord.index.query.row_mask import RowMask
from vectord.index.state import Base, Index

Strategy = Literal["exact", "forest", "sketch"]

# Rows that a search by ranges looks at for each request that it may make: more are not near enough to come along.
ROWS_A_REQUEST: Final = 8
K: Final = 10  # of recall@10, which the curves hold
_FEW: Final = 256  # rows that are read one by one sooner than everything

# Rows that a filter leaves may all be far from a query, where the sketch tells them apart less well than near ones.
FILTERED: Final = 4

# Up to here a scan takes about half a millisecond and its recall is 1; a forest would save little or nothing.
SCAN_COMPONENTS: Final = 4_000_000


class SearchPlan(msgspec.Struct, frozen=True):
    """A way to search, and its effort: Annoy's search_k of the forest, rows measured exactly of the sketch.

    `requests` bounds those of a search by ranges, which leaves out the rows that would take more.
    """

    strategy: Strategy
    effort: int = 0
    requests: int = 0


EXACT: Final = SearchPlan("exact")


def scan_is_small(rows: int, dimension: int) -> bool:
    """Tell whether the exact scan of so many rows needs no forest beside it."""
    return rows * (dimension + 64) <= SCAN_COMPONENTS  # 64: what a row costs besides its components


def cost(way: SearchPlan, rows: int, dimension: int) -> float:
    """Return about how many nanoseconds a search takes on one core where everything is in memory.

    The effort of an exact search is how many of the rows are taken out to be measured, 0 for a scan of all.
    """
    taken = way.effort * (60 + 1.0 * dimension)
    if way.strategy == "exact":
        return 40_000 + (taken or rows * (7.8 + 0.116 * dimension))
    if way.strategy == "forest":
        return 91_000 + way.effort * (33 + 0.229 * dimension)
    return 120_000 + rows * 0.6 * -(-dimension // 64) + taken


def exact_way(inside: int, rows: int, dimension: int) -> SearchPlan:
    """Return the cheapest exact search where `inside` of the rows may be in the answer."""
    some = SearchPlan("exact", inside)
    return some if 0 < inside < rows and cost(some, rows, dimension) < cost(EXACT, rows, dimension) else EXACT


def target(recall: float) -> float:
    """Return what must have been measured for a promise of `recall`: a sample of 64 queries errs by about 0.015."""
    return recall + min(0.02, (1 - recall) / 2)


def effort_for(curve: Mapping[int, float], k: int, recall: float = DEFAULT_RECALL) -> int | None:
    """Return the least measured effort that reaches `recall` for `k` results, None if none does.

    The curve holds for k = 10; more results lie deeper, in proportion.
    """
    enough = [effort for effort, measured in curve.items() if measured >= target(recall)]
    return min(enough) * max(1, -(-k // K)) if enough else None


def choose(index: Index, base: Base, k: int, recall: float, scope: RowMask) -> SearchPlan:
    """Return the cheapest way that reaches `recall` for `k` results in `scope` of an index whose base is here."""
    rows, dimension = base.graph.rows, index.params.dimension
    ways = [exact_way(scope.inside, rows, dimension)]
    if recall >= 1 or scan_is_small(rows, dimension) or not scope.inside:
        return ways[0]
    if effort := _sketched(base, k, recall, scope):
        ways.append(SearchPlan("sketch", effort))
    # Of the rows that the trees find, a filter leaves its share.
    deeper = -(-k * rows // scope.inside) if scope.filtered else k
    if effort := effort_for(base.curves.get("forest", {}), deeper, recall):
        ways.append(SearchPlan("forest", max(effort, max(index.params.ef_search, k) * index.params.m)))
    return min(ways, key=lambda way: cost(way, rows, dimension))


def by_ranges(base: Base, k: int, recall: float, scope: RowMask) -> SearchPlan | None:
    """Return the way of a search that reads ranges, None where none was measured to reach `recall`.

    The questions of the calibration are harder than real ones by 0.01 where few rows are missed (see
    docs/decisions/search.md).
    """
    if scope.filtered:
        return _filtered_by_ranges(base, k, recall, scope)
    curve = base.curves.get("ranges", {}) if base.sketch else {}
    asked = max(recall - 0.01, min(recall, DEFAULT_RECALL))
    enough = [requests for requests, measured in curve.items() if measured >= asked]
    if not enough or recall >= 1:
        return None
    requests = min(enough) * max(1, -(-k // K))
    return SearchPlan("sketch", ROWS_A_REQUEST * requests, requests)


def _filtered_by_ranges(base: Base, k: int, recall: float, scope: RowMask) -> SearchPlan | None:
    """Return a way that asks for each row by itself: those that a filter leaves seldom lie near each other."""
    effort = _sketched(base, k, recall, scope) if recall < 1 else None
    few = effort or max(_FEW, k)
    if scope.inside <= few:
        return SearchPlan("exact", scope.inside, scope.inside)
    return SearchPlan("sketch", effort, effort) if effort else None


def _sketched(base: Base, k: int, recall: float, scope: RowMask) -> int | None:
    effort = effort_for(base.curves.get("sketch", {}), k, recall) if base.sketch else None
    return effort * FILTERED if effort and scope.filtered else effort
