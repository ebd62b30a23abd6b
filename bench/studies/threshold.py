"""The cost of a search by each strategy: the measurements behind the constants of vectord.index.query.planner.cost.

For each dimension and number of rows, the scan, the forest and the partitions answer the same queries, alternating; the
latter two with several efforts. Then the p50 of each strategy is fitted to the terms of its formula.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.data import Dataset, synthetic
from bench.measure import Side, alternating, machine
from tools.command.console import step, table
from vectord.index import state
from vectord.index.codec import decode, encode
from vectord.index.kernels.distance import F64
from vectord.index.mutations import with_rows
from vectord.index.query import candidates
from vectord.index.query.efforts import K
from vectord.index.query.planner import EXACT, SearchPlan, Strategy, cost
from vectord.index.state import Base, Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import new_params

_DIMENSIONS = (8, 64, 384, 1_536)
_ROWS = (5_000, 20_000, 100_000)
_MOST = 60_000_000  # components of the largest data set
_FOREST = (200, 1_000, 5_000)  # search_k
_PARTITIONS = ((8, 50), (32, 200), (128, 800))  # probes and rescored rows
_QUERIES = 60
_ROUNDS = 5


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
            with step(f"{rows:,}", f"rows x {dimension:,}: scan, forest and partitions, alternating"):
                found += _case(synthetic(rows, dimension, _QUERIES))
    _measured(found)
    for strategy in ("exact", "forest", "partitions"):
        _fitted(strategy, [one for one in found if one.plan.strategy == strategy])
    print(f"Done in {time.perf_counter() - started:.0f} s.")


def _case(data: Dataset) -> list[Measured]:
    index = _built(data)
    assert index.base is not None
    plans = _plans(index.base)
    sides: dict[str, Side] = {repr(plan): _side(plan, index, index.base, data) for plan in plans}
    times = alternating(sides, len(data.queries), _ROUNDS)
    return [Measured(plan, len(data.rows), data.dimension, times[repr(plan)].p50 * 1e6) for plan in plans]


def _built(data: Dataset) -> Index:
    """Return an index of the rows in the packed form, with partitions unless a scan is cheap."""
    index = with_rows(state.empty_index(new_params(data.name, data.dimension)), data.rows)
    return decode.open_blob(encode.encode(index, data.name, "0" * 32, thresholds=Thresholds(packed=1)).blob)


def _plans(base: Base) -> list[SearchPlan]:
    plans = [EXACT, *(SearchPlan("forest", effort) for effort in _FOREST if 4 * effort < base.graph.rows)]
    if base.parts is None:
        return plans
    shape = base.parts.shape
    per_probe = shape.entries / shape.partitions
    return plans + [
        SearchPlan("partitions", effort, probes=probes, entries=round(probes * per_probe))
        for probes, effort in _PARTITIONS
        if 2 * probes < shape.partitions
    ]


def _side(plan: SearchPlan, index: Index, base: Base, data: Dataset) -> Side:
    """Return a whole search with one plan: its candidates and their exact distances."""

    def search(number: int) -> F64:
        [found] = candidates.in_base(index, base, index.live, [data.queries[number]], K, plan=plan)
        return found.distances

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
    "partitions": (
        ("search", "component of a centroid", "probe", "entry and plane", "rescored component"),
        lambda one: (
            1,
            one.rows // 64 * one.dimension,
            one.plan.probes,
            one.plan.entries * (2 + -(-one.dimension // 64)),
            one.plan.effort * one.dimension,
        ),
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
