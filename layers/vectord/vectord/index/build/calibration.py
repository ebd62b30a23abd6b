"""Measure at build what each way of searching needs: effort -> recall@10."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.forest.layout import Layout
from vectord.forest.trees import Trees
from vectord.index.kernels import distance as dist
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import Scale
from vectord.index.kernels.ground_truth import nearest_of_many
from vectord.index.query import prefetch
from vectord.index.query.planner import EXACT, ROWS_A_REQUEST, K, SearchPlan, cost, effort_for
from vectord.index.sections.sketch import Sketch
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Curve = dict[int, float]
Find = Callable[[F32, int], Array]  # query and effort to rows

_QUERIES: Final = 64  # of each half
_WAY: Final = np.float32(0.375)
_SEED: Final = 7
_ENOUGH: Final = 0.998  # no promise below 1 asks for more
_FIRST_SKETCH: Final = 32
_STEP: Final = 1.25  # from one effort of a sketch to the next: they cost nothing to tell apart
_STEPS: Final = 15
_LOW: Final = 0.7
_FIRST_RANGES: Final = 42  # requests for rows: with those for the rest a cold search makes about 50
_MOST_RANGES: Final = 700
_ENOUGH_BY_RANGES: Final = 0.985
_FEW: Final = 32  # queries, since each of them is slow to place
_WORTH: Final = 2.0  # measure the forest up to so many times what the sketch costs at the same recall


class Trial:
    """Queries for the rows of one index, and the true neighbours of each.

    The queries are held out by construction: each is a stored vector moved toward another one, so that it is none of
    the rows and lies between them, where real questions do. Half of them are moved toward any other, half toward one of
    the nearest: in tight clusters these find unlike well, and the worse half counts. Recall counts the finds that are
    as near as the true tenth, so that ties among duplicates are no misses.
    """

    def __init__(self, vectors: F32, scale: Scale, layout: Layout) -> None:
        self.rows = len(vectors)
        self.layout = layout
        self.halves = _halves(vectors, scale, layout) if scale.tame and self.rows >= K else []

    def sketch(self, sketch: Sketch) -> Curve:
        """Return the curve of the sketch, to where it reaches all or the exact scan is cheaper."""
        nobody = np.empty(0, np.int64)
        curve: Curve = {}
        first, limit = _FIRST_SKETCH, self._cost(EXACT)
        while (
            self.halves and self._cost(SearchPlan("sketch", first)) < limit and max(curve.values(), default=0) < _ENOUGH
        ):
            # The rows come best first, so that one search at the most effort tells what each lesser effort finds.
            efforts = [round(first * _STEP**step) for step in range(_STEPS)]
            curve |= self._prefixes(lambda query, n: sketch.nearest(query, n, nobody), efforts)
            first = round(efforts[-1] * _STEP)
        return _useful(curve)

    def forest(self, forest: Trees, rival: Mapping[int, float]) -> Curve:
        """Return the curve of the forest, to where the exact scan or the sketch of curve `rival` is far cheaper."""
        best = effort_for(rival, K, 0.99) or effort_for(rival, K)
        limit = self._cost(EXACT)
        if best:
            limit = min(limit, _WORTH * self._cost(SearchPlan("sketch", best)))
        curve: Curve = {}
        effort = K * forest.trees
        while self.halves and self._cost(SearchPlan("forest", effort)) < limit:
            curve[effort] = self._recall(lambda query, n: forest.candidates(query, 2 * K, n), effort)
            if curve[effort] >= _ENOUGH:
                break
            # Far from the promised recalls the steps are wide.
            effort = effort * 3 // 2 if curve[effort] > _LOW else effort * 3
        return curve

    def ranges(self, sketch: Sketch) -> Curve:
        """Return requests -> recall@10 of a search that reads ranges, to where that is nearly all."""
        nobody, size = np.empty(0, np.int64), self.layout.node_size

        def find(query: F32, requests: int) -> Array:
            return prefetch.afforded(sketch.nearest(query, ROWS_A_REQUEST * requests, nobody), size, requests)

        curve: Curve = {}
        requests = _FIRST_RANGES
        while self.halves and requests <= _MOST_RANGES and max(curve.values(), default=0) < _ENOUGH_BY_RANGES:
            curve[requests] = self._recall(find, requests, _FEW)
            requests = requests * 3 // 2
        return curve

    def _cost(self, way: SearchPlan) -> float:
        return cost(way, self.rows, self.layout.dimension)

    def _prefixes(self, find: Find, efforts: list[int]) -> Curve:
        """Return the recall of the first rows of one find, for each of ascending `efforts`."""
        halves = []
        for half in self.halves:
            near = [half.near(number, find(query, efforts[-1])) for number, query in enumerate(half.queries)]
            halves.append([_share([hits[:effort] for hits in near]) for effort in efforts])
        return dict(zip(efforts, np.min(halves, axis=0).tolist(), strict=True))

    def _recall(self, find: Find, effort: int, most: int = _QUERIES) -> float:
        """Return the recall of up to `most` queries of the half that finds less."""
        return min(
            _share([half.near(number, find(query, effort)) for number, query in enumerate(half.queries[:most])])
            for half in self.halves
        )


def _share(near: list[Mask]) -> float:
    return round(sum(min(K, int(hits.sum())) for hits in near) / (K * len(near)), 4)


def _useful(curve: Curve) -> Curve:
    """Return the curve to where it first reaches all."""
    enough = min((effort for effort, recall in curve.items() if recall >= _ENOUGH), default=None)
    return {effort: recall for effort, recall in curve.items() if enough is None or effort <= enough}


class _Half(msgspec.Struct, frozen=True):
    """Queries, and for each the rows as near as its true tenth, ascending."""

    queries: F32
    nearest: list[Array]

    def near(self, number: int, rows: Array) -> Mask:
        """Tell of each of `rows` whether it is among the true ten of a query."""
        nearest = self.nearest[number]
        near: Mask = nearest[np.minimum(np.searchsorted(nearest, rows), len(nearest) - 1)] == rows
        return near


def _halves(vectors: F32, scale: Scale, layout: Layout) -> list[_Half]:
    distance: Distance = "cosine" if layout.metric == "angular" else "euclidean"
    rng = np.random.default_rng(_SEED)
    start = vectors[rng.choice(len(vectors), _QUERIES)]
    anywhere = rng.choice(len(vectors), _QUERIES)
    nearby = np.array([rng.choice(rows) for rows in nearest_of_many(vectors, scale, start, K, distance)])
    moved = [start + _WAY * (vectors[toward] - start) for toward in (anywhere, nearby)]
    halves = [queries[dist.norms(queries) > 0] for queries in moved]  # a zero vector has no cosine
    nearest = nearest_of_many(vectors, scale, np.concatenate(halves), K, distance)
    first = len(halves[0])
    both = (_Half(halves[0], nearest[:first]), _Half(halves[1], nearest[first:]))
    return [half for half in both if len(half.queries)]
