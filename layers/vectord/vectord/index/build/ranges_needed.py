"""The recall of searches by ranges with ascending requests, measured with held-out queries."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.build.held_out import KS, HeldOutQueries
from vectord.index.kernels import compiled
from vectord.index.kernels.likely import STANDARD_ERRORS_OF_PARTITIONS
from vectord.index.kernels.likely_lists import Ranked
from vectord.index.kernels.range_numbers import range_numbers
from vectord.index.query.coalescing import CODE_REQUESTS, GAP_OF_A_PROBE, MAX_GAP, MOST_REACHED, within_reach
from vectord.index.query.planner import ROWS_PER_REQUEST
from vectord.index.query.prefetch import PAGE
from vectord.index.query.speed import BYTES_PER_REQUEST
from vectord.index.sections.parts import Parts

Array = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

REQUESTS: Final = (6, 8, 10, 12, 14, 16, 18, 21, 24, 28, 32, 38, 45, 64, 90, 128)
_QUERIES: Final = 96  # of each set: their ranges are counted one by one
_FOR_100: Final = 48  # of them, which measure recall@100: their lists are long, and each has a hundred neighbours
_FEW_QUERIES: Final = 16  # of a task
_MOST_ENTRIES: Final = 2 * ROWS_PER_REQUEST * REQUESTS[-1]  # of the rows that are considered
_OF_ONE_BOUND: Final = 2.5  # factor between the entries of numbers of probes that have one bound of the estimates
_MOST_ERROR: Final = 0.2  # of a measured recall, as a share of what it misses to 1


class RangesNeeded:
    """For one set of queries and each number of probes, the recall of a search by ranges with ascending requests.

    The queries are measured in parts (`tasks`), by any thread.
    """

    def __init__(self, parts: Parts, queries: HeldOutQueries, probes: Sequence[int], row_bytes: int) -> None:
        self._parts, self._queries, self._probes, self._row_bytes = parts, queries, np.array(probes), row_bytes
        self._rotated = [parts.query(query) for query in queries.vectors[:_QUERIES]]
        self._ranked = parts.rank_all(self._rotated, probes[-1])
        self.tasks = range(0, len(self._rotated), _FEW_QUERIES)
        self._sums, self._entries = dict[tuple[int, int], F64](), dict[int, Array]()

    def measure(self, task: int) -> None:
        """Measure the queries from number `task` on."""
        numbers = range(task, min(task + _FEW_QUERIES, len(self._rotated)))
        likely = [self._likely(number) for number in numbers]
        self._entries[task] = np.sum([entries for _, entries in likely], axis=0)
        for which in range(len(KS)):
            if task in self._tasks(which):
                self._sums[task, which] = self._measured(numbers, [lists[which] for lists, _ in likely], which)

    def _likely(self, number: int) -> tuple[list[list[Array]], Array]:
        """Return for each k of KS and each number of probes the rows that a search reads at most, best first.

        Also return the entries that it reads with each number of probes.
        """
        read, partitions = self._read(number)
        counts = self._parts.entry_counts(partitions)
        examined, found = self._parts.estimates(self._rotated[number], partitions)
        places = np.repeat(np.arange(len(partitions)), counts)
        near = near_any(found.values, read, places, entries := read @ counts, _MOST_ENTRIES)
        by_estimate = near[np.argsort(found.values[near])]
        by_estimate = by_estimate[~np.isin(examined[by_estimate], self._queries.left_out[number])]
        values = found.values[by_estimate]
        least = values - STANDARD_ERRORS_OF_PARTITIONS * found.errors[by_estimate]
        ranked = Ranked(places[by_estimate], examined[by_estimate], values, least)
        return ranked.lists(read, KS, _MOST_ENTRIES, ROWS_PER_REQUEST * REQUESTS[-1]), entries

    def _read(self, number: int) -> tuple[Mask, Array]:
        """Return which partitions a query reads with each number of probes, and the partitions that it reads with any.

        The first is bool (numbers of probes, partitions).
        """
        read = reached(self._ranked[number], self._parts.code_starts, self._probes)
        partitions = np.flatnonzero(read.any(axis=0))
        return read.take(partitions, axis=1), partitions

    def _measured(self, numbers: range, likely: Sequence[Sequence[Array]], which: int) -> F64:
        """Return the sums of the recalls of queries with these `likely` rows, and of the squares of the recalls.

        They are one array (2, REQUESTS, numbers of probes).
        """
        most = max(len(rows) for lists in likely for rows in lists)
        shape = len(numbers), len(self._probes), most
        # A list that is too short is completed with rows that are far from all others.
        rows = np.broadcast_to((self._parts.rows + np.arange(most)) << 20, shape).copy()
        true, is_true = np.zeros(shape, np.bool_), np.zeros(self._parts.rows, np.bool_)
        nearest = [self._queries.nearest[which][number] for number in numbers]
        for place, lists in enumerate(likely):
            is_true[nearest[place]] = True
            for at, of_probes in enumerate(lists):
                rows[place, at, : len(of_probes)] = of_probes
                true[place, at, : len(of_probes)] = is_true[of_probes]
            is_true[nearest[place]] = False
        counts = np.array([min(KS[which], len(each)) for each in nearest])
        found = range_numbers(rows.reshape(-1, most), self._row_bytes, MAX_GAP, PAGE)
        ranges, costs = (each.reshape(shape) for each in found)
        sums = np.zeros((2, len(REQUESTS), len(self._probes)))
        for number, requests in enumerate(REQUESTS):
            considered = slice(ROWS_PER_REQUEST * requests)
            covered = ranges[..., considered] < requests
            covered &= np.cumsum(costs[..., considered] * covered, axis=-1) <= requests * BYTES_PER_REQUEST
            shares = np.minimum(1, (covered & true[..., considered]).sum(axis=-1) / counts[:, None])
            sums[:, number] = shares.sum(axis=0), np.square(shares).sum(axis=0)
        return sums

    @cached_property
    def entries(self) -> list[int]:
        """The mean entries of each number of probes; to be read when all tasks are measured."""
        means: list[int] = (np.sum([self._entries[task] for task in self.tasks], axis=0) // len(self._rotated)).tolist()
        return means

    def least(self, at: int, which: int, recall: float) -> int | None:
        """Return the least requests that reach a recall with the probes of position `at`; None if none does."""
        enough = np.flatnonzero(self._recalls[which][:, at] >= recall)
        return REQUESTS[enough[0]] if len(enough) else None

    def recall(self, at: int, which: int, limit: int) -> float:
        """Return the recall with `limit` requests, or with the most for which it was measured."""
        return float(self._recalls[which][REQUESTS.index(limit), at])

    @cached_property
    def _recalls(self) -> list[F64]:
        """For each k of KS the recall, less its standard error, with each number of requests and of probes.

        Where queries differ much, as beside copies, the mean of few of them has a large error. With the largest efforts
        the error would leave no recall near 1: it counts at most as a share of what is missing.
        """
        found = []
        for which in range(len(KS)):
            tasks = self._tasks(which)
            queries = min(tasks[-1] + _FEW_QUERIES, len(self._rotated))
            mean, mean_square = np.sum([self._sums[task, which] for task in tasks], axis=0) / queries
            error = np.sqrt(np.maximum(0.0, mean_square - mean * mean) / queries)
            found.append(mean - np.minimum(error, _MOST_ERROR * (1 - mean)))
        return found

    def _tasks(self, which: int) -> Sequence[int]:
        """Return the tasks that measure a k of KS."""
        return self.tasks[: -(-_FOR_100 // _FEW_QUERIES)] if which else self.tasks


def reached(ranked: Array, starts: Array, probes: Array) -> Mask:
    """Return which partitions are in reach for each number of probes, which ascend, bool (numbers, partitions).

    `ranked` has the partitions nearest first, distinct, and `starts` is as for `within_reach`.
    """
    read = np.zeros((len(probes), len(starts) - 1), np.bool_)
    if compiled.native is not None:
        compiled.native.reached(ranked, starts, probes, MAX_GAP, GAP_OF_A_PROBE, MOST_REACHED, CODE_REQUESTS, read)
        return read
    of_all, byte_starts = ranked.tolist(), starts.tolist()
    for of_number, number in zip(read, probes.tolist(), strict=True):
        of_number[within_reach(of_all[:number], byte_starts)] = True
    return read


def near_any(estimates: F64, read: Mask, partitions: Array, entries: Array, count: int) -> Array:
    """Return the places of all `estimates` that are among the `count` least of those of a number of probes.

    There are few others among them. Of each estimate, `partitions` has the place of the partition in `read`, which has
    the partitions that each number of probes reads. `entries` has the entries of each number of probes.
    """
    near, start, bound = np.zeros(len(estimates), np.bool_), 0, np.inf
    while start < len(read):
        # What several numbers of probes read has at least as many entries that are as near as what all of them read.
        stop = int(np.searchsorted(np.maximum.accumulate(entries), _OF_ONE_BOUND * entries[start], "right"))
        alike = read[start : max(stop, start + 1)]
        bound = _largest_of_least(estimates[alike.all(axis=0)[partitions]], count, bound)
        near |= alike.any(axis=0)[partitions] & (estimates <= bound)
        start += len(alike)
    return np.flatnonzero(near)


def _largest_of_least(estimates: F64, count: int, likely: float) -> float:
    """Return the largest of the `count` least estimates, quickly if it is at most `likely`; infinity if none is."""
    nearer = estimates[estimates <= likely]
    among = nearer if len(nearer) >= count else estimates
    return float(np.partition(among, count - 1)[count - 1]) if len(among) >= count else np.inf
