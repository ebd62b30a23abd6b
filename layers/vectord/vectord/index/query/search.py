"""Answer searches: find candidates by the cheapest way, measure them exactly, order them."""

from collections.abc import Sequence

import msgspec

from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.query import candidates, planner, prefetch
from vectord.index.query.candidates import Found
from vectord.index.query.planner import DEFAULT_RECALL, EXACT, SearchPlan, Strategy
from vectord.index.query.prefetch import FetchMode
from vectord.index.query.row_mask import Chosen, RowMask, scope_of
from vectord.index.state import Base, Index


class Match(msgspec.Struct, frozen=True):
    """One result: its exact distance, its metadata as JSON text, its vector float32 (dimension,)."""

    id: str
    distance: float
    metadata: msgspec.Raw | None
    vector: F32


class Answer(msgspec.Struct, frozen=True):
    """Matches by ascending distance, then id; the number of vectors in the index; how they were found.

    `examined` counts the rows whose exact distance decided, `eligible` those that could be in the answer.
    """

    matches: list[Match]
    count: int
    strategy: Strategy
    plan: FetchMode = "local"
    examined: int = 0
    eligible: int = 0


class Asked(msgspec.Struct, frozen=True):
    """What searches have in common: `k` matches each, found how well, of which rows, and where the answer begins.

    A positive `ef_search` overrides `recall` by Annoy's own rule: so many candidates a tree. `among` are rows chosen
    by a filter, None for all; `without` are ids that are no answer. Matches begin behind `after`, the distance and id
    of the last of `depth` earlier ones, and end at `max_distance`. A search that waits for nothing else may bring bytes
    for later ones `in_passing`.
    """

    k: int
    recall: float = DEFAULT_RECALL
    ef_search: int | None = None
    among: Chosen | None = None
    without: Sequence[str] = ()
    after: tuple[float, str] | None = None
    depth: int = 0
    max_distance: float | None = None
    in_passing: bool = True


def search(index: Index, vector: F32, k: int, recall: float = DEFAULT_RECALL, ef_search: int | None = None) -> Answer:
    """Return the `k` nearest stored vectors to `vector`, float32 (dimension,), finite and with a norm if cosine.

    Raises:
        BlobCorrupt: bytes that it met are not what was written; whatever bringing bytes here may raise.
    """
    return search_many(index, [vector], Asked(k, recall, ef_search))[0]


def search_many(index: Index, queries: Sequence[F32], asked: Asked) -> list[Answer]:
    """Return the answer to each of `queries`, at least one, as `search` does, in one pass over what they share.

    Raises:
        BlobCorrupt: bytes that it met are not what was written; whatever bringing bytes here may raise.
    """
    without = list(index.find(asked.without).values()) if asked.without else ()
    scope = scope_of(index, asked.among, without)
    k = min(asked.k + asked.depth, scope.count)
    if k <= 0 or asked.k <= 0:
        return [Answer([], len(index), "exact", eligible=scope.count) for _ in queries]
    found, way, plan = _found(scope, queries, k, asked)
    ranked = _ranked(index, found, k)
    return [
        Answer(_page(matches, asked), len(index), way.strategy, plan, len(each.rows), scope.count)
        for matches, each in zip(ranked, found, strict=True)
    ]


def _found(scope: RowMask, queries: Sequence[F32], k: int, asked: Asked) -> tuple[list[Found], SearchPlan, FetchMode]:
    index, base = scope.index, scope.index.base
    if base is None or not scope.inside:
        return [candidates.in_tail(index, scope, query, k) for query in queries], *prefetch.NOTHING
    way, plan = prefetch.prepare(
        index, base, _wish(scope, base, queries, k, asked), len(queries), in_passing=asked.in_passing
    )
    behind = [candidates.in_tail(index, scope, query, k) for query in queries]
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


def _wish(scope: RowMask, base: Base, queries: Sequence[F32], k: int, asked: Asked) -> prefetch.PlanOptions:
    """Say which way the searches would go with everything here, and which by ranges of the object."""
    index = scope.index
    if not all(exact_scan.query_is_tame(query, index.params.distance) for query in queries):
        return prefetch.PlanOptions(lambda: EXACT, None)  # sketch and forest compute in float32
    if asked.ef_search is None:
        return prefetch.PlanOptions(
            lambda: planner.choose(index, base, k, asked.recall, scope),
            planner.by_ranges(base, k, asked.recall, scope),
        )
    effort = max(asked.ef_search, k)
    return prefetch.PlanOptions(lambda: _forest_way(base, effort), None)


def _forest_way(base: Base, effort: int) -> SearchPlan:
    small = planner.scan_is_small(base.graph.rows, base.graph.layout.dimension)
    if small or not base.graph.scale.tame:
        return EXACT
    return SearchPlan("forest", effort * base.graph.forest.trees)


def _page(matches: Sequence[Match], asked: Asked) -> list[Match]:
    after, furthest = asked.after, asked.max_distance
    some = matches if after is None else [match for match in matches if (match.distance, match.id) > after]
    return [match for match in some[: asked.k] if furthest is None or match.distance <= furthest]


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
