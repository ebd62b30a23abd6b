"""Bounded local storage for sections, each a file: the least recently used go first."""

from itertools import count
from pathlib import Path
from threading import Condition, Lock
from typing import Final
from weakref import WeakValueDictionary

from vectord.cache import directory as folders
from vectord.cache.backing import Backing, Disk, InMemory, Nothing, OnDisk, no_room, remove_unless_held
from vectord.cache.section_file import SectionFile
from vectord.lhv1.frame import SectionEntry

type _Key = tuple[str, int, str]

MOST: Final = 10_000  # where the system sets no limit


class SectionCache:
    """Section files in `folder`, made if absent; those in use hold `budget` bytes at most, or one file of any size.

    `most` are open at once, and one more for each thread that fills one. A file that goes while a search holds it stays
    valid, and takes its space, until the search lets go.
    """

    def __init__(self, folder: Path, budget: int, disk: Disk | None = None, *, most: int = MOST) -> None:
        self.folder, self.budget, self.disk, self.most = folder, budget, disk or Disk(), most
        self.lock = Condition(Lock())  # guards the table and every file's pages
        self._table: dict[_Key, SectionFile] = {}  # of those that hold bytes
        # Of those that hold none yet: about to be filled, or of no use once nobody has them.
        self._empty: WeakValueDictionary[_Key, SectionFile] = WeakValueDictionary()
        self._clock = count()
        self._unopened = folders.tidy(folder)

    @property
    def used(self) -> int:
        """Return the bytes present now, in finished files that nobody opened here yet too."""
        with self.lock:
            return self._used()

    def open(self, entry: SectionEntry) -> SectionFile:
        """Return the one file of the entry's content (id, bytes, crc32): as it stands, finished earlier, or empty.

        Raises:
            BlobCorrupt: the entry has 0 bytes and another crc32 than nothing has.
            OSError: the folder cannot be used.
        """
        key = _key(entry)
        with self.lock:
            known = self._known(key)
        if known is None:
            known = self._admit(key, entry)
        self.touch(known)
        if not entry.bytes:
            known.settle()
        return known

    def touch(self, file: SectionFile) -> None:
        file.stamp = next(self._clock)

    def holds(self, file: SectionFile) -> bool:
        """Tell whether the file is kept; one that was evicted works on, and holds its space until it is let go."""
        return self._known(_key(file.entry)) is file

    def keep(self, file: SectionFile) -> None:
        """Keep a file that got bytes, unless it was evicted, at the cost of others. Call it under the lock."""
        key = _key(file.entry)
        if self._empty.get(key) is file:
            self._table[key] = self._empty.pop(key)
        self._trim(file)

    def relieve(self, keep: SectionFile | None = None) -> bool:
        """Free disk space by the least recently used file but `keep`; False when none is left. Under the lock."""
        return self._evict_one(keep, on_disk=True)

    def forget(self, file: SectionFile) -> None:
        """Drop the file from the table and the folder. Call it under the lock."""
        for table in (self._table, self._empty):
            if table.get(_key(file.entry)) is file:
                del table[_key(file.entry)]
        file.backing.remove()

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

    def _known(self, key: _Key) -> SectionFile | None:
        return self._table.get(key) or self._empty.get(key)

    def _used(self) -> int:
        return sum(file.pages.bytes for file in self._table.values()) + sum(self._unopened.values())

    def _admit(self, key: _Key, entry: SectionEntry) -> SectionFile:
        finished = folders.adopt(self.folder, entry)  # reads all of it, so not under the lock
        with self.lock:
            if (faster := self._known(key)) is not None:
                return faster
            self._unopened.pop(folders.finished_path(self.folder, entry), None)
            file = SectionFile(self, entry, finished or Nothing(), whole=finished is not None)
            self._empty[key] = file
            if finished:
                self.keep(file)
            return file

    def _trim(self, keep: SectionFile) -> None:
        """Bring what is present down to the bounds, at the cost of any file but `keep`."""
        while self._used() > self.budget and self._evict_one(keep):
            pass
        while sum(isinstance(file.backing, OnDisk) for file in self._table.values()) > self.most:
            if not self._evict_opened(keep, on_disk=True):
                break

    def _evict_one(self, keep: SectionFile | None, *, on_disk: bool = False) -> bool:
        if self._unopened:
            path = next(iter(self._unopened))
            del self._unopened[path]
            remove_unless_held(path)
            return True
        return self._evict_opened(keep, on_disk=on_disk)

    def _evict_opened(self, keep: SectionFile | None, *, on_disk: bool) -> bool:
        others = [file for file in self._table.values() if file is not keep]
        others = [file for file in others if not on_disk or isinstance(file.backing, OnDisk)]
        if others:
            self.forget(min(others, key=lambda file: file.stamp))
        return bool(others)


def _key(entry: SectionEntry) -> _Key:
    return entry.id, entry.bytes, entry.crc32
