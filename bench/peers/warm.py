"""Builds and warm searches: each engine in its own process, alternating."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from bench.peers.participants import Participant
from bench.peers.process import Child
from bench.peers.results import Point
from bench.peers.session import BUILD_THREADS, Session

_BLOCK = 20  # consecutive searches of one participant
_WARM_UP = 5


def build(session: Session, participant: Participant) -> tuple[float, int]:
    """Build and upload the index of one participant; return the seconds of the build and the size in bytes."""
    rows = str(session.folder / "base.npy")
    with session.run(
        participant, "build", session.store.direct, BUILD_THREADS, rows=rows, effort=participant.efforts[0]
    ) as process:
        built = process.receive("built").facts
        process.receive("end")
    return built["seconds"], built["bytes"]


def warm(session: Session, participants: Sequence[Participant], searches: int) -> dict[str, list[Point]]:
    """Search for the first `searches` queries with every effort of every participant, in alternating blocks."""
    with ExitStack() as stack:
        queries = str(session.folder / "queries.npy")
        processes = {
            participant: stack.enter_context(session.run(participant, "warm", session.store.direct, 1, queries=queries))
            for participant in participants
        }
        for process in processes.values():
            process.receive("ready")
        taken = {(participant, n): _Measured() for participant in participants for n in range(len(participant.efforts))}
        for (participant, n), side in taken.items():
            side.search(processes[participant], participant.efforts[n], 0, _WARM_UP)
            side.reset()
        for start in range(0, searches, _BLOCK):
            for (participant, n), side in taken.items():
                side.search(processes[participant], participant.efforts[n], start, min(searches, start + _BLOCK))
        for process in processes.values():
            process.finish()
            process.receive("end")
    return {
        participant.name: [taken[participant, n].point(session, effort) for n, effort in enumerate(participant.efforts)]
        for participant in participants
    }


class _Measured:
    """The durations and answers of one effort, in the order of the queries."""

    def __init__(self) -> None:
        self._ns: list[int] = []
        self._found: list[list[int]] = []

    def search(self, process: Child, effort: Any, start: int, stop: int) -> None:
        process.send(effort=effort, start=start, stop=stop)
        block = process.receive("block").facts
        self._ns += block["ns"]
        self._found += block["found"]

    def reset(self) -> None:
        self._ns.clear()
        self._found.clear()

    def point(self, session: Session, effort: Any) -> Point:
        ms = np.array(self._ns) / 1e6
        recall = np.mean([session.recall(query, found) for query, found in enumerate(self._found)])
        return Point(effort, float(recall), float(np.median(ms)), float(np.percentile(ms, 99)))
