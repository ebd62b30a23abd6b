"""Measure the databases: loads in turn, then first searches in turn, then warm searches in alternating blocks."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from bench.embedded.database import F32, K
from bench.peers.process import Child, child

_MODULE: Final = "bench.embedded.child"
_BLOCK: Final = 20  # consecutive searches of one database
_THREADS: Final = os.cpu_count()  # each library uses all cores, as it does for its users


@dataclass(frozen=True, slots=True)
class Participant:
    """A database: its adapter, the efforts of its searches in ascending order, and how often it loads the rows.

    `default` is the effort of a first search.
    """

    name: str
    module: str
    library: str
    efforts: Sequence[Any]
    default: Any
    kind: str = ""
    loads: int = 5

    @property
    def file(self) -> str:
        return self.name.replace(" ", "-").lower()


@dataclass(frozen=True, slots=True)
class Load:
    """One load: seconds until the call returned, until a search had its answer, and until the disk had the rows too.

    Memory and disk are in bytes.
    """

    load: float
    searchable: float
    durable: float
    peak: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Build:
    """Seconds from the start of a load until its index was built, and what it took."""

    seconds: float
    peak: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Point:
    """Warm searches with one effort."""

    effort: Any
    recall: float
    p50: float
    p99: float


@dataclass
class Measured:
    """All figures of one database."""

    participant: Participant
    loads: list[Load] = field(default_factory=list)
    build: Build | None = None
    first: list[float] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    @property
    def load_seconds(self) -> float:
        """The median of the seconds until the call returned."""
        return median(one.load for one in self.loads)

    @property
    def searchable_seconds(self) -> float:
        """The median of the seconds until a search had its answer."""
        return median(one.searchable for one in self.loads)

    @property
    def durable_seconds(self) -> float:
        """The median of the seconds until a search had its answer and the disk had the rows."""
        return median(one.durable for one in self.loads)

    @property
    def load_peak(self) -> float:
        """The median of the bytes of memory that a load added at most."""
        return median(one.peak for one in self.loads)

    @property
    def load_bytes(self) -> float:
        """The median of the bytes on disk after a load."""
        return median(one.bytes for one in self.loads)

    @property
    def first_seconds(self) -> float:
        """The median of the seconds from the start of a process to the answer to its first search."""
        return median(self.first)

    def p50_at(self, recall: float) -> float:
        """Return the p50 of the fastest effort that reaches a recall, in milliseconds; infinite if none does."""
        return min((point.p50 for point in self.points if point.recall >= recall), default=inf)


class Session:
    """The rows and queries of one run, in `folder`, and the processes that use them."""

    def __init__(self, folder: Path, queries: F32, recall: Callable[[int, Sequence[int]], float]) -> None:
        """Use the files rows.npy and queries.npy of `folder`; `recall` judges the answer to a query."""
        self._folder, self._queries, self._recall = folder, queries, recall

    def loads(self, found: Sequence[Measured]) -> None:
        """Load into each database in turn, as often as it says, and build the index after its last load."""
        for number in range(max(each.participant.loads for each in found)):
            for each in found:
                if number < each.participant.loads:
                    self._load(each, build=number == each.participant.loads - 1)

    def firsts(self, found: Sequence[Measured], runs: int) -> None:
        """Start a process for each first search, in turn."""
        for number in range(runs):
            for each in found:
                participant = each.participant
                query = self._queries[number % len(self._queries)].tobytes().hex()
                with self._run(participant, "first", query=query, effort=participant.default) as process:
                    answer = process.receive("answer")
                    each.first.append(answer.at - process.started)
                    process.receive("end")
                if len(answer.facts["found"]) != K:
                    raise ValueError(f"{participant.name} found {answer.facts['found']}")

    def warm(self, found: Sequence[Measured]) -> None:
        """Search for all queries with every effort of every database, in alternating blocks."""
        with ExitStack() as stack:
            processes = {}
            for each in found:
                process = stack.enter_context(self._run(each.participant, "warm", effort=each.participant.default))
                process.receive("ready")
                processes[each.participant] = process
            for each in found:
                for effort in each.participant.efforts:  # some searches that are not counted
                    _block(processes[each.participant], effort, 0, 60)
            sides = [(each, effort, _Side()) for each in found for effort in each.participant.efforts]
            for start in range(0, len(self._queries), _BLOCK):
                for each, effort, side in sides:
                    block = _block(processes[each.participant], effort, start, start + _BLOCK)
                    side.ns += block["ns"]
                    side.found += block["found"]
            for process in processes.values():
                process.finish()
                process.receive("end")
        for each, effort, side in sides:
            ms = np.array(side.ns) / 1e6
            recall = float(np.mean([self._recall(query, rows) for query, rows in enumerate(side.found)]))
            each.points.append(Point(effort, recall, float(np.median(ms)), float(np.percentile(ms, 99))))

    def _load(self, each: Measured, *, build: bool) -> None:
        home = self._home(each.participant)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        with self._run(each.participant, "load", effort=each.participant.default, build=build) as process:
            process.receive("ready")
            process.send()
            facts = process.receive("loaded").facts
            each.loads.append(Load(**{field.name: facts[field.name] for field in fields(Load)}))
            if build:
                built = process.receive("built").facts
                each.build = Build(built["seconds"], built["peak"], built["bytes"])
            process.receive("end")

    def _run(self, participant: Participant, verb: str, **more: Any) -> AbstractContextManager[Child]:
        job = {
            "verb": verb,
            "module": participant.module,
            "kind": participant.kind,
            "folder": str(self._home(participant) / "data"),
            "rows": str(self._folder / "rows.npy"),
            "queries": str(self._folder / "queries.npy"),
            **more,
        }
        return child(json.loads(json.dumps(job)), self._folder, _THREADS, _MODULE)

    def _home(self, participant: Participant) -> Path:
        return self._folder / participant.file


@dataclass
class _Side:
    ns: list[int] = field(default_factory=list)
    found: list[list[int]] = field(default_factory=list)


def _block(process: Child, effort: Any, start: int, stop: int) -> dict[str, Any]:
    process.send(effort=effort, start=start, stop=stop)
    return process.receive("block").facts
