"""Where the forest overtakes the exact scan: the measurements behind the constants of vectord.index.planner.

For each dimension and number of rows both ways answer the same queries through the engine's own search: the scan, and
the forest at efforts that grow until it reaches the target recall or is far slower than the scan.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.data import Dataset, K, Truth, made, truth
from bench.machine import machine
from bench.timing import Side, in_turns
from tools.console import step, table
from vectord import forest
from vectord import index as ix
from vectord.forest import Forest
from vectord.index import Index, Rows, planner
from vectord.index.distance import F64
from vectord.index.graph import Graph, layout_of
from vectord.params import new_params

_DIMENSIONS = (8, 64, 384, 1_536)
_ROWS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
_LEAST = 10_000  # rows from which some indexes get a forest
_QUERIES = 60
_ROUNDS = 5
_GROWTH = 2  # from one effort to the next


@dataclass(frozen=True, slots=True)
class Tried:
    """One effort (Annoy's search_k): the forest's p50 in milliseconds and its recall@10."""

    effort: int
    ms: float
    recall: float


@dataclass(frozen=True, slots=True)
class Case:
    """One data set: the scan's p50 in milliseconds beside each effort of the forest."""

    dimension: int
    rows: int
    scan: float
    tried: Sequence[Tried]

    @property
    def row_cost(self) -> float:
        """Return what one more unit of effort takes, in rows of the scan."""
        first, last = self.tried[0], self.tried[-1]
        if last is first:
            return float("nan")
        return (last.ms - first.ms) / (last.effort - first.effort) / (self.scan / self.rows)

    def forest(self, target: float) -> Tried | None:
        """Return the effort that just reaches `target`, between the two measured ones around it; None if none does."""
        if self.tried[0].recall >= target:
            return self.tried[0]
        for low, high in zip(self.tried, self.tried[1:], strict=False):
            if low.recall < target <= high.recall:
                part = (target - low.recall) / (high.recall - low.recall)
                effort = low.effort + part * (high.effort - low.effort)
                return Tried(round(effort), low.ms + part * (high.ms - low.ms), target)
        return None


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser(prog="bench/run.py threshold", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--most", type=int, default=max(_ROWS), help="leave larger numbers of rows out")
    most = parser.parse_args().most
    if most < _LEAST:
        parser.error(f"--most must be at least {_LEAST:,}")
    table(("fact", "value"), machine())
    cases = []
    for dimension in _DIMENSIONS:
        for rows in (rows for rows in _ROWS if rows <= most):
            with step(f"{rows:,}", f"rows x {dimension:,}: scan and forest in turns"):
                cases.append(_case(made(rows, dimension, _QUERIES)))
    _efforts(cases)
    _crossings(cases)
    _constants(cases)
    print(f"Done in {time.perf_counter() - started:.0f} s.")


def _case(data: Dataset) -> Case:
    scanned, grown = _indexes(data)
    true = truth(data.rows.vectors, data.queries)
    least = grown.params.m * K
    efforts = [least * _GROWTH**n for n in range(14) if n == 0 or least * _GROWTH**n < 2 * len(data.rows)]
    recalls = [_recall(grown, data, true, effort) for effort in efforts]
    enough = next((n for n, recall in enumerate(recalls) if recall >= planner.TARGET), len(efforts) - 1) + 1
    sides: dict[str, Side] = {"scan": lambda q: ix.search(scanned, data.queries[q], K)}
    sides |= {str(effort): _forest_side(grown, data, effort) for effort in efforts[:enough]}
    times = in_turns(sides, len(data.queries), _ROUNDS)
    tried = [Tried(e, times[str(e)].p50, r) for e, r in zip(efforts[:enough], recalls, strict=False)]
    return Case(data.dimension, len(data.rows), times["scan"].p50, tried)


def _indexes(data: Dataset) -> tuple[Index, Index]:
    """Return two indexes of the same rows in the same memory: one that must scan, one that has its trees."""
    params = new_params(data.name, data.dimension)
    layout = layout_of(params)
    trees = Forest(forest.build(data.rows.vectors, layout, params.m), layout)
    scanned = Graph(layout, len(data.rows), trees.graph, None)
    grown = Graph(layout, len(data.rows), trees.graph, trees)
    rows = Rows(data.rows.ids, scanned.vectors, data.rows.metadata)
    return Index(params, rows, scanned), Index(params, rows, grown)


def _forest_side(index: Index, data: Dataset, effort: int) -> Side:
    return lambda q: ix.search(index, data.queries[q], K, effort // index.params.m)


def _recall(index: Index, data: Dataset, true: Truth, effort: int) -> float:
    row_of, recalls = index.rows.row_of, []
    for q, query in enumerate(data.queries):
        matches = ix.search(index, query, K, effort // index.params.m).matches
        recalls.append(true.recall(data.rows.vectors, q, np.array([row_of[match.id] for match in matches])))
    return float(np.mean(recalls))


def _efforts(cases: Sequence[Case]) -> None:
    rows = [
        (f"{c.dimension}", f"{c.rows}", f"{t.effort}", f"{t.recall:.3f}", f"{t.ms:.3f}", f"{c.scan / t.ms:.2f}")
        for c in cases
        for t in c.tried
    ]
    table(("dimension", "rows", "effort", "recall@10", "forest p50 ms", "times as fast as the scan"), rows)


def _crossings(cases: Sequence[Case]) -> None:
    rows = []
    for case in cases:
        at = case.forest(planner.TARGET)
        found = (f"{at.effort}", f"{at.ms:.3f}", f"{case.scan / at.ms:.2f}") if at else ("none", "", "")
        size = (f"{case.dimension}", f"{case.rows}", f"{case.rows * (case.dimension + 64) / 1e6:.2f}")
        rows.append((*size, f"{case.scan:.3f}", *found, _winner(case), f"{case.row_cost:.2f}"))
    way = ("scan p50 ms", "effort", "forest p50 ms", "scan / forest", "faster")
    table(("dimension", "rows", "M components", *way, "row cost"), rows)


def _winner(case: Case) -> str:
    at = case.forest(planner.TARGET)
    return "forest" if at and at.ms < case.scan else "scan"


def _constants(cases: Sequence[Case]) -> None:
    scan = _fit([(c.rows, c.dimension, c.scan) for c in cases])
    looked = _fit([(t.effort, c.dimension, t.ms) for c in cases for t in c.tried])
    rows = [
        (name, f"{fit[0] * 1e3:.1f}", f"{fit[1] * 1e6:.2f}", f"{fit[2] * 1e6:.3f}", f"{fit[1] / fit[2]:.0f}")
        for name, fit in (("scan", scan), ("forest", looked))
    ]
    table(("fit of p50", "us a search", "ns a row", "ns a component", "a row in components"), rows)
    overhead = scan[1] / scan[2]
    won = [case.rows * (case.dimension + overhead) for case in cases if _winner(case) == "forest"]
    costs = [c.row_cost for c in cases if len(c.tried) > 1 and not planner.scan_is_small(c.rows, c.dimension)]
    print(f"  a row costs the scan {overhead:.0f} components more than it has")
    print(f"  the forest is first faster at {min(won, default=np.nan) / 1e6:.2f} M components so counted")
    print(f"  FOREST_ROW_COST where an index gets a forest: median {np.median(costs):.2f} of {len(costs)}")
    print(f"  the planner has SCAN_COMPONENTS {planner.SCAN_COMPONENTS:,}, FOREST_ROW_COST {planner.FOREST_ROW_COST}\n")


def _fit(points: Sequence[tuple[int, int, float]]) -> F64:
    """Fit ms = a + b rows + c rows x dimension, each error relative to its point, no term negative."""
    count, dimension, ms = np.array(points, np.float64).T
    terms = np.stack([np.ones_like(count), count, count * dimension], axis=1) / ms[:, None]
    kept = [0, 1, 2]
    while True:
        found: F64 = np.zeros(3)
        found[kept] = np.linalg.lstsq(terms[:, kept], np.ones(len(ms)), rcond=None)[0]
        if (found >= 0).all():
            return found
        kept.remove(int(np.argmin(found)))


if __name__ == "__main__":
    main()
