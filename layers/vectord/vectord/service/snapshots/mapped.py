"""Sections as views of mapped files: an index in a store on this machine is not copied into the section cache.

A section is verified when the whole of it is requested for the first time; before, a reader checks the ranges that it
reads. Every access after a verification relies on a rule of the store: a file is replaced, and never changed in place.
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Final
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from vectord.lhv1 import frame
from vectord.lhv1.frame import Data, Head, SectionEntry
from vectord.storage.base import MappedObject

type ByteRange = tuple[int, int]  # start and stop in bytes

_NOTHING: Final[Mapping[SectionEntry, Data]] = {}
_IN_MEMORY: Final = 1 << 20  # bytes of a section up to which a copy in memory is cheaper than another mapped file


class MappedSection:
    """A section of which all bytes can be read. `source` is where they were mapped, None if they are in memory."""

    path: Final = None

    def __init__(self, entry: SectionEntry, data: Data, source: MappedObject | None, *, whole: bool) -> None:
        self._entry, self.source = entry, source
        self.buffer: npt.NDArray[np.uint8] = np.frombuffer(data, np.uint8)
        self.whole = whole  # its checksum is right

    @property
    def size(self) -> int:
        return len(self.buffer)

    def missing(self, ranges: Sequence[ByteRange] | None) -> list[ByteRange]:
        """Return no range; if the whole section is requested, verify it.

        Raises:
            BlobCorrupt: it does not match its checksum.
        """
        if ranges is None and not self.whole:
            frame.check_section(self._entry, self.buffer.data)
            self.whole = True
        return []


class MappedSections:
    """The sections of mapped objects that are in use. Sections of equal content are one object."""

    def __init__(self) -> None:
        self._sections: WeakValueDictionary[SectionEntry, MappedSection] = WeakValueDictionary()
        self._lock = Lock()

    def of_object(
        self, mapped: MappedObject, head: Head, written: Mapping[SectionEntry, Data] = _NOTHING
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


def _section(entry: SectionEntry, mapped: MappedObject, start: int, written: Data | None) -> MappedSection:
    if written is not None and entry.bytes <= _IN_MEMORY:
        return MappedSection(entry, bytes(written), None, whole=True)
    return MappedSection(entry, mapped.data[start : start + entry.bytes], mapped, whole=written is not None)


def _was_changed_in_place(section: MappedSection, mapped: MappedObject) -> bool:
    """Return True if the file of a section has another ETag than before."""
    before = section.source
    return before is not None and before.file == mapped.file and before.etag != mapped.etag
