"""What every benchmark measures with: clocks for a noisy machine, the peak memory, and the facts about the machine."""

import os
import platform
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt

Side = Callable[[int], object]

_BLOCK = 20  # consecutive calls of one side, so that its data is in the processor's caches


@dataclass(frozen=True, slots=True)
class Times:
    """The durations of many equal calls in milliseconds."""

    ms: npt.NDArray[np.float64]

    @property
    def p50(self) -> float:
        return float(np.median(self.ms))

    @property
    def p99(self) -> float:
        return float(np.percentile(self.ms, 99))


def best[T](work: Callable[[], T], runs: int) -> tuple[float, T]:
    """Return the seconds of the fastest of `runs` runs, and the result of the last one."""
    seconds = float("inf")
    for _ in range(runs):
        started = time.perf_counter()
        result = work()
        seconds = min(seconds, time.perf_counter() - started)
    return seconds, result


def alternating(sides: Mapping[str, Side], queries: int, rounds: int) -> dict[str, Times]:
    """Time each side on queries 0 to `queries` - 1, `rounds` times.

    The sides alternate every few calls, in a rotating order, so that other load on the machine affects all of them.
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


def machine() -> list[tuple[str, str]]:
    """Return facts about the machine by name, which a report prints beside its figures."""
    threads = os.environ["OPENBLAS_NUM_THREADS"]
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "annoy", "msgspec", "boto3"))
    load = ", ".join(f"{load:.2f}" for load in os.getloadavg())
    return [
        ("processor", _processor()),
        ("cores", f"{os.cpu_count()}, of which one is used (OPENBLAS_NUM_THREADS={threads})"),
        ("load before", load),
        ("system", platform.platform()),
        ("python", platform.python_version()),
        ("packages", versions),
    ]


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
