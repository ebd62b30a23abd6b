"""Answer searches: find candidates by the cheapest way, measure them exactly, order them."""

from collections.abc import Sequence

import msgspec

from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.query import candidates, planner, prefetch
from vectord.index.query.candidates import Found
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.prefetch import FetchMode
from vectord.index.query.query import DEFAULT_RECALL, Answer, Match, Query
from vectord.index.query.row_mask import Chosen, RowMask, scope_of
from vectord.index.state import Base, Index


def search(index: Index, vector: F32, k: int, recall: float = DEFAULT_RECALL, ef_search: int = 0) -> Answer:
    """Return the `k` nearest stored vectors to `vector`, float32 (dimension,), finite and with a norm if cosine.

    Raises:
        BlobCorrupt: the bytes read are not what was written; whatever fetching bytes may raise.
    """
    return search_many(index, Query(k, (vector,), recall=recall, ef_search=ef_search))[0]


def search_many(index: Index, query: Query, among: Chosen | None = None, *, in_passing: bool = True) -> list[Answer]:
    """Return the answer to each of the query's vectors, at least one, in one pass over what they share.

    `among` are the rows that satisfy the query's filter, None if it has no filter. A search that waits for nothing
    else may fetch bytes for later searches `in_passing`.

    Raises:
        BlobCorrupt: the bytes read are not what was written; whatever fetching bytes may raise.
    """
    excluded = list(index.find(query.exclude).values()) if query.exclude else ()
    scope = scope_of(index, among, excluded)
    k = min(query.k + query.depth, scope.count)
    if k <= 0 or query.k <= 0:
        return [Answer([], len(index), "exact", eligible=scope.count) for _ in query.vectors]
    found, way, plan = _found(scope, query, k, in_passing=in_passing)
    ranked = _ranked(index, found, k)
    return [
        Answer(_page(matches, query), len(index), way.strategy, plan, len(each.rows), scope.count)
        for matches, each in zip(ranked, found, strict=True)
    ]


def _found(scope: RowMask, query: Query, k: int, *, in_passing: bool) -> tuple[list[Found], SearchPlan, FetchMode]:
    index, base, queries = scope.index, scope.index.base, query.vectors
    if base is None or not scope.inside:
        return [candidates.in_tail(index, scope, vector, k) for vector in queries], *prefetch.NOTHING
    way, plan = prefetch.prepare(index, base, _wish(scope, base, query, k), len(queries), in_passing=in_passing)
    behind = [candidates.in_tail(index, scope, vector, k) for vector in queries]
    inside = candidates.in_base(scope, base, queries, k, (way, plan))
    found = [some + more for some, more in zip(inside, behind, strict=True)]
    if way.strategy != "exact" and any(
        candidates.falls_short(scope, k, some, all_of_it) for some, all_of_it in zip(inside, found, strict=True)
    ):
        plan = prefetch.complete(index, base, plan)
        way = planner.exact_way(scope.inside, base.graph.rows, index.params.dimension)
        inside = candidates.in_base(scope, base, queries, k, (way, plan))
        found = [some + more for some, more in zip(inside, behind, strict=True)]
    return found, way, plan


def _wish(scope: RowMask, base: Base, query: Query, k: int) -> prefetch.PlanOptions:
    """Say which way the searches would go with everything here, and which by ranges of the object."""
    index = scope.index
    if not all(exact_scan.query_is_tame(vector, index.params.distance) for vector in query.vectors):
        return prefetch.PlanOptions(lambda: EXACT, None)  # sketch and forest compute in float32
    if query.ef_search <= 0:
        return prefetch.PlanOptions(
            lambda: planner.choose(index, base, k, query.recall, scope),
            planner.by_ranges(base, k, query.recall, scope),
        )
    effort = max(query.ef_search, k)
    return prefetch.PlanOptions(lambda: _forest_way(base, effort), None)


def _forest_way(base: Base, effort: int) -> SearchPlan:
    small = planner.scan_is_small(base.graph.rows, base.graph.layout.dimension)
    if small or not base.graph.scale.tame:
        return EXACT
    return SearchPlan("forest", effort * base.graph.forest.trees)


def _page(matches: Sequence[Match], query: Query) -> list[Match]:
    after, furthest = query.after, query.max_distance
    some = matches if after is None else [match for match in matches if (match.distance, match.id) > after]
    return [match for match in some[: query.k] if furthest is None or match.distance <= furthest]


def _ranked(index: Index, found: Sequence[Found], k: int) -> list[list[Match]]:
    """Return the `k` nearest of each, in order; their documents are read in one round."""
    near = [exact_scan.nearest(each.distances, k) for each in found]
    rows = [each.rows[some].tolist() for each, some in zip(found, near, strict=True)]
    carried = _carried(index, sorted({row for some in rows for row in some}))
    ranked = []
    for each, some, places in zip(found, rows, near, strict=True):
        matches = [
            Match(carried[row][0], distance, *carried[row][1:])
            for row, distance in zip(some, each.distances[places].tolist(), strict=True)
        ]
        matches.sort(key=lambda match: (match.distance, match.id))
        ranked.append(matches[:k])
    return ranked


def _carried(index: Index, rows: Sequence[int]) -> dict[int, tuple[str, msgspec.Raw | None, F32]]:
    """Return id, metadata and vector of `rows`, ascending ones."""
    base, tail = index.base, index.tail
    carried: dict[int, tuple[str, msgspec.Raw | None, F32]] = {}
    covered = [row for row in rows if row < index.covered]
    if base and covered:
        inside = base.graph.vectors
        for row, document in zip(covered, base.documents.read(covered, index.fetch), strict=True):
            carried[row] = document.id, document.metadata, inside[row]
    if len(covered) < len(rows):
        behind = tail.vectors(index.fetch)
        for row in rows[len(covered) :]:
            vector_id = tail.ids[row - tail.first]
            carried[row] = vector_id, tail.metadata.get(vector_id), behind[row - tail.first]
    return carried
