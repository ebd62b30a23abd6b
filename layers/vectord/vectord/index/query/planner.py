"""The planner: choose the cheapest strategy (exact, forest, partitions or sketch) that reaches the target recall.

An index has partitions, or a sketch if an earlier version of vectord built it. Without a base, the codes of its tail
are searched.

docs/decisions/search.md has the measurements behind the constants.
"""

from collections.abc import Mapping
from typing import Final, Literal
from weakref import WeakKeyDictionary

import msgspec

from vectord.index.kernels import exact_scan
from vectord.index.kernels.likely import STANDARD_ERRORS_OF_PARTITIONS
from vectord.index.memory import section_bytes
from vectord.index.query.efforts import DEFAULT_RECALL, K, fastest_by_ranges, required_of_partitions, warm_efforts
from vectord.index.query.query import Query
from vectord.index.query.speed import BYTES_PER_SECOND, seconds_by_ranges, seconds_of_one_request, size_of
from vectord.index.rows import RowMask
from vectord.index.state import Base, Index
from vectord.lhv1.parts_shape import PartsShape

Strategy = Literal["exact", "forest", "partitions", "sketch", "codes"]
FetchMode = Literal["local", "ranges", "whole"]

# Rows that a search by ranges considers per request that it may send; further rows are too far apart in the file.
ROWS_PER_REQUEST: Final = 8
_MAX_FOREST_COST: Final = 10  # times the cost of a scan, which a search with ef_search may cost
_MIN_FILTERED_ROWS: Final = 256  # up to this many rows, one request per row is faster than reading everything
# Factor. All rows that satisfy a filter may be far from a query, and the sketch ranks far rows less well.
_FILTERED_EFFORT: Final = 4

_MAX_PLANS: Final = 1_000  # that are cached for a base
_REQUESTS_FOR_TAIL: Final = 50  # for the rows of a tail that are likely by their codes, about


class SearchPlan(msgspec.Struct, frozen=True):
    """A strategy and its effort: Annoy's search_k for the forest, the rescored rows for partitions and sketch.

    The effort of an exact plan is the number of rows that are rescored one by one, or 0 for a scan of all rows.
    `requests` bounds the range requests for rows; rows that would need more are left out. `fetch` says how the search
    gets its bytes. `probes` is the number of partitions to probe, `entries` that of the entries in them on average.
    With `tail_codes`, the tail is searched by its codes and not by a scan. Without `documents`, a search by ranges does
    not fetch those of the base together with the rows, because few of these will be matches. A search of partitions by
    ranges reads rows that are among the nearest if their distances are `errors` standard errors below the estimates.
    """

    strategy: Strategy
    effort: int = 0
    requests: int = 0
    fetch: FetchMode = "local"
    probes: int = 0
    entries: int = 0
    tail_codes: bool = False
    documents: bool = True
    errors: float = STANDARD_ERRORS_OF_PARTITIONS


EXACT: Final = SearchPlan("exact")
# For a base, the plan for each k, target recall, number of eligible rows, and filter or none. Choosing one takes longer
# than some searches. An entry is dropped with its base.
_PLANS: Final[WeakKeyDictionary[Base, dict[tuple[int, float, int, bool], SearchPlan]]] = WeakKeyDictionary()


def choose(index: Index, base: Base, mask: RowMask, query: Query, k: int) -> SearchPlan:
    """Return the cheapest plan that reaches the query's target recall for `k` matches.

    All sections of the base must be cached, and some of its rows must be in `mask`.
    """
    rows, dimension = base.graph.rows, index.params.dimension
    if not _is_float32_safe(query, base):
        return EXACT  # every other strategy computes in float32
    exact = exact_plan(mask.base_count, rows, dimension)
    if query.ef_search > 0:
        forest = _forest_plan(base, max(query.ef_search, k))
        # A scan of all rows finds at least as much. With a large effort it takes a small part of the time.
        return exact if cost(forest, rows, dimension) > _MAX_FOREST_COST * cost(EXACT, rows, dimension) else forest
    if query.recall >= 1 or base.graph.scan_is_cheap:
        return exact
    plans = _PLANS.setdefault(base, {})
    key = k, query.recall, mask.base_count, mask.filtered
    plan = plans.get(key)
    if plan is None:
        if len(plans) >= _MAX_PLANS:
            plans.clear()
        plan = plans[key] = _cheapest(index, base, mask, query.recall, k)
    return plan


def _cheapest(index: Index, base: Base, mask: RowMask, recall: float, k: int) -> SearchPlan:
    rows, dimension = base.graph.rows, index.params.dimension
    plans = [exact_plan(mask.base_count, rows, dimension)]
    if base.parts:
        plans += warm_plans(base.parts.shape, k, recall, mask)
    if effort := _sketch_effort(base, mask, k, recall):
        plans.append(SearchPlan("sketch", effort))
    # Trees lead to the rows nearest to the query. A filter may hide all of these, and nothing would show it.
    if not mask.filtered and (effort := effort_for(base.calibration.get("forest", {}), k, recall)):
        plans.append(SearchPlan("forest", max(effort, max(index.params.ef_search, k) * index.params.m)))
    return min(plans, key=lambda plan: cost(plan, rows, dimension))


def choose_ranges(index: Index, base: Base, mask: RowMask, query: Query, k: int) -> SearchPlan | None:
    """Return the plan of a search that reads ranges of the object; None if fetching all sections is better.

    Fetching all sections is better if no plan by ranges was measured to reach the target recall, or if it is faster and
    the cache has room for all of them.
    """
    if query.ef_search > 0 or not _is_float32_safe(query, base):
        return None
    plan = plan_by_ranges(base, mask, k, query.recall)
    if plan and (not fits_in_cache(index) or _ranges_are_faster(index, base, plan, len(query.vectors))):
        return plan
    return None


def tail_by_ranges(index: Index) -> bool:
    """Return True if a search over the codes of the tail, and then of a few rows, is faster than reading all of it.

    There are no rows to search in the base.
    """
    missing = size_of([each for section, ranges in index.tail.needed for each in section.missing(ranges)])
    if not missing:
        return False
    by_ranges = seconds_by_ranges(0, _least_bytes_of_tail(index), _REQUESTS_FOR_TAIL)
    return by_ranges < seconds_of_one_request(missing)


def exact_plan(eligible: int, rows: int, dimension: int) -> SearchPlan:
    """Return the cheapest exact plan if `eligible` of `rows` rows may be in the answer."""
    one_by_one = SearchPlan("exact", eligible)
    is_cheaper = 0 < eligible < rows and cost(one_by_one, rows, dimension) < cost(EXACT, rows, dimension)
    return one_by_one if is_cheaper else EXACT


def cost(plan: SearchPlan, rows: int, dimension: int) -> float:
    """Estimate the time of a search in nanoseconds, on one core, with all sections in memory."""
    rescoring = plan.effort * (60 + 1.0 * dimension)
    if plan.strategy == "exact":
        return 40_000 + (rescoring or rows * (7.8 + 0.116 * dimension))
    if plan.strategy == "forest":
        return 91_000 + plan.effort * (33 + 0.229 * dimension)
    words = -(-dimension // 64)
    if plan.strategy == "partitions":
        # The centroids are those of 64 rows or more. Measured at 99,000 rows: 24 ns for an entry with its share of a
        # probe, 460 ns for a row. The codes of an entry are copied, so their bytes cost more than their comparison.
        return 80_000 + rows / 64 * dimension * 0.1 + plan.probes * 600 + plan.entries * (4 + 2.7 * words) + rescoring
    return 120_000 + rows * 0.6 * words + rescoring


def warm_plans(shape: PartsShape, k: int, recall: float, mask: RowMask | None = None) -> list[SearchPlan]:
    """Return the plans over partitions in memory that were measured to reach `recall` for `k` matches."""
    efforts = warm_efforts(shape, k, required_of_partitions(recall), mask)
    return [SearchPlan("partitions", each.rows, probes=each.probes, entries=each.entries) for each in efforts]


def required_recall(recall: float) -> float:
    """Return the measured recall that is enough for a target of `recall`: 64 queries have an error of about 0.015."""
    return recall + min(0.02, (1 - recall) / 2)


def effort_for(curve: Mapping[int, float], k: int, recall: float = DEFAULT_RECALL) -> int | None:
    """Return the least measured effort that reaches `recall` for `k` results, None if none does.

    The curve is measured for k = 10; more results need proportionally more effort.
    """
    required = required_recall(recall)
    sufficient = [effort for effort, measured in curve.items() if measured >= required]
    return min(sufficient) * max(1, -(-k // K)) if sufficient else None


def fits_in_cache(index: Index) -> bool:
    """Return True if the cache can keep all sections of the index at once."""
    return section_bytes(index) <= index.fetch.capacity


def _is_float32_safe(query: Query, base: Base) -> bool:
    distance = base.graph.distance
    return distance == "cosine" or all(exact_scan.query_is_float32_safe(vector, distance) for vector in query.vectors)


def _forest_plan(base: Base, candidates_per_tree: int) -> SearchPlan:
    if base.graph.scan_is_cheap or not base.graph.norms.float32_safe:
        return EXACT
    return SearchPlan("forest", candidates_per_tree * base.graph.forest.count)


def plan_by_ranges(base: Base, mask: RowMask, k: int, recall: float) -> SearchPlan | None:
    """Return the plan by ranges that was measured to reach `recall` for `k` matches, None if there is none."""
    if mask.filtered:
        return _plan_by_filtered_ranges(base, mask, k, recall)
    if recall >= 1:
        return None
    if base.parts:
        return _probes_by_ranges(base, mask, k, recall)
    curve = base.calibration.get("ranges", {}) if base.sketch else {}
    # At high recall, held-out queries found about 0.01 less in a sketch than real ones (docs/decisions/search.md).
    required = max(recall - 0.01, min(recall, DEFAULT_RECALL))
    sufficient = [requests for requests, measured in curve.items() if measured >= required]
    if not sufficient:
        return None
    requests = min(sufficient) * max(1, -(-k // K))
    return SearchPlan("sketch", ROWS_PER_REQUEST * requests, requests, "ranges")


def _probes_by_ranges(base: Base, mask: RowMask, k: int, recall: float) -> SearchPlan | None:
    """Return the plan over partitions by ranges that takes the least time."""
    if base.parts is None:
        return None
    effort = fastest_by_ranges(base.parts.shape, base.parts.layout.entry_bytes, k, recall, mask)
    if effort is None:
        return None
    return SearchPlan("partitions", effort.rows, effort.requests, "ranges", effort.probes, effort.entries)


def _plan_by_filtered_ranges(base: Base, mask: RowMask, k: int, recall: float) -> SearchPlan | None:
    """Return a plan with one request per row: the rows that satisfy a filter are seldom near each other in the file."""
    plan: SearchPlan | None = None
    few = max(_MIN_FILTERED_ROWS, k)
    if base.parts and recall < 1:
        plan = _probes_by_ranges(base, mask, k, recall)
    elif recall < 1 and (effort := _sketch_effort(base, mask, k, recall)):
        plan, few = SearchPlan("sketch", effort, effort, "ranges"), effort
    if mask.base_count <= few:
        return SearchPlan("exact", mask.base_count, mask.base_count, "ranges")
    return plan


def _sketch_effort(base: Base, mask: RowMask, k: int, recall: float) -> int | None:
    effort = effort_for(base.calibration.get("sketch", {}), k, recall) if base.sketch else None
    return effort * _FILTERED_EFFORT if effort and mask.filtered else effort


def _ranges_are_faster(index: Index, base: Base, plan: SearchPlan, queries: int) -> bool:
    """Return True if `queries` searches by ranges take less time than fetching all sections."""
    if not base.packed:
        return False
    all_sections = [(base.graph.section, None), *base.auxiliary]
    all_sections += index.tail.needed
    missing_bytes = sum(size_of(section.missing(ranges)) for section, ranges in all_sections)
    seconds = _range_seconds(base, plan, queries) + _least_bytes_of_tail(index) / BYTES_PER_SECOND
    return seconds < seconds_of_one_request(missing_bytes)


def _least_bytes_of_tail(index: Index) -> int:
    """Return the missing bytes of the tail that every search by ranges reads: codes of pieces, and listed vectors."""
    heads = sum(size_of(piece.section.missing([piece.head])) for piece in index.tail.pieces)
    return heads + sum(size_of(section.missing(None)) for section in index.tail.sections)


def _range_seconds(base: Base, plan: SearchPlan, queries: int) -> float:
    """Estimate the time of `queries` searches by ranges."""
    probes = code_bytes = head_bytes = 0
    if plan.strategy == "partitions" and base.parts and not base.parts.section.whole:
        parts = base.parts
        head_bytes = size_of(parts.section.missing([parts.head]))
        probes = min(queries * plan.probes, parts.shape.partitions)
        code_bytes = min(queries * plan.entries, parts.shape.entries) * parts.layout.entry_bytes
    elif plan.strategy == "sketch" and base.sketch:
        head_bytes = size_of(base.sketch.section.missing(None))
    head_seconds = seconds_of_one_request(head_bytes) if head_bytes else 0.0
    return head_seconds + seconds_by_ranges(probes, code_bytes, queries * plan.requests)
