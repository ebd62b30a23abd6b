"""The recall of searches by ranges with ascending requests, measured with held-out queries."""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.build.held_out import KS, HeldOutQueries
from vectord.index.build.range_numbers import range_numbers
from vectord.index.query.planner import BYTES_PER_REQUEST, ROWS_PER_REQUEST
from vectord.index.sections.parts import Parts

Array = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

REQUESTS: Final = (6, 8, 10, 12, 14, 16, 18, 21, 24, 28, 32, 45, 64, 90, 128)
_QUERIES: Final = 96  # of each set: their ranges are counted one by one
_USUAL: Final = 13  # of REQUESTS; those for more matches than 10 are measured with few queries of each set
_FEW_QUERIES: Final = 16


class _Found(msgspec.Struct, frozen=True, eq=False):
    """The best rows of some queries, int64 (queries, numbers of probes, rows).

    `true` has for each k of KS which of them are true neighbours. `counts` (KS, queries) are those of the neighbours
    that are wanted, and `entries` the sums for all queries.
    """

    rows: Array
    true: list[Mask]
    counts: Array
    entries: Array


class RangesNeeded:
    """For one set of queries and each number of probes, the recall of a search by ranges with ascending requests.

    The queries are measured in parts (`tasks`), by any thread.
    """

    def __init__(self, parts: Parts, queries: HeldOutQueries, probes: Sequence[int], row_bytes: int) -> None:
        self._parts, self._queries, self._probes, self._row_bytes = parts, queries, np.array(probes), row_bytes
        self._rotated = [parts.query(query) for query in queries.vectors[:_QUERIES]]
        self._ranked = parts.rank_all(self._rotated, probes[-1])
        self.tasks = range(0, len(self._rotated), _FEW_QUERIES)
        self._hits, self._entries = dict[int, F64](), dict[int, Array]()

    def measure(self, task: int) -> None:
        """Measure the queries from number `task` on; the first of them with all REQUESTS."""
        budgets = REQUESTS[:_USUAL] if task else REQUESTS
        numbers = range(task, min(task + _FEW_QUERIES, len(self._rotated)))
        found = self._found(numbers, ROWS_PER_REQUEST * budgets[-1])
        lists = found.rows.reshape(-1, found.rows.shape[-1])
        ranges, costs = (each.reshape(found.rows.shape) for each in range_numbers(lists, self._row_bytes))
        hits = np.zeros((len(REQUESTS), len(KS), len(self._probes)))
        for which, requests in enumerate(budgets):
            considered = slice(ROWS_PER_REQUEST * requests)
            covered = ranges[..., considered] < requests
            covered &= np.cumsum(costs[..., considered] * covered, axis=-1) <= requests * BYTES_PER_REQUEST
            for of_k, true in enumerate(found.true):
                shares = (covered & true[..., considered]).sum(axis=-1) / found.counts[of_k][:, None]
                hits[which, of_k] = np.minimum(1, shares).sum(axis=0)
        self._hits[task], self._entries[task] = hits, found.entries

    def _found(self, numbers: range, most: int) -> _Found:
        """Return the best `most` rows by estimate for each number of probes."""
        shape = len(numbers), len(self._probes), most
        # A list that is too short is completed with rows that are far from all others.
        rows = np.broadcast_to((self._parts.rows + np.arange(most)) << 20, shape).copy()
        true = [np.zeros(shape, np.bool_) for _ in KS]
        entries, seen = np.zeros(len(self._probes), np.int64), np.empty(self._parts.rows, np.int64)
        is_true = np.zeros(self._parts.rows, np.bool_)
        for place, number in enumerate(numbers):
            examined, estimates = self._parts.estimates(self._rotated[number], self._ranked[number])
            ends = np.cumsum(self._parts.entry_counts(self._ranked[number]))[self._probes - 1]
            entries += ends
            first, ends = _first_entries(examined, ends, seen)
            near, ends = _near(estimates[first], ends, most)
            distinct = examined[first[near]].astype(np.int64)
            by_estimate = np.argsort(estimates[first[near]])
            for at, end in enumerate(ends.tolist()):
                best = distinct[by_estimate[by_estimate < end][:most]]
                rows[place, at, : len(best)] = best
            for of_k, nearest in zip(true, self._queries.nearest, strict=True):
                is_true[nearest[number]] = True
                of_k[place] = is_true[np.minimum(rows[place], self._parts.rows - 1)] & (rows[place] < self._parts.rows)
                is_true[nearest[number]] = False
        counts = [
            [min(k, len(nearest[number])) for number in numbers]
            for k, nearest in zip(KS, self._queries.nearest, strict=True)
        ]
        return _Found(rows, true, np.array(counts), entries)

    @property
    def entries(self) -> list[int]:
        """The mean entries of each number of probes."""
        means: list[int] = (np.sum([self._entries[task] for task in self.tasks], axis=0) // len(self._rotated)).tolist()
        return means

    def least(self, at: int, which: int, recall: float) -> int | None:
        """Return the least requests that reach a recall with the probes of position `at`; None if none does."""
        return next((each for each in _measured(which) if self.recall(at, which, each) >= recall), None)

    def recall(self, at: int, which: int, limit: int) -> float:
        """Return the recall with `limit` requests, or with the most for which it was measured."""
        number = REQUESTS.index(min(limit, _measured(which)[-1]))
        tasks = self.tasks if number < _USUAL else self.tasks[:1]
        queries = len(self._rotated) if number < _USUAL else min(_FEW_QUERIES, len(self._rotated))
        return float(sum(self._hits[task][number, which, at] for task in tasks) / queries)


def _measured(which: int) -> Sequence[int]:
    """Return those of `REQUESTS` that were measured with enough queries: one has 10 neighbours, or 100."""
    return REQUESTS if which else REQUESTS[:_USUAL]


def _near(estimates: F64, ends: Array, most: int) -> tuple[Array, Array]:
    """Return the positions of all that can be among the `most` least before an end, and how many are before each end.

    The `most`-th least before an end is a bound for all ends after it.
    """
    full = ends[ends >= most]
    if not len(full):
        return np.arange(len(estimates)), ends
    near = estimates <= np.partition(estimates[: full[0]], most - 1)[most - 1]
    near[: full[0]] = True
    positions = np.flatnonzero(near)
    return positions, np.searchsorted(positions, ends)


def _first_entries(rows: npt.NDArray[np.uint32], ends: Array, seen: Array) -> tuple[Array, Array]:
    """Return the positions of the first entry of each row, and how many of them are before each of `ends`.

    `seen` (rows of the index,) is overwritten.
    """
    positions = np.arange(len(rows))
    seen[rows[::-1]] = positions[::-1]
    first = np.flatnonzero(seen[rows] == positions)
    return first, np.searchsorted(first, ends)
