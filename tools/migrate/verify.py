"""Compare a copy with its source: every key, the counts, and a sample of vectors byte for byte."""

import json
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

from tools.migrate.rows import Rows
from tools.migrate.source import GET, PAGE, Source, Vector
from tools.migrate.workers import Workers

SAMPLE = 200  # vectors
NAMED = 10  # keys that the outcome names
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Outcome:
    """Counts, and the first keys, of what differs."""

    source: int
    destination: int
    missing: int
    compared: int
    different: Sequence[str] = ()
    missing_keys: Sequence[str] = ()

    @property
    def extra(self) -> int:
        """Vectors of the destination that the source does not have."""
        return self.destination - (self.source - self.missing)

    @property
    def equal(self) -> bool:
        """True if no difference was found."""
        return not (self.missing or self.extra or self.different)


@dataclass
class _Found:
    """What the threads found so far."""

    count: int = 0
    missing: int = 0
    missing_keys: list[str] = field(default_factory=list)
    sample: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, keys: Sequence[str], missing: Sequence[str], chance: random.Random) -> None:
        """Count a page, and keep each key in the sample with the same probability (reservoir sampling)."""
        with self.lock:
            self.missing += len(missing)
            self.missing_keys += missing[: NAMED - len(self.missing_keys)]
            absent = set(missing)
            for key in keys:
                self.count += 1
                if key in absent:
                    continue
                if len(self.sample) < SAMPLE:
                    self.sample.append(key)
                elif (place := chance.randrange(self.count)) < SAMPLE:
                    self.sample[place] = key


def verify(
    source: Source,
    rows: Rows,
    segments: int,
    show: Callable[[int], None] = lambda _: None,
    chance: random.Random | None = None,
) -> Outcome:
    """List the keys of the source again and look each of them up in the copy; compare a sample as a whole.

    Raises:
        MigrationFailed: the source or the destination refused a request, or does not answer.
    """
    found, chance = _Found(), chance or random.Random()

    def check(segment: int, stop: Event) -> None:
        token: str | None = None
        first = True
        while not stop.is_set() and (first or token):
            page = source.page(segment, segments, token, whole=False)
            token, first = page.token, False
            keys = [one["key"] for one in page.vectors]
            for part in _parts(keys, PAGE):
                found.add(part, rows.missing(part), chance)
            show(found.count)

    with Workers(check, range(segments)) as workers:
        workers.wait(POLL_SECONDS)
    different = [key for part in _parts(found.sample, GET) for key in _differing(source, rows, part)]
    return Outcome(found.count, rows.count(), found.missing, len(found.sample), different[:NAMED], found.missing_keys)


def _parts(keys: Sequence[str], size: int) -> list[Sequence[str]]:
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def _differing(source: Source, rows: Rows, keys: Sequence[str]) -> list[str]:
    """Return the keys whose float32 bytes or metadata differ."""
    ours = {key: (floats, _canonical(metadata)) for key, (floats, metadata) in rows.get(keys).items()}
    return [one["key"] for one in source.vectors(keys) if ours.get(one["key"]) != _as_stored(one)]


def _as_stored(vector: Vector) -> tuple[bytes, str]:
    floats = vector["data"]["float32"]
    return struct.pack(f"<{len(floats)}f", *floats), _canonical(vector.get("metadata") or {})


def _canonical(metadata: Any) -> str:
    """Return JSON text in which equal metadata is equal: keys in order, true apart from 1."""
    return json.dumps(metadata, sort_keys=True)
