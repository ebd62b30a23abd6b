"""Calibration: measure, during a build, the recall@10 of each strategy at ascending efforts."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.forest.forest import Layout, Trees
from vectord.index.kernels import distance as dist
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.kernels.ground_truth import true_neighbours
from vectord.index.query import prefetch
from vectord.index.query.efforts import K
from vectord.index.query.planner import EXACT, ROWS_PER_REQUEST, SearchPlan, cost, effort_for
from vectord.index.sections.sketch import Sketch
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Curve = dict[int, float]  # effort -> recall@10
Find = Callable[[F32, int], Array]  # query and effort to rows

_QUERIES: Final = 64  # held-out queries of each set
_STEP_TOWARD: Final = np.float32(0.375)  # how far a held-out query is moved toward another row
_SEED: Final = 7
_NEARLY_ALL: Final = 0.998  # a recall that is enough for every target recall below 1
_FIRST_SKETCH_EFFORT: Final = 32
_SKETCH_STEP: Final = 1.25  # factor from one effort to the next; one search measures all of them
_SKETCH_STEPS: Final = 15
_LOW_RECALL: Final = 0.7  # below it the forest's effort grows in large steps
_FIRST_RANGES: Final = 42  # requests for rows; a cold search then makes about 50 requests in total
_MAX_RANGES: Final = 700
_RANGES_NEARLY_ALL: Final = 0.985
_RANGES_QUERIES: Final = 32  # fewer, because `rows_within_budget` is slow
_FOREST_COST_LIMIT: Final = 2.0  # times the cost of the sketch at the same recall


class Calibrator:
    """Held-out queries for the rows of one index, and the true neighbours of each.

    Each query is a stored vector moved toward another one: it equals no row and is between rows, as real queries are.
    One set is moved toward any other row, one toward one of the nearest rows. In tight clusters recall differs between
    the two sets, and the lower one counts. A row that is as near as the true tenth counts as a hit, so that ties among
    duplicates do not count as misses.
    """

    def __init__(self, vectors: F32, norms: RowNorms, layout: Layout) -> None:
        self.rows = len(vectors)
        self.layout = layout
        self.query_sets = _query_sets(vectors, norms, layout) if norms.float32_safe and self.rows >= K else []

    def sketch_curve(self, sketch: Sketch) -> Curve:
        """Measure the sketch at ascending efforts, until it finds nearly all or costs more than the exact scan."""
        hidden = np.empty(0, np.int64)
        curve: Curve = {}
        first, limit = _FIRST_SKETCH_EFFORT, self._cost(EXACT)
        while (
            self.query_sets
            and self._cost(SearchPlan("sketch", first)) < limit
            and max(curve.values(), default=0) < _NEARLY_ALL
        ):
            # The rows are ordered best first, so one search at the largest effort measures all smaller ones.
            efforts = [round(first * _SKETCH_STEP**step) for step in range(_SKETCH_STEPS)]
            curve |= self._prefix_recalls(lambda query, n: sketch.candidates(query, n, hidden), efforts)
            first = round(efforts[-1] * _SKETCH_STEP)
        return _truncated_at_nearly_all(curve)

    def forest_curve(self, forest: Trees, sketch_curve: Mapping[int, float]) -> Curve:
        """Measure the forest at ascending efforts, until it finds nearly all or costs more than another strategy."""
        sketch_effort = effort_for(sketch_curve, K, 0.99) or effort_for(sketch_curve, K)
        limit = self._cost(EXACT)
        if sketch_effort:
            limit = min(limit, _FOREST_COST_LIMIT * self._cost(SearchPlan("sketch", sketch_effort)))
        curve: Curve = {}
        effort = K * forest.count
        while self.query_sets and self._cost(SearchPlan("forest", effort)) < limit:
            curve[effort] = self._recall(lambda query, n: forest.candidates(query, 2 * K, n), effort)
            if curve[effort] >= _NEARLY_ALL:
                break
            effort = effort * 3 // 2 if curve[effort] > _LOW_RECALL else effort * 3
        return curve

    def ranges_curve(self, sketch: Sketch) -> Curve:
        """Measure the recall@10 of a search by ranges at ascending numbers of requests, until it finds nearly all."""
        hidden, row_bytes = np.empty(0, np.int64), self.layout.node_size

        def find(query: F32, requests: int) -> Array:
            rows = sketch.candidates(query, ROWS_PER_REQUEST * requests, hidden)
            return prefetch.rows_within_budget(rows, row_bytes, requests)

        curve: Curve = {}
        requests = _FIRST_RANGES
        while self.query_sets and requests <= _MAX_RANGES and max(curve.values(), default=0) < _RANGES_NEARLY_ALL:
            curve[requests] = self._recall(find, requests, _RANGES_QUERIES)
            requests = requests * 3 // 2
        return curve

    def _cost(self, plan: SearchPlan) -> float:
        return cost(plan, self.rows, self.layout.dimension)

    def _prefix_recalls(self, find: Find, efforts: list[int]) -> Curve:
        """Return the recall at each of ascending `efforts`: a search's first rows are those of a smaller effort."""
        recalls = []
        for queries in self.query_sets:
            hits = [queries.hits(number, find(query, efforts[-1])) for number, query in enumerate(queries.vectors)]
            recalls.append([_mean_recall([each[:effort] for each in hits]) for effort in efforts])
        return dict(zip(efforts, np.min(recalls, axis=0).tolist(), strict=True))

    def _recall(self, find: Find, effort: int, limit: int = _QUERIES) -> float:
        """Return the lower of the recalls of the query sets, over up to `limit` queries of each."""
        return min(
            _mean_recall(
                [queries.hits(number, find(query, effort)) for number, query in enumerate(queries.vectors[:limit])]
            )
            for queries in self.query_sets
        )


def _mean_recall(hits: list[Mask]) -> float:
    return round(sum(min(K, int(each.sum())) for each in hits) / (K * len(hits)), 4)


def _truncated_at_nearly_all(curve: Curve) -> Curve:
    """Return the curve up to the first effort that finds nearly all."""
    sufficient = min((effort for effort, recall in curve.items() if recall >= _NEARLY_ALL), default=None)
    return {effort: recall for effort, recall in curve.items() if sufficient is None or effort <= sufficient}


class _HeldOutQueries(msgspec.Struct, frozen=True):
    """Query vectors, float32 (q, dimension), and for each the rows at most as far as its true tenth, ascending."""

    vectors: F32
    neighbours: list[Array]

    def hits(self, number: int, rows: Array) -> Mask:
        """Return for each of `rows` whether it is a true neighbour of query `number`."""
        true = self.neighbours[number]
        hits: Mask = true[np.minimum(np.searchsorted(true, rows), len(true) - 1)] == rows
        return hits


def _query_sets(vectors: F32, norms: RowNorms, layout: Layout) -> list[_HeldOutQueries]:
    distance: Distance = "cosine" if layout.metric == "angular" else "euclidean"
    rng = np.random.default_rng(_SEED)
    start = vectors[rng.choice(len(vectors), _QUERIES)]
    any_row = rng.choice(len(vectors), _QUERIES)
    near_row = np.array([rng.choice(rows) for rows in true_neighbours(vectors, norms, start, K, distance)])
    moved = [start + _STEP_TOWARD * (vectors[toward] - start) for toward in (any_row, near_row)]
    queries = [each[dist.norms(each) > 0] for each in moved]  # a zero vector has no direction
    neighbours = true_neighbours(vectors, norms, np.concatenate(queries), K, distance)
    first = len(queries[0])
    sets = (_HeldOutQueries(queries[0], neighbours[:first]), _HeldOutQueries(queries[1], neighbours[first:]))
    return [each for each in sets if len(each.vectors)]
