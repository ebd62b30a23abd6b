"""What was measured, as values that survive a round trip through JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.s3.link import Counters
from tools.command.paths import CACHE, ROOT

DOCS = ROOT / "docs"
RESULTS = CACHE / "bench" / "peers.json"
ENOUGH = 0.95  # recall@10 that a cold search's effort is chosen for


@dataclass(frozen=True)
class Point:
    """One effort of a warm engine: recall@10, milliseconds."""

    effort: Any
    recall: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Remote:
    """One thing done over the link or without it: seconds of each run, the median run's traffic, bytes at the peak."""

    seconds: Sequence[float]
    traffic: Counters
    peak: int
    recall: float = 0.0
    imported: float = 0.0
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass
class Side:
    """All of one side; each mapping by what was done: `cold`, `cold raw`, `add`, `add raw`, `refresh`."""

    name: str
    ours: bool
    build_seconds: float = 0.0
    size: int = 0
    warm: Sequence[Point] = ()
    remote: dict[str, Remote] = field(default_factory=dict)

    @property
    def builds(self) -> bool:
        """Tell whether there is an index to build, not rows to be copied."""
        return self.name not in {"numpy scan", "faiss flat"}

    def at(self, recall: float) -> Point | None:
        """Return the fastest effort that reaches a recall."""
        return min((point for point in self.warm if point.recall >= recall), key=lambda point: point.p50, default=None)


@dataclass(frozen=True)
class Bare:
    """The calls of an add by multipart copy, made bare and without the link: seconds of each."""

    calls: Mapping[str, float]

    @property
    def seconds(self) -> float:
        return sum(self.calls.values())


@dataclass
class Comparison:
    """A whole run."""

    date: str
    machine: Mapping[str, str]
    data: str
    rows: int
    dimension: int
    overhead: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sides: list[Side] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    bare: Bare | None = None

    @property
    def raw(self) -> int:
        return self.rows * self.dimension * 4


def write(found: Comparison, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(asdict(found))))


def read(path: Path) -> Comparison:
    return msgspec.json.decode(path.read_bytes(), type=Comparison)
