"""Calibration of searches over partitions: the recall of ascending probes and rows, in memory and by ranges.

One pass over the entries of a query's nearest partitions gives the recall of all efforts: within a prefix of the
partitions, the number of entries that are nearer to the query than a true neighbour, by their codes, is the number
after which a search finds that neighbour.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.build.held_out import KS, HeldOutQueries, are_in
from vectord.index.query import prefetch
from vectord.index.query.planner import ROWS_PER_REQUEST
from vectord.index.sections.parts import Parts
from vectord.lhv1.parts_shape import ColdPoint, WarmPoint
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]
Cost = Callable[[int, int, int], float]  # of probes, rows (or requests) and entries

# The recalls for which the cheapest effort is kept.
_TARGETS: Final = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.998)
_FIRST_PROBES: Final = 4
_STEP: Final = 1.4  # factor from one number of probes to the next
_FIRST_STAGE: Final = 128  # the most probes of the first pass
_STAGE: Final = 2  # factor from the most probes of one pass to those of the next
_NEVER: Final = np.iinfo(np.int64).max  # the rows after which a neighbour outside the probed partitions is found
_REQUESTS: Final = (6, 8, 10, 12, 14, 16, 18, 21, 24, 28, 32, 45, 64, 90, 128)
_COLD_QUERIES: Final = 96  # of each set: their ranges are counted one by one
_USUAL: Final = 13  # of _REQUESTS; those for more matches than 10 are measured with few queries of each set
_FEW_QUERIES: Final = 16


class _Point(msgspec.Struct, frozen=True):
    """An effort, the mean entries that it examines, and its recalls; `limit` is its number of rows, or of requests."""

    probes: int
    limit: int
    entries: int
    recalls: tuple[float, float]


def warm_curve(parts: Parts, sets: Sequence[HeldOutQueries], cost: Cost, most_cost: float) -> tuple[WarmPoint, ...]:
    """Return the cheapest efforts of a search in memory for ascending recalls; none costs more than `most_cost`."""
    points: list[_Point] = []
    for grid in _grids(parts, cost, most_cost):
        tables = _of_each(sets, lambda queries: _RowsNeeded(parts, queries, grid))  # noqa: B023  called in this pass
        points = _cheapest(tables, grid, cost, most_cost)
        if all(table.least(-1, which, _TARGETS[-1]) for table in tables for which in range(len(KS))):
            break  # more probes would find hardly more
    return tuple(
        WarmPoint(point.probes, point.limit, point.entries, *point.recalls)
        for point in points
        if point.limit <= parts.rows
    )


def cold_curve(
    parts: Parts, sets: Sequence[HeldOutQueries], row_bytes: int, cost: Cost, most_probes: int
) -> tuple[ColdPoint, ...]:
    """Return the cheapest efforts of a search by ranges for ascending recalls; `row_bytes` is the size of a row."""
    grid = _grid(min(most_probes, parts.shape.partitions))
    tables = _of_each(sets, lambda queries: _RangesNeeded(parts, queries, grid, row_bytes))
    points = _cheapest(tables, grid, cost, np.inf)
    return tuple(
        ColdPoint(point.probes, min(ROWS_PER_REQUEST * point.limit, parts.rows), point.limit, *point.recalls)
        for point in points
    )


class _RowsNeeded:
    """For a set of queries and each number of probes, the entries after which each true neighbour is found, ascending.

    Of the neighbours of a query that tie with the last, those that are found first count.
    """

    def __init__(self, parts: Parts, queries: HeldOutQueries, grid: Sequence[int]) -> None:
        needed: list[list[list[Array]]] = [[[] for _ in KS] for _ in grid]
        entries = np.zeros(len(grid), np.int64)
        rotated = [parts.query(query) for query in queries.vectors]
        for number, (query, ranked) in enumerate(zip(rotated, parts.rank_all(rotated, grid[-1]), strict=True)):
            rows, codes = parts.differing(query, ranked)
            ends = np.cumsum(parts.entry_counts(ranked))[np.array(grid) - 1]
            entries += ends
            nearer = _nearer_entries(codes, ends)
            for which, (k, of_k) in enumerate(zip(KS, queries.nearest, strict=True)):
                positions = _first_positions(rows, of_k[number])
                after = nearer[:, codes[positions]] + 1
                after[positions >= ends[:, None]] = _NEVER
                for at, of_probes in enumerate(after):
                    needed[at][which].append(_first(of_probes, min(k, len(of_k[number]))))
        self.entries = (entries // len(rotated)).tolist()
        self._needed = [[np.sort(np.concatenate(of_k)) for of_k in of_probes] for of_probes in needed]

    def least(self, at: int, which: int, recall: float) -> int | None:
        """Return the least entries that reach a recall with the probes of position `at`; None if none does."""
        needed = self._needed[at][which]
        rows = int(needed[max(1, int(np.ceil(recall * len(needed)))) - 1])
        return None if rows == _NEVER else rows

    def recall(self, at: int, which: int, limit: int) -> float:
        needed = self._needed[at][which]
        return float(np.searchsorted(needed, limit, "right") / len(needed))


class _RangesNeeded:
    """For one set of queries and each number of probes, the recall of a search by ranges with ascending requests."""

    def __init__(self, parts: Parts, queries: HeldOutQueries, grid: Sequence[int], row_bytes: int) -> None:
        hits, measured = np.zeros((len(grid), len(KS), len(_REQUESTS))), np.zeros(len(_REQUESTS))
        entries, seen = np.zeros(len(grid), np.int64), np.empty(parts.rows, np.int64)
        rotated = [parts.query(query) for query in queries.vectors[:_COLD_QUERIES]]
        ranks = parts.rank_all(rotated, grid[-1])
        for number, (query, ranked) in enumerate(zip(rotated, ranks, strict=True)):
            budgets = _REQUESTS if number < _FEW_QUERIES else _REQUESTS[:_USUAL]
            measured[: len(budgets)] += 1
            rows, estimates = parts.estimates(query, ranked)
            ends = np.cumsum(parts.entry_counts(ranked))[np.array(grid) - 1]
            entries += ends
            first, ends = _first_entries(rows, ends, seen)
            rows = rows[first].astype(np.int64)
            by_estimate = np.argsort(estimates[first], kind="stable")
            for at, end in enumerate(ends.tolist()):
                best = rows[by_estimate[by_estimate < end][: ROWS_PER_REQUEST * budgets[-1]]]
                numbers, costs = prefetch.range_numbers(best, row_bytes)
                true = [are_in(best, of_k[number]) for of_k in queries.nearest]
                for which, requests in enumerate(budgets):
                    considered = ROWS_PER_REQUEST * requests
                    chosen = prefetch.within_budget(numbers[:considered], costs[:considered], requests)
                    for of_k, is_true in enumerate(true):
                        count = min(KS[of_k], len(queries.nearest[of_k][number]))
                        hits[at, of_k, which] += min(1.0, int(np.count_nonzero(is_true[chosen])) / count)
        self.entries = (entries // len(rotated)).tolist()
        self._recalls = hits / measured

    def least(self, at: int, which: int, recall: float) -> int | None:
        """Return the least requests that reach a recall with the probes of position `at`; None if none does."""
        reached = np.flatnonzero(self._recalls[at, which, : self._measured(which)] >= recall)
        return _REQUESTS[reached[0]] if len(reached) else None

    def recall(self, at: int, which: int, limit: int) -> float:
        """Return the recall with `limit` requests, or with the most for which it was measured."""
        return float(self._recalls[at, which, min(_REQUESTS.index(limit), self._measured(which) - 1)])

    @staticmethod
    def _measured(which: int) -> int:
        """Return how many of `_REQUESTS` were measured with enough queries: one has 10 neighbours, or 100."""
        return len(_REQUESTS) if which else _USUAL


def _of_each[T](sets: Sequence[HeldOutQueries], measure: Callable[[HeldOutQueries], T]) -> list[T]:
    """Return the measurement of each set, from two threads."""
    measured: dict[int, T] = {}

    def run(number: int) -> None:
        measured[number] = measure(sets[number])

    in_two_threads(run, range(len(sets)))
    return [measured[number] for number in range(len(sets))]


def _grid(most: int) -> list[int]:
    """Return ascending numbers of probes up to `most`, at least one."""
    grid, probes = [], float(min(_FIRST_PROBES, most))
    while probes < most:
        grid.append(round(probes))
        probes = max(probes + 1, probes * _STEP)
    return [*grid, most]


def _grids(parts: Parts, cost: Cost, most_cost: float) -> list[list[int]]:
    """Return the numbers of probes of each pass; passes with more probes follow until one costs too much."""
    entries, partitions = parts.shape.entries / parts.shape.partitions, parts.shape.partitions
    grids, most = [], _FIRST_STAGE
    while True:
        grid = [
            probes for probes in _grid(min(most, partitions)) if cost(probes, 0, round(probes * entries)) < most_cost
        ]
        if grid:
            grids.append(grid)
        if not grid or grid[-1] < most:
            return grids
        most *= _STAGE


def _cheapest(
    tables: Sequence[_RowsNeeded] | Sequence[_RangesNeeded], grid: Sequence[int], cost: Cost, most_cost: float
) -> list[_Point]:
    """Return the cheapest effort for each recall of `_TARGETS` that one reaches; the set with the lower one counts."""
    chosen: dict[tuple[int, int], _Point] = {}
    for which in range(len(KS)):
        for target in _TARGETS:
            efforts = []
            for at, probes in enumerate(grid):
                least = [table.least(at, which, target) for table in tables]
                limits = [limit for limit in least if limit is not None]
                entries = max(table.entries[at] for table in tables)
                if len(limits) == len(tables):
                    efforts.append((cost(probes, max(limits), entries), at, max(limits), entries))
            if efforts and min(efforts)[0] <= most_cost:
                _, at, limit, entries = min(efforts)
                recalls = [min(table.recall(at, of_k, limit) for table in tables) for of_k in range(len(KS))]
                point = _Point(grid[at], limit, entries, (round(recalls[0], 4), round(recalls[1], 4)))
                chosen[point.probes, point.limit] = point
    return [point for _, point in sorted(chosen.items())]


def _first_entries(rows: npt.NDArray[np.uint32], ends: Array, seen: Array) -> tuple[Array, Array]:
    """Return the positions of the first entry of each row, and how many of them are before each of `ends`.

    `seen` (rows of the index,) is overwritten.
    """
    positions = np.arange(len(rows))
    seen[rows[::-1]] = positions[::-1]
    first = np.flatnonzero(seen[rows] == positions)
    return first, np.searchsorted(first, ends)


def _first_positions(rows: npt.NDArray[np.uint32], wanted: Array) -> Array:
    """Return the first position in `rows` of each row of `wanted` that is there."""
    positions = np.flatnonzero(are_in(rows, wanted))
    return positions[np.unique(rows[positions], return_index=True)[1]]


def _nearer_entries(codes: npt.NDArray[np.uint16], ends: Array) -> Array:
    """Return for each prefix that ends at one of `ends`, and each code, the number of entries with a lesser code."""
    values = int(codes.max()) + 1
    prefix = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    counts = np.bincount(prefix * values + codes[: ends[-1]], minlength=len(ends) * values).reshape(-1, values)
    nearer = np.zeros_like(counts)
    np.cumsum(np.cumsum(counts, axis=0)[:, :-1], axis=1, out=nearer[:, 1:])
    return nearer


def _first(after: Array, count: int) -> Array:
    """Return the `count` smallest of `after`, completed with _NEVER."""
    first = np.sort(after)[:count]
    return np.concatenate((first, np.full(count - len(first), _NEVER)))
