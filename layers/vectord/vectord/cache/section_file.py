"""One section of a blob as it lies here: filled piece by piece, checked once it is whole."""

import zlib
from collections.abc import Buffer
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vectord.cache import directory as folders
from vectord.cache.backing import Backing, InMemory, Nothing, OnDisk, no_room
from vectord.cache.page_map import Pages, Span, Spans
from vectord.errors import BlobCorrupt
from vectord.lhv1.frame import SectionEntry

if TYPE_CHECKING:
    from vectord.cache.section_cache import SectionCache


class SectionFile:
    """One section. `buffer`, `whole` and `path` can change with each `write`: ask for them after it."""

    def __init__(self, files: "SectionCache", entry: SectionEntry, backing: Backing | Nothing, *, whole: bool) -> None:
        self.entry, self.size = entry, entry.bytes
        self.backing = backing
        self.pages = Pages(entry.bytes, present=whole)
        self.whole = whole  # every byte is present and the crc32 is right
        self.stamp = 0
        self._files = files
        self._writers = 0
        self._settling = Lock()

    @property
    def buffer(self) -> npt.NDArray[np.uint8]:
        """The bytes, read-only uint8 (size,), (0,) before the first of them; a missing page must not be read."""
        return self.backing.buffer

    @property
    def path(self) -> Path | None:
        """The file, or None when the section lies in memory or was evicted."""
        return self.backing.path

    def missing(self, spans: Spans | None) -> list[Span]:
        """Return what to fetch for `spans`, None for all: whole pages (the last may be short), merged, ascending.

        When all is asked for and present, `whole` is true on return.

        Raises:
            ValueError: a span is not within the section (not looked at once it is whole).
            BlobCorrupt: all is present and not what was written.
        """
        self._files.touch(self)
        while not self.whole:
            with self._files.lock:
                absent = self.pages.missing(spans)
            if absent or spans is not None:
                return absent
            self.settle()  # another thread wrote the last page, or its bytes were wrong and all is missing again
        return []

    def write(self, start: int, data: Buffer) -> None:
        """Store the pages that lie wholly in `data`, bytes from `start` on; check the section once all is present.

        Raises:
            ValueError: the bytes are not within the section.
            BlobCorrupt: the section is complete and not what was written; it was dropped and starts afresh.
            OSError: the disk failed, but for want of room: then others are evicted, and in the end memory is taken.
        """
        view = memoryview(data).cast("B")
        first, last = self.pages.covered(start, start + len(view))
        begin, end = self.pages.span(first, last)
        self._files.touch(self)
        with self._files.lock:
            # What is present is never written again, so that nothing changes after its check.
            if self.pages.has(first, last):
                return
            self._writers += 1
        try:
            self._fill(first, last, begin, view[begin - start : end - start])
        finally:
            with self._files.lock:
                self._writers -= 1
                self._files.lock.notify_all()
        self.settle()

    def settle(self) -> None:
        """Check the crc32 if every byte is present and nobody did; wait for who is at it.

        Raises:
            BlobCorrupt: the bytes are not what was written.
        """
        if not self.pages.complete:
            return
        with self._settling:
            with self._files.lock:
                self._files.lock.wait_for(lambda: not self._writers)
            if self.pages.complete and not self.whole:
                self._judge()

    def _fill(self, first: int, last: int, begin: int, data: memoryview) -> None:
        while True:
            backing, full = self._place(), False
            try:
                backing.write(self._files.disk, begin, data)
            except OSError as error:
                if not no_room(error):
                    raise
                full = True
            with self._files.lock:
                if backing is not self.backing:
                    continue  # another thread moved the section to memory meanwhile
                if not full:
                    self.pages.mark(first, last)
                    self._files.keep(self)
                    return
                if not self._files.relieve(keep=self):
                    self._move_to_memory()

    def _place(self) -> Backing:
        """Return where the bytes go: the first ones make the file."""
        with self._files.lock:
            if isinstance(self.backing, Nothing):
                self.backing = self._files.blank(self.entry)
            return self.backing

    def _move_to_memory(self) -> None:
        memory = InMemory(self.size)
        for start, stop in self.pages.present_spans():
            memory.write(self._files.disk, start, self.buffer[start:stop].data)
        self.backing.remove()
        self.backing = memory

    def _judge(self) -> None:
        right = f"{zlib.crc32(self.buffer):08x}" == self.entry.crc32
        with self._files.lock:
            if right:
                if isinstance(self.backing, OnDisk):
                    self.backing.rename(folders.finished_path(self._files.folder, self.entry))
                self.whole = True
                return
            self._files.forget(self)
            self.pages.clear()
        raise BlobCorrupt(f"its section {self.entry.name!r} does not match the section's crc32")
