"""Calibration of searches over partitions: the recall of ascending probes and rows, in memory and by ranges.

Of all efforts that reach a recall, the cheapest is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.index.build.held_out import KS, HeldOutQueries
from vectord.index.build.ranges_needed import RangesNeeded
from vectord.index.build.rows_needed import EntriesOfRows, RowsNeeded
from vectord.index.query.efforts import required_of_partitions
from vectord.index.query.planner import ROWS_PER_REQUEST
from vectord.index.sections.parts import Parts
from vectord.lhv1.parts_shape import ColdPoint, WarmPoint
from vectord.parallel import in_two_threads

Cost = Callable[[int, int, int], float]  # of probes, rows (or requests) and entries

# The recalls that searches may ask for, for which the cheapest effort is kept.
_RECALLS: Final = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975)
# Higher recalls are rarely asked for. In a large index, they are measured with probes that cost at most this share of
# an exact scan: more probes would take most of the calibration's time. A search that asks for more scans all rows.
_USUAL_RECALL: Final = 0.99
_SHARE_OF_SCAN: Final = 0.15
_FEW_ENTRIES: Final = 32_768  # up to this number of entries, all recalls are measured
_FIRST_PROBES: Final = 4
_STEP: Final = 1.4  # factor from one number of probes to the next
_COLD_STEP: Final = 1.25  # by ranges, where codes are most of the bytes
_FIRST_STAGE: Final = 128  # the most probes of the first pass
_STAGE: Final = 2  # factor from the most probes of one pass to those of the next


class _Point(msgspec.Struct, frozen=True):
    """An effort, the mean entries that it examines, and its recalls; `limit` is its number of rows, or of requests."""

    probes: int
    limit: int
    entries: int
    recalls: tuple[float, float]


def warm_curve(
    parts: Parts, sets: Sequence[HeldOutQueries], entries_of: EntriesOfRows, cost: Cost, most_cost: float
) -> tuple[WarmPoint, ...]:
    """Return the cheapest efforts of a search in memory for ascending recalls; none costs more than `most_cost`."""
    tables = [RowsNeeded(parts, queries, entries_of) for queries in sets]
    targets = [required_of_partitions(recall) for recall in _RECALLS]
    probes: list[int] = []
    for more in _passes(parts, cost, most_cost):
        for table in tables:
            table.begin(more)
        in_two_threads(_measure, [(table, number) for table in tables for number in range(len(table))])
        probes += more
        last = len(probes) - 1
        entries = max(table.entries[-1] for table in tables)
        is_cheap = entries <= _FEW_ENTRIES or cost(probes[-1], 0, entries) <= _SHARE_OF_SCAN * most_cost
        target = targets[-1] if is_cheap else required_of_partitions(_USUAL_RECALL)
        if all(table.least(last, which, target) for table in tables for which in range(len(KS))):
            break  # more probes would find hardly more
    return tuple(
        WarmPoint(point.probes, point.limit, point.entries, *point.recalls)
        for point in _cheapest(tables, probes, targets, cost, most_cost)
        if point.limit <= parts.rows
    )


def cold_curve(
    parts: Parts, sets: Sequence[HeldOutQueries], row_bytes: int, cost: Cost, most_probes: int
) -> tuple[ColdPoint, ...]:
    """Return the cheapest efforts of a search by ranges for ascending recalls; `row_bytes` is the size of a row."""
    probes = _ascending(min(most_probes, parts.shape.partitions), _COLD_STEP)
    tables = [RangesNeeded(parts, queries, probes, row_bytes) for queries in sets]
    in_two_threads(_measure, [(table, task) for table in tables for task in table.tasks])
    points = _cheapest(tables, probes, _RECALLS, cost, np.inf)
    return tuple(
        ColdPoint(point.probes, min(ROWS_PER_REQUEST * point.limit, parts.rows), point.limit, *point.recalls)
        for point in points
    )


def _measure(task: tuple[RowsNeeded | RangesNeeded, int]) -> None:
    table, number = task
    table.measure(number)


def _ascending(most: int, step: float = _STEP) -> list[int]:
    """Return ascending numbers of probes up to `most`, at least one."""
    numbers, probes = [], float(min(_FIRST_PROBES, most))
    while probes < most:
        numbers.append(round(probes))
        probes = max(probes + 1, probes * step)
    return [*numbers, most]


def _passes(parts: Parts, cost: Cost, most_cost: float) -> Iterator[list[int]]:
    """Yield the numbers of probes of each pass, ascending, until one costs too much."""
    entries, most = parts.shape.entries / parts.shape.partitions, _FIRST_STAGE
    numbers = _ascending(parts.shape.partitions)
    while numbers:
        of_pass = [probes for probes in numbers if probes <= most]
        affordable = [probes for probes in of_pass if cost(probes, 0, round(probes * entries)) < most_cost]
        if affordable:
            yield affordable
        if len(affordable) < len(of_pass):
            return
        numbers, most = numbers[len(of_pass) :], most * _STAGE


def _cheapest(
    tables: Sequence[RowsNeeded] | Sequence[RangesNeeded],
    grid: Sequence[int],
    targets: Sequence[float],
    cost: Cost,
    most_cost: float,
) -> list[_Point]:
    """Return the cheapest effort for each recall of `targets` that one reaches; the set with the lower one counts."""
    chosen: dict[tuple[int, int], _Point] = {}
    for which in range(len(KS)):
        for target in targets:
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
