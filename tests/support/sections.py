"""Sections whose bytes come when they are asked for, out of memory; and packed blobs put together without a store."""

import sys
from collections.abc import Iterable
from itertools import count

from tests.support import vectors as v
from tests.support.worlds import local_files
from vectord.cache.section_file import SectionFile
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.rows import Item
from vectord.index.sections.base import ByteRange, SectionRanges
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.envelope import Envelope

# Packed from the first row on, and never built anew unless asked.
PACKED = Thresholds(packed=1, tail_rows=1 << 30, part=256)

_numbers = count()
_files = local_files()


class Bringing:
    """Brings bytes of the sections that it made, and notes each round of what it brought."""

    def __init__(self, capacity: int = sys.maxsize) -> None:
        self.capacity = capacity
        self.rounds: list[list[ByteRange]] = []
        self._data: dict[SectionFile, bytes] = {}

    def section(self, data: bytes, name: str = "rows") -> SectionFile:
        """Return a section of which nothing is here yet."""
        file = _files.open(frame.section_entry(name, f"{next(_numbers)}", data))
        self._data[file] = data
        return file

    def __call__(self, *wanted: SectionRanges) -> None:
        brought = []
        for file, spans in wanted:
            for start, stop in file.missing(spans):
                file.write(start, self._data[file][start:stop])
                brought.append((start, stop))
        if brought:
            self.rounds.append(brought)

    @property
    def bytes(self) -> int:
        return sum(stop - start for spans in self.rounds for start, stop in spans)


def joined(encoded: PreparedBlob, before: bytes = b"") -> bytes:
    """Return the object that a store keeps after `encoded` was written over `before`."""
    start, stop = encoded.copied or (0, 0)
    return encoded.head + before[start:stop] + encoded.new_bytes


class Packed:
    """A packed index and the blob that holds it, commit by commit."""

    def __init__(self, index: Index, sizes: Thresholds = PACKED) -> None:
        self.sizes = sizes
        self.blob = b""
        self.index = index
        self.commit(index)

    def commit(self, index: Index, *, rebuild: bool | None = None) -> PreparedBlob:
        encoded = encode.encode(index, "t", f"commit-{next(_numbers)}", thresholds=self.sizes, rebuild=rebuild)
        self.blob = joined(encoded, self.blob)
        self.index = decode.open_blob(self.blob)
        return encoded

    def add(self, *items: Item) -> PreparedBlob:
        return self.commit(mutations.upsert(self.index, items)[0])

    def remove(self, *ids: str) -> PreparedBlob:
        return self.commit(mutations.remove(self.index, ids)[0])

    @property
    def envelope(self) -> Envelope:
        return frame.decode(self.blob)[0].envelope


def packed(items: Iterable[Item], dimension: int = 3, sizes: Thresholds = PACKED, **more: object) -> Packed:
    """Return a packed index of `items`, at least one."""
    return Packed(mutations.upsert(v.empty(dimension, **more), items)[0], sizes)
