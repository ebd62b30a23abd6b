"""The figures of a comparison, and their JSON file."""

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
ENOUGH = 0.95  # recall@10 that the effort of a cold search must reach


@dataclass(frozen=True)
class Point:
    """One effort of a warm engine: recall@10 and milliseconds."""

    effort: Any
    recall: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Remote:
    """One operation on storage: seconds of each run, the median traffic, peak memory in bytes."""

    seconds: Sequence[float]
    traffic: Counters
    peak: int
    recall: float = 0.0
    imported: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return median(self.seconds)


@dataclass
class Side:
    """All figures of a participant; `remote` has `cold`, `add`, `refresh`, and without link `cold raw`, `add raw`."""

    name: str
    ours: bool
    build_seconds: float = 0.0
    size: int = 0
    warm: Sequence[Point] = ()
    remote: dict[str, Remote] = field(default_factory=dict)

    @property
    def builds(self) -> bool:
        """Return True if there is an index to build; a scan only copies the rows."""
        return self.name not in {"numpy scan", "faiss flat"}

    def at(self, recall: float) -> Point | None:
        """Return the fastest effort that reaches a recall, or None."""
        return min((point for point in self.warm if point.recall >= recall), key=lambda point: point.p50, default=None)


@dataclass(frozen=True)
class BareCalls:
    """Seconds of each S3 call of an add by multipart copy, without the link and without vectord."""

    calls: Mapping[str, float]

    @property
    def seconds(self) -> float:
        return sum(self.calls.values())


@dataclass
class Comparison:
    """All figures of one run."""

    date: str
    machine: Mapping[str, str]
    data: str
    rows: int
    dimension: int
    overhead: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sides: list[Side] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    bare_calls: BareCalls | None = None

    @property
    def raw(self) -> int:
        return self.rows * self.dimension * 4


def write(found: Comparison, path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(asdict(found))))


def read(path: Path) -> Comparison:
    """Read figures that `write` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Comparison)
