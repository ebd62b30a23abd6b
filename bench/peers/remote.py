"""What travels: cold searches, adds from cold processes, refreshes of warm ones; each process timed from outside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from bench.peers.participants import Entry
from bench.peers.process import Heard
from bench.peers.results import Remote
from bench.peers.session import BATCH, Trial
from bench.s3.link import Counters


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    traffic: Counters
    end: dict[str, Any]
    recall: float = 0.0


def cold(trial: Trial, entry: Entry, effort: Any, linked: bool, runs: int) -> Remote:
    """Answer one query from nothing, `runs` times with different queries: spawn, import, read, search."""

    def once(number: int) -> _Run:
        endpoint = trial.store.limited(linked)
        with trial.run(entry, "cold", endpoint, query=trial.query(number), effort=effort) as process:
            answer = process.hear("answer")
            end = process.hear("end").facts
        return _Run(
            answer.at - process.started, trial.store.wire.take(), end, trial.recall(number, answer.facts["found"])
        )

    once(0)  # so that modules are compiled and files are in the system's cache
    return _remote(once, runs)


class Adds:
    """Adds to one side: each brings `BATCH` new rows, numbered on."""

    def __init__(self, trial: Trial, entry: Entry) -> None:
        self._trial, self._entry = trial, entry
        self._firsts: Iterator[int] = count(len(trial.vectors.base), BATCH)

    def add(self, linked: bool, runs: int) -> Remote:
        """Add from a new process that has imported what it needs and done nothing else."""
        return _remote(lambda _: self._once(linked), runs)

    def refresh(self, linked: bool, runs: int, effort: Any) -> Remote:
        """Search in a process whose index was changed by another one since its last search."""
        return _remote(lambda number: self._refreshed(linked, number, effort), runs)

    def _once(self, linked: bool) -> _Run:
        trial = self._trial
        batch, endpoint = str(trial.folder / "batch.npy"), trial.store.limited(linked)
        with trial.run(self._entry, "add", endpoint, batch=batch, first=next(self._firsts)) as process:
            process.hear("ready")
            trial.store.wire.take()
            told = process.tell()
            done: Heard = process.hear("done")
            end = process.hear("end").facts
        return _Run(done.at - told, trial.store.wire.take(), end)

    def _refreshed(self, linked: bool, number: int, effort: Any) -> _Run:
        trial, endpoint = self._trial, self._trial.store.limited(False)
        with trial.run(self._entry, "refresh", endpoint, query=trial.query(number), effort=effort) as process:
            process.hear("ready")
            self._once(linked=False)
            trial.store.limited(linked)
            told = process.tell()
            answer = process.hear("answer")
            end = process.hear("end").facts
        return _Run(answer.at - told, trial.store.wire.take(), end)


def _remote(once: Callable[[int], _Run], runs: int) -> Remote:
    done = [once(number) for number in range(runs)]
    middle = sorted(done, key=lambda run: run.seconds)[len(done) // 2]
    passed = [(run.traffic.requests, run.traffic.sent, run.traffic.received) for run in done]
    traffic = Counters(*(round(float(middle)) for middle in np.median(passed, axis=0)))
    return Remote(
        [run.seconds for run in done],
        traffic,
        max(run.end["peak"] for run in done),
        float(np.mean([run.recall for run in done])),
        middle.end["imported"],
        middle.end["told"],
    )
