"""The figures of the study of searches by words, and their JSON file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from tools.command.paths import CACHE

RESULTS = CACHE / "bench" / "text.json"


@dataclass(frozen=True)
class LibraryFigures:
    """One library: seconds of its build, bytes over those of the texts, milliseconds of searches, and overlap@10."""

    name: str
    ours: bool
    cpu: float
    wall: float
    size: float
    p50: float
    p99: float
    overlap: float


@dataclass(frozen=True)
class Check:
    """A figure of vectord alone, with the limit that it must not exceed; `at_least`: must reach. None: no limit."""

    name: str
    value: float
    limit: float | None = None
    unit: str = ""
    at_least: bool = False
    note: str = ""

    @property
    def holds(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True)
class Quality:
    """nDCG@10 of one judged collection. Without a model there are no vectors, and only words are searched for."""

    collection: str
    documents: int
    queries: int
    words: float
    vector: float | None = None
    hybrid: float | None = None


@dataclass
class TextStudy:
    """All figures of one run."""

    date: str
    machine: Mapping[str, str]
    corpus: str
    passages: int
    bytes: int
    queries: int
    libraries: list[LibraryFigures] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[Check]:
        return [check for check in self.checks if not check.holds]


def write(found: TextStudy, path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(asdict(found))))


def read(path: Path) -> TextStudy:
    """Read figures that `write` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=TextStudy)
