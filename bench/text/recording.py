"""A store in memory that records which bytes of its objects are read, and of which sections these are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vectord.lhv1 import frame
from vectord.storage.base import ByteRange, NotModified, ObjectHead
from vectord.storage.memory import MemoryStore

HEAD: Final = "head"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests, bytes, and rounds of requests that are sent together."""

    requests: int
    bytes: int
    rounds: int


class RecordingStore(MemoryStore):
    """Each round has the ranges that were read together; the first one of a search is its read of the head."""

    def __init__(self) -> None:
        super().__init__()
        self._rounds: list[list[ByteRange]] = []

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        self._rounds.append([(0, length)])
        return super().head(name, length, known_etag, version=version)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        if ranges:
            self._rounds.append(list(ranges))
        return super().read(name, etag, ranges, version=version)

    def take(self) -> list[list[ByteRange]]:
        """Return the rounds since the last call."""
        taken, self._rounds = self._rounds, []
        return taken


def places(blob: bytes) -> Mapping[str, ByteRange]:
    """Return where each section of a blob is that has no tail, and where what is before them is."""
    head = frame.decode_head(blob, len(blob))
    found = {HEAD: (0, head.body_start)}
    for entry, start in zip(head.envelope.sections, head.section_starts(), strict=True):
        found[entry.name] = (start, start + entry.bytes)
    return found


def traffic(rounds: Sequence[Sequence[ByteRange]], place: ByteRange) -> Traffic:
    """Return what was read of the bytes at a place; a request for other bytes beside them counts, too."""
    lengths = [[_common(each, place) for each in some] for some in rounds]
    flat = [length for some in lengths for length in some if length]
    return Traffic(len(flat), sum(flat), sum(any(some) for some in lengths))


def _common(one: ByteRange, other: ByteRange) -> int:
    return max(0, min(one[1], other[1]) - max(one[0], other[0]))
