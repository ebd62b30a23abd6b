"""Bounded local storage for sections: each a file that is filled piece by piece, the least recently used go first."""

import zlib
from collections.abc import Buffer
from itertools import count
from pathlib import Path
from threading import Condition, Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.frame import SectionEntry
from vectord.local import folder as folders
from vectord.local.backing import Backing, Disk, InMemory, Nothing, OnDisk, no_room, remove_unless_held
from vectord.local.pages import Pages, Span, Spans

type _Key = tuple[str, int, str]

MOST: Final = 10_000  # where the system sets no limit


class LocalFiles:
    """Section files in `folder`, made if absent; those in use hold `budget` bytes at most, or one file of any size.

    `most` are open at once, and one more for each thread that fills one. A file that goes while a search holds it stays
    valid, and takes its space, until the search lets go.
    """

    def __init__(self, folder: Path, budget: int, disk: Disk | None = None, *, most: int = MOST) -> None:
        self.folder, self.budget, self.disk, self.most = folder, budget, disk or Disk(), most
        self.lock = Condition(Lock())  # guards the table and every file's pages
        self._table: dict[_Key, LocalFile] = {}
        self._clock = count()
        self._unopened = folders.tidy(folder)

    @property
    def used(self) -> int:
        """Return the bytes present now, in finished files that nobody opened here yet too."""
        with self.lock:
            return self._used()

    def open(self, entry: SectionEntry) -> "LocalFile":
        """Return the one file of the entry's content (id, bytes, crc32): as it stands, finished earlier, or empty.

        Raises:
            BlobCorrupt: the entry has 0 bytes and another crc32 than nothing has.
            OSError: the folder cannot be used.
        """
        key = _key(entry)
        with self.lock:
            known = self._table.get(key)
        if known is None:
            known = self._admit(key, entry)
        self.touch(known)
        if not entry.bytes:
            known.settle()
        return known

    def touch(self, file: "LocalFile") -> None:
        file.stamp = next(self._clock)

    def holds(self, file: "LocalFile") -> bool:
        """Tell whether the file is kept; one that was evicted works on, and holds its space until it is let go."""
        return self._table.get(_key(file.entry)) is file

    def trim(self, keep: "LocalFile") -> None:
        """Bring what is present down to the bounds, at the cost of any file but `keep`. Call it under the lock."""
        while self._used() > self.budget and self._evict_one(keep):
            pass
        while sum(isinstance(file.backing, OnDisk) for file in self._table.values()) > self.most:
            if not self._evict_opened(keep, on_disk=True):
                break

    def relieve(self, keep: "LocalFile | None" = None) -> bool:
        """Free disk space by the least recently used file but `keep`; False when none is left. Under the lock."""
        return self._evict_one(keep, on_disk=True)

    def forget(self, file: "LocalFile") -> None:
        """Drop the file from the table and the folder. Call it under the lock."""
        if self._table.get(_key(file.entry)) is file:
            del self._table[_key(file.entry)]
        file.backing.remove()

    def _used(self) -> int:
        return sum(file.pages.bytes for file in self._table.values()) + sum(self._unopened.values())

    def _admit(self, key: _Key, entry: SectionEntry) -> "LocalFile":
        finished = folders.adopt(self.folder, entry)  # reads all of it, so not under the lock
        with self.lock:
            if (faster := self._table.get(key)) is not None:
                return faster
            self._unopened.pop(folders.finished_path(self.folder, entry), None)
            file = LocalFile(self, entry, finished or Nothing(), whole=finished is not None)
            self._table[key] = file
            self.trim(keep=file)
            return file

    def blank(self, entry: SectionEntry) -> Backing:
        """Return where the entry's bytes (> 0) can go. Call it under the lock."""
        while True:
            try:
                return folders.create(self.folder, entry, self.disk)
            except OSError as error:
                if not no_room(error):
                    raise
            if not self.relieve():
                return InMemory(entry.bytes)

    def _evict_one(self, keep: "LocalFile | None", *, on_disk: bool = False) -> bool:
        if self._unopened:
            path = next(iter(self._unopened))
            del self._unopened[path]
            remove_unless_held(path)
            return True
        return self._evict_opened(keep, on_disk=on_disk)

    def _evict_opened(self, keep: "LocalFile | None", *, on_disk: bool) -> bool:
        # A file that holds nothing yet is about to be filled, and to drop it would free nothing.
        others = [file for file in self._table.values() if file is not keep and file.pages.bytes]
        others = [file for file in others if not on_disk or isinstance(file.backing, OnDisk)]
        if others:
            self.forget(min(others, key=lambda file: file.stamp))
        return bool(others)


class LocalFile:
    """One section. `buffer`, `whole` and `path` can change with each `write`: ask for them after it."""

    def __init__(self, files: LocalFiles, entry: SectionEntry, backing: Backing | Nothing, *, whole: bool) -> None:
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
                    self._files.trim(keep=self)
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


def _key(entry: SectionEntry) -> _Key:
    return entry.id, entry.bytes, entry.crc32
