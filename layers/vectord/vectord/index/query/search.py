"""Search an index: choose a plan, fetch the bytes that it reads, find and rescore candidates, and order the matches."""

from collections.abc import Sequence
from itertools import batched
from typing import Any, Final

from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.kernels.distance import F32
from vectord.index.kernels.likely import Target
from vectord.index.query import candidates, matches, planner, prefetch, tail_candidates, tail_codes
from vectord.index.query.candidates import Candidates
from vectord.index.query.efforts import DEFAULT_RECALL
from vectord.index.query.matches import Matches, Selected
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.query import Answer, Query
from vectord.index.rows import RowMask
from vectord.index.state import Base, Index

# Queries that are answered at a time. Each of a scan may have every row as a candidate. Those over partitions share the
# product with all centroids in numpy: with 50, a query takes a tenth of the time of a product of its own.
_SCANNED: Final = 16
_PROBING: Final = 50


def search(index: Index, vector: F32, k: int, recall: float = DEFAULT_RECALL, ef_search: int = 0) -> Answer:
    """Return the `k` nearest stored vectors to `vector`, float32 (dimension,), finite, and non-zero under cosine.

    Raises:
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    return search_many(index, Query(k, (vector,), recall=recall, ef_search=ef_search))[0]


def search_many(
    index: Index,
    query: Query,
    matching: RowMask | None = None,
    check: DeadlineCheck = no_deadline,
    *,
    read_ahead: bool = True,
) -> list[Answer]:
    """Return the answer to each of the query's vectors (at least one); they share one plan and its fetches.

    `matching` has the rows that satisfy the query's filter, None if it has no filter. With `read_ahead`, a search whose
    own bytes are cached may fetch bytes for later searches. `check` is called before each few queries.

    Raises:
        AnswerTooLarge: the answers are certainly larger than `query.max_bytes`.
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    mask = index.live if matching is None else matching
    if query.exclude:
        mask = mask.without(index.find(query.exclude).values())
    if not mask.count or query.k <= 0:
        return [Answer([], index.count, "exact", eligible=mask.count) for _ in query.vectors]
    if not query.bounded and not query.paged:
        matches.check_count(query, index.params.dimension, len(query.vectors) * min(query.k, mask.count))
    selected, plan = nearest(index, mask, query, check, read_ahead=read_ahead)
    return [
        _answer(index, mask, query, (plan, each), found)
        for each, found in zip(selected, matches.read(index, selected, query, check), strict=True)
    ]


def nearest(
    index: Index, mask: RowMask, query: Query, check: DeadlineCheck, *, read_ahead: bool, **reading: Any
) -> tuple[list[Selected], SearchPlan]:
    """Return the rows of which the matches of each query vector are the first, and the plan that found them.

    At least one row is in `mask`. The plan is changed by `reading`, its members `documents` and `errors`.
    """
    plan = _plan(index, mask, query, read_ahead=read_ahead)
    return _find(index, mask, query, structs.replace(plan, **reading) if reading else plan, check)


def _plan(index: Index, mask: RowMask, query: Query, *, read_ahead: bool) -> SearchPlan:
    """Choose a plan, and fetch the sections of which it reads all bytes."""
    base, k = index.base, min(query.k, mask.count)
    if base is None or not mask.base_count:
        return _plan_of_tail(index, query)
    if query.after is not None:
        query = structs.replace(query, recall=1.0, ef_search=0)
    if base.graph.section.whole:
        if not all(section.whole for section, _ in base.auxiliary):
            prefetch.fetch_auxiliary(index, base)
        return _with_tail(index, mask, query, planner.choose(index, base, mask, query, k))
    if ranges := planner.choose_ranges(index, base, mask, query, k):
        ranges = _with_tail(index, mask, query, ranges)
        prefetch.fetch_for_ranges(index, base, mask, ranges, read_ahead=read_ahead)
        return ranges
    prefetch.fetch_whole(index, base)
    plan = planner.choose(index, base, mask, query, k)
    return structs.replace(_with_tail(index, mask, query, plan), fetch="whole")


def _with_tail(index: Index, mask: RowMask, query: Query, plan: SearchPlan) -> SearchPlan:
    """Return the plan, with the tail searched by its codes if that is faster than a scan."""
    if not mask.tail_count or plan.strategy == "exact":
        return plan
    if tail_codes.are_useful(index, query, by_ranges=plan.fetch == "ranges"):
        return structs.replace(plan, tail_codes=True)
    return plan


def _plan_of_tail(index: Index, query: Query) -> SearchPlan:
    """Choose a plan for a search of which all rows are in the tail, and fetch the codes if it reads ranges."""
    by_ranges = planner.tail_by_ranges(index)
    if not tail_codes.are_useful(index, query, by_ranges=by_ranges) or query.max_distance is not None:
        return EXACT
    plan = SearchPlan("codes", fetch="ranges" if by_ranges else "local", tail_codes=True)
    if by_ranges:
        prefetch.fetch_tail(index, plan)
    return plan


def _find(
    index: Index, mask: RowMask, query: Query, plan: SearchPlan, check: DeadlineCheck
) -> tuple[list[Selected], SearchPlan]:
    """Return the rows to choose the matches of each query vector from, and the plan that found them."""
    base = index.base if mask.base_count else None
    if plan.strategy != "exact":
        if (approximate := _approximate(index, base, mask, query, plan=plan, check=check)) is not None:
            return approximate, plan
        plan = _exact_plan(index, base, mask, plan)
    wanted, at_least = min(query.wanted, mask.count), query.after[0] if query.after else None
    selected = []
    for vectors in _groups(query, plan):
        check()
        found = tail_candidates.by_scan(index, mask, vectors, wanted, at_least=at_least) if mask.tail_count else []
        if base is not None:
            in_base = candidates.in_base(index, base, mask, vectors, wanted, plan=plan, at_least=at_least)
            found = _merged(in_base, found)
        selected += [matches.select(index, each, query) for each in found]
    return selected, plan


def _approximate(
    index: Index, base: Base | None, mask: RowMask, query: Query, *, plan: SearchPlan, check: DeadlineCheck
) -> list[Selected] | None:
    """Return the rows that a plan which is not exact finds; None if they are too few for one of the query vectors."""
    k = min(query.k, mask.count)
    # If the cache cannot keep the index, a scan would read all of it again for each search.
    reads_all = base is not None and plan.fetch == "ranges" and not planner.fits_in_cache(index)
    farthest = None if reads_all else query.max_distance
    selected = []
    for vectors in _groups(query, plan):
        check()
        in_base, in_tail = _candidates(index, base, mask, vectors, Target(k, query.recall), plan=plan)
        found = _merged(in_base, in_tail)
        for number, of_all in enumerate(found):
            if candidates.are_incomplete(k, in_base[number] if in_base else None, of_all, farthest):
                return None
        selected += [matches.select(index, each, query) for each in found]
    return selected


def _candidates(
    index: Index, base: Base | None, mask: RowMask, vectors: Sequence[F32], target: Target, *, plan: SearchPlan
) -> tuple[list[Candidates], list[Candidates]]:
    """Return the candidates of each query vector in the base and in the tail; none if either has no rows to search."""
    if plan.tail_codes and plan.fetch == "ranges":
        return tail_candidates.with_base_by_ranges(index, base, mask, vectors, target, plan=plan)
    # First the base: the round that fetches its codes fetches the tail as well.
    in_base = candidates.in_base(index, base, mask, vectors, target.k, plan=plan) if base else []
    if not mask.tail_count:
        return in_base, []
    if plan.tail_codes:
        return in_base, tail_candidates.by_codes(index, mask, vectors, target, in_base)
    return in_base, tail_candidates.by_scan(index, mask, vectors, target.k)


def _groups(query: Query, plan: SearchPlan) -> Sequence[Sequence[F32]]:
    """Return the query vectors in groups; those of a search by ranges share one round of requests.

    Those of a scan or of partitions share products of matrices. For others the deadline is checked before each vector.
    """
    if plan.fetch == "ranges" or len(query.vectors) == 1:
        return [query.vectors]
    if plan.strategy == "partitions":
        return list(batched(query.vectors, _PROBING))
    return list(batched(query.vectors, _SCANNED if plan.strategy == "exact" and not plan.effort else 1))


def _exact_plan(index: Index, base: Base | None, mask: RowMask, plan: SearchPlan) -> SearchPlan:
    """Return the exact plan that replaces a `plan` which found too few candidates, and fetch the sections it reads."""
    if base is None:
        return EXACT
    exact = planner.exact_plan(mask.base_count, base.graph.rows, index.params.dimension)
    if base.graph.section.whole:
        return structs.replace(exact, fetch=plan.fetch)
    prefetch.fetch_whole(index, base)
    return structs.replace(exact, fetch="whole")


def _merged(in_base: list[Candidates], in_tail: list[Candidates]) -> list[Candidates]:
    if not in_base or not in_tail:
        return in_base or in_tail
    return [one + other for one, other in zip(in_base, in_tail, strict=True)]


def _answer(index: Index, mask: RowMask, query: Query, source: tuple[SearchPlan, Selected], found: Matches) -> Answer:
    """Return the answer with the first `k` of the matches, which a plan selected from its candidates."""
    (plan, selected), page = source, found.listed[: query.k]
    has_more = len(found.listed) > query.k if selected.complete and query.bounded else mask.count > len(page)
    return Answer(
        page,
        index.count,
        plan.strategy,
        plan.fetch,
        selected.examined,
        mask.count,
        partitions=selected.partitions,
        entries=selected.entries,
        more=has_more or found.cut,
        complete=selected.complete,
    )
