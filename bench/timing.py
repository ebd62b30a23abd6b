"""Clocks for a noisy machine: the best of several runs, and competitors that take turns."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Side = Callable[[int], object]

_BLOCK = 20  # calls in a row for one side, so that each side finds its own data in the caches


@dataclass(frozen=True, slots=True)
class Times:
    """The durations of many equal calls, in milliseconds."""

    ms: npt.NDArray[np.float64]

    @property
    def p50(self) -> float:
        return float(np.median(self.ms))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.ms, 99))


def best[T](work: Callable[[], T], runs: int) -> tuple[float, T]:
    """Return the seconds of the fastest of `runs` runs, and what the last one returned."""
    seconds = float("inf")
    for _ in range(runs):
        started = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - started)
    return seconds, result


def in_turns(sides: Mapping[str, Side], queries: int, rounds: int) -> dict[str, Times]:
    """Time each side on queries 0 to `queries` - 1, `rounds` times over.

    The sides take turns every few calls, and another one begins each time, so that what else the machine does hits all
    of them.
    """
    ns: dict[str, list[int]] = {name: [] for name in sides}
    order = deque(sides)
    for name in order:
        _block(sides[name], range(min(queries, _BLOCK)))
    for _ in range(rounds):
        for start in range(0, queries, _BLOCK):
            for name in order:
                ns[name] += _block(sides[name], range(start, min(queries, start + _BLOCK)))
            order.rotate(1)
    return {name: Times(np.array(taken) / 1e6) for name, taken in ns.items()}


def _block(side: Side, queries: range) -> list[int]:
    taken = []
    for query in queries:
        started = time.perf_counter_ns()
        side(query)
        taken.append(time.perf_counter_ns() - started)
    return taken
