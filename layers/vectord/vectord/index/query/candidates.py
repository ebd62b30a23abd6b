"""Find the rows near a query, each with its exact distance: in the base by some way, in the tail by a scan."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import distance as dist
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32, F64
from vectord.index.query import prefetch
from vectord.index.query.planner import SearchPlan
from vectord.index.query.prefetch import FetchMode
from vectord.index.query.row_mask import RowMask
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]


class Found(msgspec.Struct, frozen=True):
    """Rows of the index and their distances, in no order."""

    rows: Array
    distances: F64

    def __add__(self, other: "Found") -> "Found":
        if not len(other.rows):
            return self
        return Found(np.concatenate([self.rows, other.rows]), np.concatenate([self.distances, other.distances]))


def nothing() -> Found:
    return Found(np.empty(0, np.int64), np.empty(0))


def in_base(
    scope: RowMask, base: Base, queries: Sequence[F32], k: int, route: tuple[SearchPlan, FetchMode]
) -> list[Found]:
    """Return for each query what a way finds: the `k` nearest are among them as well as the way promises."""
    way, plan = route
    if way.strategy == "exact" and not way.effort:
        return _scanned(scope, base, queries, k)
    rows = [scope.rows if way.strategy == "exact" else _candidates(scope, base, query, k, way) for query in queries]
    if plan == "ranges":
        rows = prefetch.fetch_rows(scope.index, base, rows, way.requests)
    return [_measured(base, some, query, k) for some, query in zip(rows, queries, strict=True)]


def _scanned(scope: RowMask, base: Base, queries: Sequence[F32], k: int) -> list[Found]:
    graph, distance = base.graph, base.graph.distance
    some = exact_scan.candidates_of_many(graph.vectors, graph.scale, queries, k, distance, gone=scope.hidden)
    return [
        Found(rows, dist.distances(graph.vectors, rows, query, distance))
        for rows, query in zip(some, queries, strict=True)
    ]


def _measured(base: Base, rows: Array, query: F32, k: int) -> Found:
    """Return `rows`, and the distances of those that can be among the `k` nearest of them; infinity for the others."""
    graph, distance = base.graph, base.graph.distance
    taken = graph.take(rows)
    near = exact_scan.narrowed(taken, query, k, distance)
    found = np.full(len(rows), np.inf)
    found[near] = dist.distances(taken, near, query, distance)
    return Found(rows, found)


def _candidates(scope: RowMask, base: Base, query: F32, k: int, way: SearchPlan) -> Array:
    if way.strategy == "sketch" and base.sketch:
        return base.sketch.nearest(query, way.effort, scope.hidden)
    # Annoy orders its finds in float32: take some more than asked, so that rounding costs no true neighbour.
    target = exact_scan.unit(query) if base.graph.distance == "cosine" else query
    hidden = scope.hidden
    found = base.graph.forest.candidates(target, 2 * k + 32 + len(hidden), way.effort)
    live = found[~np.isin(found, hidden)] if len(hidden) else found
    # Where most of a neighbourhood is hidden, the effort went there: better to find nothing, and so to scan.
    return live if 2 * len(live) * scope.index.covered >= len(found) * scope.inside else live[:0]


def in_tail(index: Index, scope: RowMask, query: F32, k: int) -> Found:
    tail, distance = index.tail, index.params.distance
    if not scope.behind:
        return nothing()
    vectors = tail.vectors(index.fetch)
    rows = exact_scan.candidates(vectors, tail.scale, query, k, distance, gone=scope.hidden_behind)
    return Found(rows + tail.first, dist.distances(vectors, rows, query, distance))


def falls_short(scope: RowMask, k: int, inside: Found, found: Found) -> bool:
    """Tell whether too few were found, or none but ties with the last: ties break by id among all rows."""
    if len(inside.rows) >= scope.inside:
        return False
    if not len(inside.rows) or len(found.rows) < k:
        return True
    return not inside.distances.max() > np.partition(found.distances, k - 1)[k - 1]
