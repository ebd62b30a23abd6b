"""A section in the cache: filled range by range, and checked once all of its bytes are present.

A page map, one boolean per page, records which pages are present.
"""

import zlib
from collections.abc import Buffer, Iterator, Sequence
from itertools import chain
from pathlib import Path
from threading import Condition, Lock
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from vectord.cache.backing import Backing, Bytes, InMemory, OnDisk, Unallocated, finished_path, is_disk_full
from vectord.errors import BlobCorrupt
from vectord.lhv1.frame import SectionEntry

type ByteRange = tuple[int, int]  # start and stop in bytes
type ByteRanges = Sequence[ByteRange] | npt.NDArray[np.int64]  # an array (n, 2) saves 0.1 ms per thousand ranges

PAGE: Final = 4_096


class PageMap:
    """Which pages of a section of `size` bytes are present; the last page may be short."""

    def __init__(self, size: int, *, present: bool = False) -> None:
        self.size = size
        self._present: npt.NDArray[np.bool_] = np.full(-(-size // PAGE), present)
        self.present_bytes = size if present else 0

    @property
    def complete(self) -> bool:
        return self.present_bytes == self.size

    def pages_inside(self, start: int, stop: int) -> tuple[int, int]:
        """Return the first page, and one past the last page, that are completely within [start, stop).

        Raises:
            ValueError: the range is not within the section.
        """
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"bytes {start} to {stop} are not within a section of {self.size}")
        first = -(-start // PAGE)
        last = len(self._present) if stop == self.size else stop // PAGE
        return first, max(first, last)

    def byte_range(self, first: int, last: int) -> ByteRange:
        """Return the bytes of the pages `first` to `last` (exclusive)."""
        return min(first * PAGE, self.size), min(last * PAGE, self.size)

    def are_present(self, first: int, last: int) -> bool:
        return bool(self._present[first:last].all())

    def mark_present(self, first: int, last: int) -> None:
        if first < last:
            new = last - first - int(np.count_nonzero(self._present[first:last]))
            correction = self.size - PAGE * len(self._present)  # 0, or minus the bytes that the last page is short
            includes_last = last == len(self._present) and not self._present[-1]
            self.present_bytes += new * PAGE + (correction if includes_last else 0)
            self._present[first:last] = True

    def clear(self) -> None:
        self._present[:] = False
        self.present_bytes = 0

    def missing(self, ranges: ByteRanges | None) -> list[ByteRange]:
        """Return the missing pages of `ranges` (None: of the section) as merged, ascending ranges of whole pages.

        Raises:
            ValueError: a range is not within the section.
        """
        pages = np.flatnonzero(~self._present) if ranges is None else self._missing_in(*self._pages_touched(ranges))
        return self._ranges_of(pages) if len(pages) else []

    def present_ranges(self) -> list[ByteRange]:
        pages = np.flatnonzero(self._present)
        return self._ranges_of(pages) if len(pages) else []

    def _pages_touched(self, ranges: ByteRanges) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return for each range its first page and one past its last page, as int64 arrays."""
        if isinstance(ranges, np.ndarray):
            flat = ranges.reshape(-1)
        else:
            flat = np.fromiter(chain.from_iterable(ranges), np.int64, 2 * len(ranges))
        starts, stops = flat[::2], flat[1::2]
        lengths = stops - starts
        if len(flat) and (starts.min() < 0 or stops.max() > self.size or lengths.min() < 0):
            raise ValueError(f"a range is not within a section of {self.size} bytes")
        first = starts // PAGE
        return first, np.where(lengths > 0, (stops + (PAGE - 1)) // PAGE, first)

    def _missing_in(self, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the missing pages of the runs [first, last), ascending, without repetition."""
        if not len(first):
            return first
        order = np.argsort(first)
        first, reach = first[order], np.maximum.accumulate(last[order])
        # Merge runs that overlap or touch, so that the work depends on neither overlaps nor the size of the section.
        heads = np.flatnonzero(np.concatenate(([True], first[1:] > reach[:-1])))
        tails = np.concatenate((heads[1:], [len(first)])) - 1
        begin, lengths = first[heads], reach[tails] - first[heads]
        ends = np.cumsum(lengths)
        pages: npt.NDArray[np.int64] = np.arange(ends[-1]) + np.repeat(begin - ends + lengths, lengths)
        missing: npt.NDArray[np.int64] = pages[~self._present[pages]]
        return missing

    def _ranges_of(self, pages: npt.NDArray[np.int64]) -> list[ByteRange]:
        """Return the runs of ascending `pages` (at least one) as ranges of bytes."""
        breaks = np.flatnonzero(np.diff(pages) != 1)
        starts = pages[np.concatenate(([0], breaks + 1))] * PAGE
        stops = (pages[np.concatenate((breaks, [len(pages) - 1]))] + 1) * PAGE
        stops[-1] = min(int(stops[-1]), self.size)
        return list(zip(starts.tolist(), stops.tolist(), strict=True))


class Owner(Protocol):
    """The part of the cache that a section file uses. The caller of a method holds the lock."""

    @property
    def folder(self) -> Path:
        """The folder of the cache's files."""

    @property
    def lock(self) -> Condition:
        """Guards the cache's table and the page maps of all files."""

    @property
    def clock(self) -> Iterator[int]:
        """A counter of the uses of all files, which orders them by last use."""

    def allocate(self, entry: SectionEntry) -> Backing:
        """Allocate space for the entry's bytes (> 0), on disk if possible."""

    def retain(self, file: "SectionFile") -> None:
        """Add a file that received bytes to the cache, and evict others if the cache exceeds its bounds."""

    def free_disk_space(self, *, keep: "SectionFile") -> bool:
        """Evict the least recently used file on disk except `keep`; return False if there is none."""

    def discard(self, file: "SectionFile") -> None:
        """Remove the file from the cache and from the disk."""


class SectionFile:
    """One cached section. Each `write` can change `buffer`, `whole` and `path`: read them again after it."""

    def __init__(
        self, owner: Owner, entry: SectionEntry, backing: Backing | Unallocated, pages: PageMap, *, whole: bool
    ) -> None:
        self.entry, self.size = entry, entry.bytes
        self.backing = backing
        # The bytes, read-only uint8 (size,), or (0,) before the first write. A missing page must not be read.
        self.buffer: Bytes = backing.buffer
        self.pages = pages
        self.whole = whole  # all bytes are present and the checksum is right
        self.last_used = next(owner.clock)
        self._owner = owner
        self._writers = 0
        self._verify_lock = Lock()

    @property
    def path(self) -> Path | None:
        """The file; None if the section is in memory or was evicted."""
        return self.backing.path

    def missing(self, ranges: ByteRanges | None) -> list[ByteRange]:
        """Return the missing pages of `ranges` (None: of the section), as merged, ascending ranges of whole pages.

        If the whole section was requested and nothing is missing, `whole` is True on return.

        Raises:
            ValueError: a range is not within the section. Ranges are not checked once the section is whole.
            BlobCorrupt: all bytes are present and do not match the checksum.
        """
        self.last_used = next(self._owner.clock)
        while not self.whole:
            with self._owner.lock:
                missing = self.pages.missing(ranges)
            if missing or ranges is not None:
                return missing
            self.verify_if_complete()  # another thread wrote the last page; a wrong checksum clears all pages
        return []

    def write(self, start: int, data: Buffer) -> None:
        """Write the pages that are completely in `data`, the bytes from `start` on; verify a complete section.

        Raises:
            ValueError: the bytes are not within the section.
            BlobCorrupt: the section is complete and does not match its checksum; it was emptied.
            OSError: the disk failed. A full disk is not an error: other files are evicted, then memory is used.
        """
        view = memoryview(data).cast("B")
        first, last = self.pages.pages_inside(start, start + len(view))
        begin, end = self.pages.byte_range(first, last)
        self.last_used = next(self._owner.clock)
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
        """If all bytes are present, compare the checksum, once; wait if another thread is comparing it.

        Raises:
            BlobCorrupt: the bytes do not match the checksum.
        """
        if not self.pages.complete:
            return
        with self._verify_lock:
            with self._owner.lock:
                self._owner.lock.wait_for(lambda: not self._writers)
            if self.pages.complete and not self.whole:
                self._verify()

    def _store(self, first: int, last: int, begin: int, data: memoryview) -> None:
        """Write the pages `first` to `last` (exclusive) at offset `begin`; move to memory if the disk is full."""
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
                self.buffer = self.backing.buffer
            return self.backing

    def _move_to_memory(self) -> None:
        memory = InMemory(self.size)
        for start, stop in self.pages.present_ranges():
            memory.write(start, self.buffer[start:stop].data)
        self.backing.remove()
        self.backing, self.buffer = memory, memory.buffer

    def _verify(self) -> None:
        matches = f"{zlib.crc32(self.buffer):08x}" == self.entry.crc32
        with self._owner.lock:
            if matches:
                if isinstance(self.backing, OnDisk):
                    self.backing.rename(finished_path(self._owner.folder, self.entry))
                self.whole = True
                return
            self._owner.discard(self)
            self.pages.clear()
        raise BlobCorrupt(f"its section {self.entry.name!r} does not match the checksum in the envelope")
