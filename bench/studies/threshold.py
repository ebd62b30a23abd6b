"""The cost of a search by each strategy: the measurements behind the constants of vectord.index.query.planner.cost.

For each dimension and number of rows, the scan, the forest and the sketch answer the same queries, alternating; the
latter two at several efforts. Then the p50 of each strategy is fitted to the terms of its formula.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.data import Dataset, synthetic
from bench.measure import Side, alternating, machine
from tools.command.console import step, table
from vectord.forest.forest import build_forest
from vectord.index.kernels import distance as dist
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32, F64
from vectord.index.query.efforts import K
from vectord.index.query.planner import EXACT, SearchPlan, Strategy, cost
from vectord.index.sections import sketch
from vectord.index.sections.base import MemorySection
from vectord.index.sections.graph import Graph, layout_of
from vectord.index.sections.sketch import Sketch
from vectord.lhv1.params import new_params

_DIMENSIONS = (8, 64, 384, 1_536)
_ROWS = (5_000, 20_000, 100_000)
_MOST = 60_000_000  # components of the largest data set
_EFFORTS = {"forest": (200, 1_000, 5_000), "sketch": (50, 200, 800)}
_QUERIES = 60
_ROUNDS = 5

Find = Callable[[F32], npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One search plan on one data set: its p50 in nanoseconds."""

    plan: SearchPlan
    rows: int
    dimension: int
    ns: float


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser(prog="bench/run.py threshold", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--most", type=int, default=max(_ROWS), help="leave out larger numbers of rows")
    most = parser.parse_args().most
    table(("fact", "value"), machine())
    found: list[Measured] = []
    for dimension in _DIMENSIONS:
        for rows in (rows for rows in _ROWS if rows <= most and rows * dimension <= _MOST):
            with step(f"{rows:,}", f"rows x {dimension:,}: scan, forest and sketch, alternating"):
                found += _case(synthetic(rows, dimension, _QUERIES))
    _measured(found)
    for strategy in ("exact", "forest", "sketch"):
        _fitted(strategy, [one for one in found if one.plan.strategy == strategy])
    print(f"Done in {time.perf_counter() - started:.0f} s.")


def _case(data: Dataset) -> list[Measured]:
    params = new_params(data.name, data.dimension)
    graph = Graph(
        layout_of(params), len(data.rows), MemorySection(build_forest(data.rows.vectors, layout_of(params), 4)[0])
    )
    planes = Sketch(
        MemorySection(sketch.build(data.rows.vectors, "cosine")), len(data.rows), data.dimension, params.distance
    )
    plans = {plan: _find(plan, graph, planes) for plan in _plans(len(data.rows))}
    sides: dict[str, Side] = {repr(plan): _side(plan, find, graph, data.queries) for plan, find in plans.items()}
    times = alternating(sides, len(data.queries), _ROUNDS)
    return [Measured(plan, len(data.rows), data.dimension, times[repr(plan)].p50 * 1e6) for plan in plans]


def _plans(rows: int) -> list[SearchPlan]:
    strategies: tuple[Strategy, ...] = ("forest", "sketch")
    return [EXACT, *(SearchPlan(name, effort) for name in strategies for effort in _EFFORTS[name] if 4 * effort < rows)]


def _find(plan: SearchPlan, graph: Graph, planes: Sketch) -> Find:
    no_rows = np.empty(0, np.int64)
    trees, norms = graph.forest, graph.norms
    if plan.strategy == "forest":
        return lambda query: trees.candidates(dist.normalized(query), 2 * K + 32, plan.effort)
    if plan.strategy == "sketch":
        return lambda query: planes.candidates(query, plan.effort, no_rows)
    return lambda query: exact_scan.scan(graph.vectors, norms, [query], K, "cosine")[0]


def _side(plan: SearchPlan, find: Find, graph: Graph, queries: F32) -> Side:
    """Return a whole search with one plan: its candidates and their exact distances."""

    def search(number: int) -> F64:
        query = queries[number]
        rows = find(query)
        if plan is EXACT:
            return dist.distances(graph.vectors, rows, query, "cosine")
        taken = graph.take(rows)
        return dist.distances(taken, exact_scan.prune(taken, query, K, "cosine"), query, "cosine")

    return search


def _measured(found: Sequence[Measured]) -> None:
    rows = [
        (
            *(f"{one.dimension}", f"{one.rows}", one.plan.strategy, f"{one.plan.effort or ''}", f"{one.ns / 1e6:.3f}"),
            f"{cost(one.plan, one.rows, one.dimension) / one.ns:.2f}",
        )
        for one in found
    ]
    table(("dimension", "rows", "plan", "effort", "p50 ms", "planner's / measured"), rows)


def _fitted(strategy: Strategy, found: Sequence[Measured]) -> None:
    """Print the fit with the least squares of relative errors in which no term is negative."""
    names, terms = _TERMS[strategy]
    fit = _fit(np.array([terms(one) for one in found], np.float64), np.array([one.ns for one in found]))
    table((f"{strategy}: nanoseconds a", "fit"), [(n, f"{value:12.3f}") for n, value in zip(names, fit, strict=True)])


# The terms of the duration of a search, by strategy.
_TERMS: Mapping[Strategy, tuple[Sequence[str], Callable[[Measured], Sequence[int]]]] = {
    "exact": (("search", "row", "component"), lambda one: (1, one.rows, one.rows * one.dimension)),
    "forest": (
        ("search", "row looked at", "its component"),
        lambda one: (1, one.plan.effort, one.plan.effort * one.dimension),
    ),
    "sketch": (
        ("search", "row and plane", "row taken", "its component"),
        lambda one: (1, one.rows * -(-one.dimension // 64), one.plan.effort, one.plan.effort * one.dimension),
    ),
}


def _fit(terms: F64, ns: F64) -> F64:
    scaled = terms / ns[:, None]
    kept = list(range(terms.shape[1]))
    while True:
        fit: F64 = np.zeros(terms.shape[1])
        fit[kept] = np.linalg.lstsq(scaled[:, kept], np.ones(len(ns)), rcond=None)[0]
        if (fit >= 0).all():
            return fit
        kept.remove(int(np.argmin(fit)))


if __name__ == "__main__":
    main()
