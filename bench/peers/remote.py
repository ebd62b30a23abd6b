"""Operations over the link: cold searches, adds from new processes, refreshes of warm ones, timed by the parent."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from bench.peers.participants import Participant
from bench.peers.process import Event
from bench.peers.results import Remote
from bench.peers.session import BATCH, Session
from bench.s3.link import Counters


@dataclass(frozen=True, slots=True)
class _Run:
    seconds: float
    traffic: Counters
    end: dict[str, Any]
    recall: float = 0.0


def cold(session: Session, participant: Participant, effort: Any, linked: bool, runs: int) -> Remote:
    """Measure `runs` cold searches with different queries: process start, imports, reads and the search."""

    def once(number: int) -> _Run:
        endpoint = session.store.limited(linked)
        with session.run(participant, "cold", endpoint, query=session.query(number), effort=effort) as process:
            answer = process.receive("answer")
            end = process.receive("end").facts
        return _Run(
            answer.at - process.started, session.store.link.take(), end, session.recall(number, answer.facts["found"])
        )

    once(0)  # compiles modules and fills the file system's cache
    return _remote(once, runs)


class Adds:
    """Adds of one participant, each of `BATCH` new rows with the next numbers."""

    def __init__(self, session: Session, participant: Participant) -> None:
        self._session, self._participant = session, participant
        self._firsts: Iterator[int] = count(len(session.vectors.base), BATCH)

    def add(self, linked: bool, runs: int) -> Remote:
        """Measure adds from new processes that have finished their imports."""
        return _remote(lambda _: self._once(linked), runs)

    def refresh(self, linked: bool, runs: int, effort: Any) -> Remote:
        """Measure a search in a process after another process has changed the index."""
        return _remote(lambda number: self._refreshed(linked, number, effort), runs)

    def _once(self, linked: bool) -> _Run:
        session = self._session
        batch, endpoint = str(session.folder / "batch.npy"), session.store.limited(linked)
        with session.run(self._participant, "add", endpoint, batch=batch, first=next(self._firsts)) as process:
            process.receive("ready")
            session.store.link.take()
            sent = process.send()
            done: Event = process.receive("done")
            end = process.receive("end").facts
        return _Run(done.at - sent, session.store.link.take(), end)

    def _refreshed(self, linked: bool, number: int, effort: Any) -> _Run:
        session, endpoint = self._session, self._session.store.limited(False)
        with session.run(self._participant, "refresh", endpoint, query=session.query(number), effort=effort) as process:
            process.receive("ready")
            self._once(linked=False)
            session.store.limited(linked)
            sent = process.send()
            answer = process.receive("answer")
            end = process.receive("end").facts
        return _Run(answer.at - sent, session.store.link.take(), end)


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
        middle.end["details"],
    )
