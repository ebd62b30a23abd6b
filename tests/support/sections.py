"""Sections that are fetched from memory on demand, and packed blobs that are built without a store."""

import sys
from collections.abc import Iterable
from itertools import count

from tests.support import vectors as v
from tests.support.services import new_section_cache
from vectord.cache.section_file import SectionFile
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.rows import Item
from vectord.index.sections.base import ByteRange, MemorySection, SectionRanges
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope

# The packed form from the first row on; an index is rebuilt only on request.
PACKED = Thresholds(packed=1, tail_rows=1 << 30, part=256)

_numbers = count()
_files = new_section_cache()


class UnverifiedSection(MemorySection):
    """A section whose bytes are all present, but whose checksum could not be compared yet."""

    whole = False


class RecordingFetch:
    """Fetches bytes of sections that it created, and records the ranges of each round."""

    is_local = False

    def __init__(self, capacity: int = sys.maxsize) -> None:
        self.capacity = capacity
        self.rounds: list[list[ByteRange]] = []
        self._data: dict[SectionFile, bytes] = {}

    def section(self, data: bytes, name: str = "rows") -> SectionFile:
        """Return a section of which all bytes are missing."""
        file = _files.open(frame.section_entry(name, f"{next(_numbers)}", data))
        self._data[file] = data
        return file

    def __call__(self, *wanted: SectionRanges) -> None:
        fetched = []
        for file, spans in wanted:
            for start, stop in file.missing(spans):
                file.write(start, self._data[file][start:stop])
                fetched.append((start, stop))
        if fetched:
            self.rounds.append(fetched)

    @property
    def bytes(self) -> int:
        return sum(stop - start for spans in self.rounds for start, stop in spans)


def stored_object(encoded: PreparedBlob, before: bytes = b"") -> bytes:
    """Return the object that a store has after `encoded` was written over `before`."""
    start, stop = encoded.copied or (0, 0)
    return encoded.front + before[start:stop]


class PackedIndex:
    """A packed index and its blob after each commit."""

    def __init__(self, index: Index, thresholds: Thresholds = PACKED) -> None:
        self.thresholds = thresholds
        self.blob = b""
        self.index = index
        self.commit(index)

    def branch(self) -> "PackedIndex":
        """Return an index of its own in the same state."""
        other = PackedIndex.__new__(PackedIndex)
        other.thresholds, other.blob, other.index = self.thresholds, self.blob, decode.open_blob(self.blob)
        return other

    def commit(self, index: Index, *, rebuild: bool | None = None) -> PreparedBlob:
        encoded = encode.encode(index, "t", f"commit-{next(_numbers)}", thresholds=self.thresholds, rebuild=rebuild)
        self.blob = stored_object(encoded, self.blob)
        self.index = decode.open_blob(self.blob)
        return encoded

    def add(self, *items: Item) -> PreparedBlob:
        return self.commit(mutations.upsert(self.index, items)[0])

    def remove(self, *ids: str) -> PreparedBlob:
        return self.commit(mutations.remove(self.index, ids)[0])

    @property
    def envelope(self) -> Envelope:
        return frame.decode(self.blob)[0].envelope


def cold(blob: bytes, capacity: int = 1) -> tuple[Index, RecordingFetch]:
    """Return an index as a function opens it that has nothing cached, and by default no room for all of it."""
    head, sections = frame.decode(blob)
    fetch = RecordingFetch(capacity)
    return decode.open_head(head, lambda entry: fetch.section(bytes(sections[entry]), entry.name), fetch), fetch


def packed(items: Iterable[Item], dimension: int = 3, thresholds: Thresholds = PACKED, **more: object) -> PackedIndex:
    """Return a packed index of `items`, at least one."""
    return PackedIndex(mutations.upsert(v.empty(dimension, **more), items)[0], thresholds)
