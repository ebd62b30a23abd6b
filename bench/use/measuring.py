"""Measurements of one state of an index: cold and warm searches, and their recall over the rows that are in it."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data import Truth, truth
from bench.measure import Times
from bench.peers.adapters.peer import F32
from bench.peers.process import Child
from bench.s3.stand_in import BUCKET
from bench.use.participants import Running

_BLOCK = 20  # consecutive warm searches of one participant


@dataclass(frozen=True)
class Cold:
    """Cold searches: seconds of each, bytes received and requests of the median one, and their mean recall."""

    seconds: Sequence[float]
    received: float
    requests: float
    recall: float

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass(frozen=True)
class Warm:
    """Warm searches: milliseconds, and recall."""

    p50: float
    p99: float
    recall: float


@dataclass(frozen=True)
class _Search:
    seconds: float
    received: int
    requests: int
    recall: float


@dataclass
class State:
    """A state of one participant's index; `cold` and `warm` have an entry for each effort."""

    name: str
    rows: int
    size: int
    cold: list[Cold] = field(default_factory=list)
    warm: list[Warm] = field(default_factory=list)


@dataclass(frozen=True)
class Queries:
    """Queries, and their true answers among the `live` rows of `vectors`."""

    vectors: F32
    queries: F32
    live: npt.NDArray[np.int64]
    true: Truth

    @classmethod
    def over(cls, vectors: F32, queries: F32, live: npt.NDArray[np.int64]) -> "Queries":
        return cls(vectors, queries, live, truth(vectors[live], queries))

    def recall(self, query: int, found: Sequence[int]) -> float:
        """Return recall@10; a row that is not live counts as missed."""
        rows = np.array([row for row in found if row in self._present], np.int64)
        return self.true.recall(self.vectors, query, rows) if len(rows) else 0.0

    @cached_property
    def _present(self) -> frozenset[int]:
        return frozenset(self.live.tolist())


def measure(
    name: str, sides: Sequence[Running], queries: Queries, runs: int, *, warm_up: bool = False
) -> Mapping[str, State]:
    """Measure a state of all sides, which alternate search by search or block by block.

    With `warm_up`, a first cold search is not counted: it compiles modules and fills the file system's cache.
    """
    states = {side.participant.name: State(name, len(queries.live), side.size()) for side in sides}
    for position in range(max(len(side.participant.efforts) for side in sides)):
        for side, cold in zip(
            sides, _cold(sides, position, queries, runs, warm_up=warm_up and not position), strict=True
        ):
            states[side.participant.name].cold.append(cold)
    for side, warm in zip(sides, _warm(sides, queries, name), strict=True):
        states[side.participant.name].warm = warm
    return states


def _cold(sides: Sequence[Running], position: int, queries: Queries, runs: int, *, warm_up: bool) -> list[Cold]:
    done: list[list[_Search]] = [[] for _ in sides]
    for number in range(-1 if warm_up else 0, runs):
        for side, taken in zip(sides, done, strict=True):
            found = _cold_once(side, position, queries, max(0, number))
            if number >= 0:
                taken.append(found)
    return [_summary(taken) for taken in done]


def _summary(taken: Sequence[_Search]) -> Cold:
    return Cold(
        [search.seconds for search in taken],
        float(median(search.received for search in taken)),
        float(median(search.requests for search in taken)),
        float(np.mean([search.recall for search in taken])),
    )


def _cold_once(side: Running, position: int, queries: Queries, number: int) -> _Search:
    number %= len(queries.queries)
    side.store.limited(linked=True)
    query = queries.queries[number].tobytes().hex()
    job = {"verb": "cold", "query": query, "effort": side.participant.efforts[position]}
    with side.run("bench.peers.child", **job) as process:
        answer = process.receive("answer")
        process.receive("end")
    traffic = side.store.link.take()
    recall = queries.recall(number, answer.facts["found"])
    return _Search(answer.at - process.started, traffic.received, traffic.requests, recall)


def _warm(sides: Sequence[Running], queries: Queries, state: str) -> list[list[Warm]]:
    """Search copies of the indexes on the disk, after one pass over all queries."""
    file, count = sides[0].folder / "queries.npy", len(queries.queries)
    np.save(file, queries.queries)
    taken: list[list[_Searches]] = [[_Searches() for _ in side.participant.efforts] for side in sides]
    with ExitStack() as stack:
        processes: list[Child] = []
        for side in sides:
            folder = side.folder / state.replace(" ", "-")
            download(side, folder)
            opened = side.run("bench.peers.child", folder=folder, verb="warm", queries=str(file))
            processes.append(stack.enter_context(opened))
            processes[-1].receive("ready")
        for timed in (False, True):
            for start in range(0, count, _BLOCK):
                for side, process, searches in zip(sides, processes, taken, strict=True):
                    for effort, one in zip(side.participant.efforts, searches, strict=True):
                        one.search(process, effort, start, min(count, start + _BLOCK), timed)
        for process in processes:
            process.finish()
            process.receive("end")
    return [[one.warm(queries) for one in searches] for searches in taken]


class _Searches:
    """The durations and the answers of one effort, in the order of the queries."""

    def __init__(self) -> None:
        self._ns: list[int] = []
        self._found: list[list[int]] = []

    def search(self, process: Child, effort: Any, start: int, stop: int, timed: bool) -> None:
        process.send(effort=effort, start=start, stop=stop)
        block = process.receive("block").facts
        if timed:
            self._ns += block["ns"]
            self._found += block["found"]

    def warm(self, queries: Queries) -> Warm:
        times = Times(np.array(self._ns) / 1e6)
        recall = np.mean([queries.recall(number, found) for number, found in enumerate(self._found)])
        return Warm(times.p50, times.p99, float(recall))


def download(side: Running, folder: Path) -> None:
    """Copy the objects of an index from the bucket to where the participant's `warm` expects them."""
    s3, prefix = side.store.s3, side.key
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    for item in (item for page in listed for item in page.get("Contents", ())):
        relative = Path(item["Key"]).name if side.participant.ours else "built" + item["Key"].removeprefix(prefix)
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, item["Key"], str(target))
