"""Sections as views of mapped files: an index in a store on this machine is not copied into the section cache.

A section is whole once its checksum was compared. Before, a search reads ranges of it, and checks the rows and the
documents that it reads. So the first search does not wait for all bytes: each search checks some more of them. All
bytes of a small object are checked when it is opened.
All of this relies on a rule of the store: a file is replaced, and never changed in place.
"""

import sys
import zlib
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import Final
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import ByteRange, SectionRanges
from vectord.lhv1.frame import Data, Head, SectionEntry
from vectord.storage.base import MappedObject

_NOTHING: Final[Mapping[SectionEntry, Sequence[Data]]] = {}
_IN_MEMORY: Final = 1 << 20  # bytes of a section up to which a copy in memory is cheaper than another mapped file
_CHECKED_AT_ONCE: Final = 64 << 10  # bytes of an object, as many as are read of one in S3 at once


class MappedSection:
    """A section of which all bytes can be read. `source` is where they were mapped, None if they are in memory."""

    path: Final = None

    def __init__(self, entry: SectionEntry, data: Data, source: MappedObject | None, *, whole: bool) -> None:
        self._entry, self.source = entry, source
        self.buffer: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        self.whole = whole
        self._checked = self._crc32 = 0  # the bytes whose checksum was computed, and the checksum
        self._lock = Lock()

    @property
    def size(self) -> int:
        return len(self.buffer)

    def missing(self, ranges: Sequence[ByteRange] | None) -> list[ByteRange]:
        """Return the bytes that were not checked if the whole section is wanted; all bytes of `ranges` can be read."""
        return [] if self.whole or ranges is not None else [(self._checked, self.size)]

    def check(self, ranges: Sequence[ByteRange] | None) -> None:
        """Check the whole section (None), or those of `ranges` that start where the check has come to.

        Raises:
            BlobCorrupt: the section does not match its checksum.
        """
        with self._lock:
            for start, stop in ((self._checked, self.size),) if ranges is None else ranges:
                if start == self._checked and not self.whole:
                    self._crc32, self._checked = zlib.crc32(self.buffer[start:stop], self._crc32), stop
            if self._checked == self.size and not self.whole:
                self._compare()

    def _compare(self) -> None:
        found, self._crc32, self._checked = f"{self._crc32:08x}", 0, 0
        if found != self._entry.crc32:
            raise BlobCorrupt(f"its section {self._entry.name!r} does not match the checksum in the envelope")
        self.whole = True


class MappedFetch:
    """The `Fetch` of a mapped object: it reads nothing, and checks sections that are wanted whole, or read ahead."""

    capacity: Final = sys.maxsize
    is_local: Final = True

    def __call__(self, *wanted: SectionRanges) -> None:
        for section, ranges in wanted:
            if isinstance(section, MappedSection) and not section.whole:
                section.check(ranges)


class MappedSections:
    """The sections of mapped objects that are in use. Sections of equal content are one object."""

    def __init__(self) -> None:
        self._sections: WeakValueDictionary[SectionEntry, MappedSection] = WeakValueDictionary()
        self._lock = Lock()

    def of_object(
        self, mapped: MappedObject, head: Head, written: Mapping[SectionEntry, Sequence[Data]] = _NOTHING
    ) -> dict[SectionEntry, MappedSection]:
        """Return the sections of an object; those that this process has `written` into it need no check."""
        found = {}
        with self._lock:
            for entry, start in zip(head.envelope.sections, head.section_starts(), strict=True):
                section = self._sections.get(entry)
                if section is None or _was_changed_in_place(section, mapped):
                    section = _section(entry, mapped, start, written.get(entry))
                    if entry.id:
                        self._sections[entry] = section
                found[entry] = section
        return found


def check_small(mapped: MappedObject, sections: Iterable[MappedSection]) -> None:
    """Check all `sections` of an object that has few bytes.

    Raises:
        BlobCorrupt: a section does not match its checksum.
    """
    if len(mapped.data) <= _CHECKED_AT_ONCE:
        for section in sections:
            section.check(None)


def _section(entry: SectionEntry, mapped: MappedObject, start: int, written: Sequence[Data] | None) -> MappedSection:
    if written is not None and entry.bytes <= _IN_MEMORY:
        return MappedSection(entry, b"".join(written), None, whole=True)
    return MappedSection(entry, mapped.data[start : start + entry.bytes], mapped, whole=written is not None)


def _was_changed_in_place(section: MappedSection, mapped: MappedObject) -> bool:
    """Return True if the file of a section has another ETag than before."""
    before = section.source
    return before is not None and before.file == mapped.file and before.etag != mapped.etag
