"""Answer a search: find candidates by the cheapest way, measure them exactly, order them."""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index import distance as dist
from vectord.index import exact, planner, resident
from vectord.index.distance import F32, F64
from vectord.index.index import Base, Index
from vectord.index.planner import DEFAULT_RECALL, EXACT, Strategy, Way
from vectord.index.resident import Plan

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Match:
    """One result: its exact distance, its metadata as JSON text, its vector float32 (dimension,)."""

    id: str
    distance: float
    metadata: msgspec.Raw | None
    vector: F32


@dataclass(frozen=True, slots=True)
class Answer:
    """Matches by ascending distance, then id; the number of vectors in the index; how they were found.

    `examined` counts the rows whose exact distance decided.
    """

    matches: list[Match]
    count: int
    strategy: Strategy
    plan: Plan = "local"
    examined: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A question: a vector float32 (dimension,), finite and with a norm if cosine, and how well to answer it.

    `ef_search` overrides what `recall` asks for by Annoy's own rule: so many candidates a tree.
    """

    vector: F32
    k: int
    recall: float = DEFAULT_RECALL
    ef_search: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    rows: Array
    distances: F64

    def __add__(self, other: "_Found") -> "_Found":
        if not len(other.rows):
            return self
        return _Found(np.concatenate([self.rows, other.rows]), np.concatenate([self.distances, other.distances]))


def search(index: Index, vector: F32, k: int, recall: float = DEFAULT_RECALL, ef_search: int | None = None) -> Answer:
    """Return the `k` nearest stored vectors to `vector`.

    Raises:
        BlobCorrupt: bytes that it met are not what was written; whatever bringing bytes here may raise.
    """
    query = Query(vector, min(k, len(index)), recall, ef_search)
    if query.k == 0:
        return Answer([], 0, "exact")
    way, plan = resident.prepare(index, index.base, _wish(index, query)) if index.base else resident.NOTHING
    inside = _none() if index.base is None else _in_base(index, index.base, query, way, plan)
    behind = _in_tail(index, query)
    found = inside + behind
    if index.base and way is not EXACT and _falls_short(index, query, inside, found):
        plan = resident.complete(index, index.base, plan)
        way, found = EXACT, _in_base(index, index.base, query, EXACT, plan) + behind
    return Answer(_ranked(index, query, found), len(index), way.strategy, plan, len(found.rows))


def _wish(index: Index, query: Query) -> resident.Wish:
    """Say which way the search would go with everything here, and which by ranges of the object."""
    base = index.base
    if base is None or not exact.query_is_tame(query.vector, index.params.distance):
        return resident.Wish(lambda: EXACT, None)  # sketch and forest compute in float32
    if query.ef_search is None:
        return resident.Wish(
            lambda: planner.choose(index, base, query.k, query.recall), planner.by_ranges(base, query.k, query.recall)
        )
    effort = max(query.ef_search, query.k)
    return resident.Wish(lambda: _forest_way(base, effort), None)


def _forest_way(base: Base, effort: int) -> Way:
    small = planner.scan_is_small(base.graph.rows, base.graph.layout.dimension)
    if small or not base.graph.scale.tame:
        return EXACT
    return Way("forest", effort * base.graph.forest.trees)


def _in_base(index: Index, base: Base, query: Query, way: Way, plan: Plan) -> _Found:
    graph, distance = base.graph, index.params.distance
    if way.strategy == "exact":
        rows = exact.candidates(graph.vectors, graph.scale, query.vector, query.k, distance, gone=index.gone)
        return _Found(rows, dist.distances(graph.vectors, rows, query.vector, distance))
    rows = _candidates(index, base, query, way)
    if plan == "ranges":
        rows = resident.bring_rows(index, base, rows, way.requests)
    taken = graph.take(rows)
    near = exact.narrowed(taken, query.vector, query.k, distance)
    found = np.full(len(rows), np.inf)
    found[near] = dist.distances(taken, near, query.vector, distance)
    return _Found(rows, found)


def _candidates(index: Index, base: Base, query: Query, way: Way) -> Array:
    if way.strategy == "sketch" and base.sketch:
        return base.sketch.nearest(query.vector, way.effort, index.gone)
    # Annoy orders its finds in float32: take some more than asked, so that rounding costs no true neighbour.
    target = exact.unit(query.vector) if index.params.distance == "cosine" else query.vector
    found = base.graph.forest.candidates(target, 2 * query.k + 32 + len(index.gone), way.effort)
    live = found[~np.isin(found, index.gone)] if len(index.gone) else found
    # Where most of a neighbourhood is removed, the effort went there: better to find nothing, and so to scan.
    return live if 2 * len(live) >= len(found) else live[:0]


def _in_tail(index: Index, query: Query) -> _Found:
    tail = index.tail
    if not tail.row_of:
        return _none()
    vectors = tail.vectors(index.bring)
    rows = exact.candidates(vectors, tail.scale, query.vector, query.k, index.params.distance, gone=index.gone_behind)
    return _Found(rows + tail.first, dist.distances(vectors, rows, query.vector, index.params.distance))


def _falls_short(index: Index, query: Query, inside: _Found, found: _Found) -> bool:
    """Tell whether too few were found, or none but ties with the last: ties break by id among all rows."""
    if len(inside.rows) >= index.covered - len(index.gone):
        return False
    if not len(inside.rows) or len(found.rows) < query.k:
        return True
    return not inside.distances.max() > np.partition(found.distances, query.k - 1)[query.k - 1]


def _ranked(index: Index, query: Query, found: _Found) -> list[Match]:
    near = exact.nearest(found.distances, query.k)
    matches = _matches(index, found.rows[near].tolist(), found.distances[near].tolist())
    matches.sort(key=lambda match: (match.distance, match.id))
    return matches[: query.k]


def _matches(index: Index, rows: list[int], distances: list[float]) -> list[Match]:
    base, tail = index.base, index.tail
    covered = [row for row in rows if row < index.covered]
    documents = dict(zip(covered, base.documents.read(covered, index.bring), strict=True)) if base else {}
    inside = base.graph.vectors if base else None
    behind = tail.vectors(index.bring) if len(covered) < len(rows) else None
    matches = []
    for row, distance in zip(rows, distances, strict=True):
        if inside is not None and row in documents:
            document = documents[row]
            matches.append(Match(document.id, distance, document.metadata, inside[row]))
        elif behind is not None:
            vector_id = tail.ids[row - tail.first]
            matches.append(Match(vector_id, distance, tail.metadata.get(vector_id), behind[row - tail.first]))
    return matches


def _none() -> _Found:
    return _Found(np.empty(0, np.int64), np.empty(0))
