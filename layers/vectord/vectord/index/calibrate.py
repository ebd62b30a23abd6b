"""Measure at build what each way of searching needs: effort -> recall@10."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.forest import Forest
from vectord.index import distance as dist
from vectord.index import exact, resident
from vectord.index.distance import F32
from vectord.index.graph import Graph
from vectord.index.planner import EXACT, ROWS_A_REQUEST, K, Way, cost, effort_for
from vectord.index.sketch import Sketch

Array = npt.NDArray[np.int64]
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
    """Queries for the rows of one graph, and the distance of the true tenth neighbour of each.

    The queries are held out by construction: each is a stored vector moved toward another one, so that it is none of
    the rows and lies between them, where real questions do. Half of them are moved toward any other, half toward one of
    the nearest: in tight clusters these find unlike well, and the worse half counts. Recall counts the finds that are
    as near as the true tenth, so that ties among duplicates are no misses.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.halves = _halves(graph) if graph.scale.tame and graph.rows >= K else []

    def sketch(self, sketch: Sketch) -> Curve:
        """Return the curve of the sketch, to where it reaches all or the exact scan is cheaper."""
        nobody = np.empty(0, np.int64)
        curve: Curve = {}
        first, limit = _FIRST_SKETCH, self._cost(EXACT)
        while self.halves and self._cost(Way("sketch", first)) < limit and max(curve.values(), default=0) < _ENOUGH:
            # The rows come best first, so that one search at the most effort tells what each lesser effort finds.
            efforts = [round(first * _STEP**step) for step in range(_STEPS)]
            curve |= self._prefixes(lambda query, n: sketch.nearest(query, n, nobody), efforts)
            first = round(efforts[-1] * _STEP)
        return _useful(curve)

    def forest(self, forest: Forest, rival: Mapping[int, float]) -> Curve:
        """Return the curve of the forest, to where the exact scan or the sketch of curve `rival` is far cheaper."""
        best = effort_for(rival, K, 0.99) or effort_for(rival, K)
        limit = self._cost(EXACT)
        if best:
            limit = min(limit, _WORTH * self._cost(Way("sketch", best)))
        curve: Curve = {}
        effort = K * forest.trees
        while self.halves and self._cost(Way("forest", effort)) < limit:
            curve[effort] = self._recall(lambda query, n: forest.candidates(query, 2 * K, n), effort)
            if curve[effort] >= _ENOUGH:
                break
            # Far from the promised recalls the steps are wide.
            effort = effort * 3 // 2 if curve[effort] > _LOW else effort * 3
        return curve

    def ranges(self, sketch: Sketch) -> Curve:
        """Return requests -> recall@10 of a search that reads ranges, to where that is nearly all."""
        nobody, size = np.empty(0, np.int64), self.graph.layout.node_size

        def find(query: F32, requests: int) -> Array:
            return resident.afforded(sketch.nearest(query, ROWS_A_REQUEST * requests, nobody), size, requests)

        curve: Curve = {}
        requests = _FIRST_RANGES
        while self.halves and requests <= _MOST_RANGES and max(curve.values(), default=0) < _ENOUGH_BY_RANGES:
            curve[requests] = self._recall(find, requests, _FEW)
            requests = requests * 3 // 2
        return curve

    def _cost(self, way: Way) -> float:
        return cost(way, self.graph.rows, self.graph.layout.dimension)

    def _prefixes(self, find: Find, efforts: list[int]) -> Curve:
        """Return the recall of the first rows of one find, for each of ascending `efforts`."""
        halves = []
        for half in self.halves:
            near = [self._near(half, number, find(query, efforts[-1])) for number, query in enumerate(half.queries)]
            halves.append([_share([hits[:effort] for hits in near]) for effort in efforts])
        return dict(zip(efforts, np.min(halves, axis=0).tolist(), strict=True))

    def _recall(self, find: Find, effort: int, most: int = _QUERIES) -> float:
        """Return the recall of up to `most` queries of the half that finds less."""
        return min(
            _share([self._near(half, number, find(query, effort)) for number, query in enumerate(half.queries[:most])])
            for half in self.halves
        )

    def _near(self, half: "_Half", number: int, rows: Array) -> npt.NDArray[np.bool_]:
        """Tell of each row whether it is among the true ten of a query."""
        far = dist.distances(self.graph.vectors, rows, half.queries[number], self.graph.distance)
        return far <= half.tenths[number]


def _share(near: list[npt.NDArray[np.bool_]]) -> float:
    return round(sum(min(K, int(hits.sum())) for hits in near) / (K * len(near)), 4)


def _useful(curve: Curve) -> Curve:
    """Return the curve to where it first reaches all."""
    enough = min((effort for effort, recall in curve.items() if recall >= _ENOUGH), default=None)
    return {effort: recall for effort, recall in curve.items() if enough is None or effort <= enough}


@dataclass(frozen=True, slots=True)
class _Half:
    queries: list[F32]
    tenths: list[float]


def _halves(graph: Graph) -> list[_Half]:
    rng = np.random.default_rng(_SEED)
    start = graph.vectors[rng.choice(graph.rows, _QUERIES)]
    anywhere = rng.choice(graph.rows, _QUERIES)
    nearby = np.array([rng.choice(rows) for rows in _nearest(graph, list(start))])
    halves = []
    for toward in (anywhere, nearby):
        moved = start + _WAY * (graph.vectors[toward] - start)
        queries = list(moved[dist.norms(moved) > 0])  # a zero vector has no cosine
        if queries:
            halves.append(_Half(queries, _tenths(graph, queries)))
    return halves


def _nearest(graph: Graph, queries: list[F32]) -> list[Array]:
    return exact.candidates_of_many(graph.vectors, graph.scale, queries, K, graph.distance)


def _tenths(graph: Graph, queries: list[F32]) -> list[float]:
    return [
        float(np.partition(dist.distances(graph.vectors, rows, query, graph.distance), K - 1)[K - 1])
        for rows, query in zip(_nearest(graph, queries), queries, strict=True)
    ]
