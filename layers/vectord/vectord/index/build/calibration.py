"""Calibration: measure, during a build, the recall@10 of each strategy at ascending efforts."""

from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.forest.forest import Layout, Trees
from vectord.index.build.held_out import query_sets
from vectord.index.build.partition_curves import cold_curve, warm_curve
from vectord.index.build.rows_needed import EntriesOfRows
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.query.efforts import DEFAULT_RECALL, K
from vectord.index.query.planner import EXACT, SearchPlan, cost, warm_plans
from vectord.index.query.speed import seconds_by_ranges
from vectord.index.sections.parts import Parts
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_shape import PartsShape
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]
Curve = dict[int, float]  # effort -> recall@10

_NEARLY_ALL: Final = 0.998  # a recall that is enough for every target recall below 1
_QUERIES: Final = 64  # of each set, with which a forest is measured
_LOW_RECALL: Final = 0.7  # below it the forest's effort grows in large steps
_RANGES_ENOUGH: Final = 0.995  # recall@10; a search by ranges for more costs about as much as reading everything
_FOREST_COST_LIMIT: Final = 2.0  # times the cost of a search over partitions at the same recall
_LEAST_RECALL: Final = 0.7  # of a forest at the cost at which a search over partitions reaches the usual recall
# Some of the queries show it of most forests: their recall has a standard error of about 0.06.
_SOME_QUERIES: Final = 16
_LEAST_OF_SOME: Final = 0.55
# Of more rows with so many components, trees find even less at the cost of a search over partitions. To measure them
# would read most of the graph, in random order.
_MOST_ROWS: Final = 1 << 18
_MANY_COMPONENTS: Final = 192


class Calibrator:
    """Held-out queries for the rows of one index, and the true neighbours of each.

    The rows are numbered by their places in `order`, if it is given. There are no queries if float32 arithmetic on the
    rows does not stay in range, or if the rows are fewer than 10.
    """

    def __init__(self, vectors: F32, norms: RowNorms, layout: Layout, order: Array | None = None) -> None:
        self.rows = len(vectors)
        self.layout = layout
        distance: Distance = "cosine" if layout.metric == "angular" else "euclidean"
        is_measurable = norms.float32_safe and self.rows >= K
        self.query_sets = query_sets(vectors, norms, distance, order) if is_measurable else []

    def with_curves(self, parts: Parts, entries_of: EntriesOfRows) -> PartsShape:
        """Return the shape of a section `parts` with the recall of searches over it."""
        if not self.query_sets:
            return parts.shape
        warm = warm_curve(parts, self.query_sets, entries_of, self._cost_of_probes, self._cost(EXACT))
        enough = (point.probes for point in warm if point.recall_10 >= _RANGES_ENOUGH)
        most = min(enough, default=parts.shape.partitions)
        cold = cold_curve(parts, self.query_sets, self.layout.node_size, partial(_seconds, parts), most)
        return structs.replace(parts.shape, warm=warm, cold=cold)

    def forest_curve(self, forest: Trees, shape: PartsShape | None = None) -> Curve:
        """Measure the forest at ascending efforts, until it finds nearly all or costs more than another strategy.

        `shape` has the measured recall of searches over partitions, if there are any. A forest that finds little where
        they find most is measured no further, and of very many rows not at all.
        """
        limit = self._cost(EXACT)
        usual = cheapest(shape, DEFAULT_RECALL, self.rows, self.layout.dimension) if shape else None
        other = cheapest(shape, 0.99, self.rows, self.layout.dimension) if shape else None
        if (most := other or usual) is not None:
            limit = min(limit, _FOREST_COST_LIMIT * most)
        curve: Curve = {}
        if usual is not None and self.rows > _MOST_ROWS and self.layout.dimension >= _MANY_COMPONENTS:
            return curve
        effort = K * forest.count
        while self.query_sets and (at := self._cost(SearchPlan("forest", effort))) < limit:
            is_last_chance = usual is not None and at >= usual
            if is_last_chance and self._recall(forest, effort, _SOME_QUERIES) < _LEAST_OF_SOME:
                break
            curve[effort] = self._recall(forest, effort, _QUERIES)
            if curve[effort] >= _NEARLY_ALL or (is_last_chance and curve[effort] < _LEAST_RECALL):
                break
            effort = effort * 3 // 2 if curve[effort] > _LOW_RECALL else effort * 3
        return curve

    def _cost_of_probes(self, probes: int, rows: int, entries: int) -> float:
        return self._cost(SearchPlan("partitions", rows, probes=probes, entries=entries))

    def _cost(self, plan: SearchPlan) -> float:
        return cost(plan, self.rows, self.layout.dimension)

    def _recall(self, forest: Trees, effort: int, most: int) -> float:
        """Return the lowest of the recalls of the query sets, each over its first queries, at `most` this number."""
        found = [np.zeros(min(most, len(queries.vectors)), np.int64) for queries in self.query_sets]

        def measure(task: tuple[int, int]) -> None:
            which, number = task
            queries = self.query_sets[which]
            rows = forest.candidates(queries.vectors[number], 2 * K, effort)
            found[which][number] = min(K, int(queries.hits(number, rows).sum()))

        in_two_threads(measure, [(which, number) for which, each in enumerate(found) for number in range(len(each))])
        return min(round(float(each.mean()) / K, 4) for each in found)


def cheapest(shape: PartsShape, recall: float, rows: int, dimension: int) -> float | None:
    """Return the cost of the cheapest search over partitions for ten matches; None if none reaches the recall."""
    costs = [cost(plan, rows, dimension) for plan in warm_plans(shape, K, recall)]
    return min(costs, default=None)


def _seconds(parts: Parts, probes: int, requests: int, entries: int) -> float:
    """Return the time of a search by ranges that has read the head of the partitions."""
    return seconds_by_ranges(probes, entries * parts.layout.entry_bytes, requests)
