"""The figures of the benchmark of an index in use, and their JSON file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from bench.use.measuring import State
from tools.command.paths import CACHE

RESULTS = CACHE / "bench" / "use.json"


@dataclass
class Load:
    """A load in batches: its seconds, and the bytes that were sent until its end, and by builds after it."""

    seconds: float
    sent: int
    built_seconds: float = 0.0
    sent_after: int = 0


@dataclass(frozen=True)
class Adds:
    """Many equal adds, with builds going on beside them: their number, seconds, and bytes sent for each."""

    count: int
    p50: float
    p99: float
    worst: float
    sent: float


@dataclass
class Side:
    """All figures of a participant; `states` by name."""

    name: str
    ours: bool
    load: Load
    efforts: list[str] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    adds: Adds | None = None
    bare_calls: float = 0.0  # seconds that an add's S3 calls take without the link
    compactions: list[str] = field(default_factory=list)


@dataclass
class InUse:
    """All figures of one run."""

    date: str
    machine: Mapping[str, str]
    data: str
    dimension: int
    rows: int
    batch: int
    changes: str
    sides: list[Side] = field(default_factory=list)

    @property
    def raw(self) -> int:
        """Bytes of the loaded rows as float32."""
        return self.rows * self.dimension * 4


def write(found: InUse, path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(asdict(found))))


def read(path: Path) -> InUse:
    """Read figures that `write` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=InUse)
