"""A section in the cache: filled range by range, and checked once all of its bytes are present."""

import zlib
from collections.abc import Buffer
from pathlib import Path
from threading import Condition, Lock
from typing import Protocol

from vectord.cache.backing import Backing, Bytes, InMemory, OnDisk, Unallocated, is_disk_full
from vectord.cache.page_map import PageMap, Span, Spans
from vectord.errors import BlobCorrupt
from vectord.lhv1.envelope import SectionEntry


class Owner(Protocol):
    """What a section file needs of its cache. All methods but `touch` and `finished_path` need the lock."""

    @property
    def lock(self) -> Condition:
        """Guards the cache's table and the page maps of all files."""

    def touch(self, file: "SectionFile") -> None:
        """Note that the file was used."""

    def allocate(self, entry: SectionEntry) -> Backing:
        """Return room for the entry's bytes (> 0), on disk if possible."""

    def retain(self, file: "SectionFile") -> None:
        """Keep a file that received bytes, and evict others if the cache exceeds its bounds."""

    def free_disk_space(self, *, keep: "SectionFile") -> bool:
        """Evict one file that is on disk, but not `keep`; return False if there is none."""

    def discard(self, file: "SectionFile") -> None:
        """Remove the file from the cache and from the disk."""

    def finished_path(self, entry: SectionEntry) -> Path: ...


class SectionFile:
    """One section. Each `write` can change `buffer`, `whole` and `path`, so read them again after it."""

    def __init__(
        self, owner: Owner, entry: SectionEntry, backing: Backing | Unallocated, pages: PageMap, *, whole: bool
    ) -> None:
        self.entry, self.size = entry, entry.bytes
        self.backing = backing
        self.pages = pages
        self.whole = whole  # all bytes are present and the checksum is right
        self.last_used = 0
        self._owner = owner
        self._writers = 0
        self._verifying = Lock()

    @property
    def buffer(self) -> Bytes:
        """The bytes, read-only uint8 (size,), or (0,) before the first write. A missing page must not be read."""
        return self.backing.buffer

    @property
    def path(self) -> Path | None:
        """The file; None if the section is in memory or was evicted."""
        return self.backing.path

    def missing(self, spans: Spans | None) -> list[Span]:
        """Return what must be fetched for `spans`, None for all, as merged, ascending spans of whole pages.

        If all was requested and is present, `whole` is true on return.

        Raises:
            ValueError: a span is not within the section. Spans are not checked once the section is whole.
            BlobCorrupt: all bytes are present and do not match the checksum.
        """
        self._owner.touch(self)
        while not self.whole:
            with self._owner.lock:
                missing = self.pages.missing(spans)
            if missing or spans is not None:
                return missing
            self.verify_if_complete()  # another thread wrote the last page; if its bytes were wrong, all is missing
        return []

    def write(self, start: int, data: Buffer) -> None:
        """Store the pages that `data`, the bytes from `start` on, contains completely; verify a complete section.

        Raises:
            ValueError: the bytes are not within the section.
            BlobCorrupt: the section is complete and does not match its checksum; it was emptied.
            OSError: the disk failed. A full disk is not an error: other files are evicted, then memory is used.
        """
        view = memoryview(data).cast("B")
        first, last = self.pages.pages_inside(start, start + len(view))
        begin, end = self.pages.span(first, last)
        self._owner.touch(self)
        with self._owner.lock:
            # Present pages are never written again, so that no byte changes after the check.
            if self.pages.are_present(first, last):
                return
            self._writers += 1
        try:
            self._store(first, last, begin, view[begin - start : end - start])
        finally:
            with self._owner.lock:
                self._writers -= 1
                self._owner.lock.notify_all()
        self.verify_if_complete()

    def verify_if_complete(self) -> None:
        """Compare the checksum once, if all bytes are present; wait if another thread is doing so.

        Raises:
            BlobCorrupt: the bytes do not match the checksum.
        """
        if not self.pages.complete:
            return
        with self._verifying:
            with self._owner.lock:
                self._owner.lock.wait_for(lambda: not self._writers)
            if self.pages.complete and not self.whole:
                self._verify()

    def _store(self, first: int, last: int, begin: int, data: memoryview) -> None:
        while True:
            backing, full = self._allocated(), False
            try:
                backing.write(begin, data)
            except OSError as error:
                if not is_disk_full(error):
                    raise
                full = True
            with self._owner.lock:
                if backing is not self.backing:
                    continue  # meanwhile another thread moved the section to memory
                if not full:
                    self.pages.mark_present(first, last)
                    self._owner.retain(self)
                    return
                if not self._owner.free_disk_space(keep=self):
                    self._move_to_memory()

    def _allocated(self) -> Backing:
        """Return the backing; the first write allocates it."""
        with self._owner.lock:
            if isinstance(self.backing, Unallocated):
                self.backing = self._owner.allocate(self.entry)
            return self.backing

    def _move_to_memory(self) -> None:
        memory = InMemory(self.size)
        for start, stop in self.pages.present_spans():
            memory.write(start, self.buffer[start:stop].data)
        self.backing.remove()
        self.backing = memory

    def _verify(self) -> None:
        right = f"{zlib.crc32(self.buffer):08x}" == self.entry.crc32
        with self._owner.lock:
            if right:
                if isinstance(self.backing, OnDisk):
                    self.backing.rename(self._owner.finished_path(self.entry))
                self.whole = True
                return
            self._owner.discard(self)
            self.pages.clear()
        raise BlobCorrupt(f"its section {self.entry.name!r} does not match the checksum in the envelope")
