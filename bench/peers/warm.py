"""Builds, and warm searches: each engine in its own process, all of them in turns."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from bench.peers.participants import Entry
from bench.peers.process import Child
from bench.peers.results import Point
from bench.peers.session import BUILD_THREADS, Trial

_BLOCK = 20  # searches in a row for one side
_WARM_UP = 5


def build(trial: Trial, entry: Entry) -> tuple[float, int]:
    """Build and publish one side; return the seconds to build and the bytes of what was built."""
    rows = str(trial.folder / "base.npy")
    with trial.run(entry, "build", trial.store.direct, BUILD_THREADS, rows=rows, effort=entry.efforts[0]) as process:
        built = process.hear("built").facts
        process.hear("end")
    return built["seconds"], built["bytes"]


def warm(trial: Trial, entries: Sequence[Entry], searches: int) -> dict[str, list[Point]]:
    """Search for the first `searches` queries with every effort of every side, a block of each in turns."""
    with ExitStack() as stack:
        queries = str(trial.folder / "queries.npy")
        processes = {
            entry: stack.enter_context(trial.run(entry, "warm", trial.store.direct, 1, queries=queries))
            for entry in entries
        }
        for process in processes.values():
            process.hear("ready")
        taken = {(entry, n): _Taken() for entry in entries for n in range(len(entry.efforts))}
        for (entry, n), side in taken.items():
            side.search(processes[entry], entry.efforts[n], 0, _WARM_UP)
            side.forget()
        for start in range(0, searches, _BLOCK):
            for (entry, n), side in taken.items():
                side.search(processes[entry], entry.efforts[n], start, min(searches, start + _BLOCK))
        for process in processes.values():
            process.finish()
            process.hear("end")
    return {
        entry.name: [taken[entry, n].point(trial, effort) for n, effort in enumerate(entry.efforts)]
        for entry in entries
    }


class _Taken:
    """The durations and answers of one effort, in the queries' order."""

    def __init__(self) -> None:
        self._ns: list[int] = []
        self._found: list[list[int]] = []

    def search(self, process: Child, effort: Any, start: int, stop: int) -> None:
        process.tell(effort=effort, start=start, stop=stop)
        block = process.hear("block").facts
        self._ns += block["ns"]
        self._found += block["found"]

    def forget(self) -> None:
        self._ns.clear()
        self._found.clear()

    def point(self, trial: Trial, effort: Any) -> Point:
        ms = np.array(self._ns) / 1e6
        recall = np.mean([trial.recall(query, found) for query, found in enumerate(self._found)])
        return Point(effort, float(recall), float(np.median(ms)), float(np.percentile(ms, 99)))
