"""The cache of section files, bounded in bytes and in open files; the least recently used are evicted first."""

from itertools import count
from pathlib import Path
from threading import Condition, Lock
from typing import Final
from weakref import WeakValueDictionary

from vectord.cache import backing
from vectord.cache.backing import Backing, Disk, InMemory, OnDisk, Unallocated, is_disk_full, remove_unless_in_use
from vectord.cache.section_file import PageMap, SectionFile
from vectord.lhv1.frame import SectionEntry

type _Key = tuple[str, int, str]

MAX_OPEN_FILES: Final = 10_000  # for a system that sets no limit


class SectionCache:
    """Section files in `folder`, which is created if necessary.

    The cache contains at most `budget` bytes, or a single file of any size. At most `max_open` files are open, plus one
    for each thread that is filling one. While a search uses an evicted file, the file stays valid and occupies space.
    """

    def __init__(self, folder: Path, budget: int, disk: Disk | None = None, *, max_open: int = MAX_OPEN_FILES) -> None:
        self.folder, self.budget, self.disk, self.max_open = folder, budget, disk or Disk(), max_open
        self.lock = Condition(Lock())  # guards the tables and every file's page map
        self._table: dict[_Key, SectionFile] = {}  # files that have bytes
        # Files without bytes. A file leaves this table when it gets bytes, or when its last user drops it.
        self._empty: WeakValueDictionary[_Key, SectionFile] = WeakValueDictionary()
        self.clock = count()
        self._unopened = backing.prepare_folder(folder)  # finished files of earlier processes, with their sizes

    @property
    def used(self) -> int:
        """Return the bytes in the cache, including finished files that this process has not opened yet."""
        with self.lock:
            return self._used()

    def open(self, entry: SectionEntry) -> SectionFile:
        """Return the one file for the content of `entry` (id, bytes, crc32): open, found on disk, or new and empty.

        Raises:
            BlobCorrupt: the entry has 0 bytes, but not the checksum of an empty section.
            OSError: the folder cannot be used.
        """
        key = _key(entry)
        with self.lock:
            file = self._find(key)
        if file is None:
            file = self._add(key, entry)
        else:
            self.touch(file)
        if not entry.bytes:
            file.verify_if_complete()
        return file

    def touch(self, file: SectionFile) -> None:
        """Make `file` the most recently used one."""
        file.last_used = next(self.clock)

    def contains(self, file: SectionFile) -> bool:
        """Return True if the file was not evicted."""
        return self._find(_key(file.entry)) is file

    def retain(self, file: SectionFile) -> None:
        """Keep a file that received bytes, unless it was evicted, and evict others. The caller holds the lock."""
        key = _key(file.entry)
        if self._empty.get(key) is file:
            self._table[key] = self._empty.pop(key)
        self._trim(file)

    def free_disk_space(self, *, keep: SectionFile | None = None) -> bool:
        """Evict the least recently used file on disk except `keep`; return False if there is none.

        The caller holds the lock.
        """
        return self._evict_one(keep, on_disk=True)

    def discard(self, file: SectionFile) -> None:
        """Remove the file from the tables and from the disk. The caller holds the lock."""
        for table in (self._table, self._empty):
            if table.get(_key(file.entry)) is file:
                del table[_key(file.entry)]
        file.backing.remove()

    def allocate(self, entry: SectionEntry) -> Backing:
        """Allocate space for the entry's bytes (> 0), on disk if possible. The caller holds the lock."""
        while True:
            try:
                return backing.create_file(self.folder, entry, self.disk)
            except OSError as error:
                if not is_disk_full(error):
                    raise
            if not self.free_disk_space():
                return InMemory(entry.bytes)

    def _find(self, key: _Key) -> SectionFile | None:
        return self._table.get(key) or self._empty.get(key)

    def _used(self) -> int:
        return sum([file.pages.present_bytes for file in self._table.values()]) + sum(self._unopened.values())

    def _add(self, key: _Key, entry: SectionEntry) -> SectionFile:
        adopted = backing.adopt_file(self.folder, entry)  # reads the whole file, so not under the lock
        with self.lock:
            if (other := self._find(key)) is not None:  # another thread was faster
                return other
            if self._unopened:
                self._unopened.pop(backing.finished_path(self.folder, entry), None)
            whole = adopted is not None
            pages = PageMap(entry.bytes, present=whole)
            file = SectionFile(self, entry, adopted or Unallocated(), pages, whole=whole)
            self._empty[key] = file
            if adopted:
                self.retain(file)
            return file

    def _trim(self, keep: SectionFile) -> None:
        """Evict files other than `keep` until the cache is within its bounds."""
        while self._used() > self.budget and self._evict_one(keep):
            pass
        while sum([isinstance(file.backing, OnDisk) for file in self._table.values()]) > self.max_open:
            if not self._evict_opened(keep, on_disk=True):
                break

    def _evict_one(self, keep: SectionFile | None, *, on_disk: bool = False) -> bool:
        if self._unopened:
            path = next(iter(self._unopened))
            del self._unopened[path]
            remove_unless_in_use(path)
            return True
        return self._evict_opened(keep, on_disk=on_disk)

    def _evict_opened(self, keep: SectionFile | None, *, on_disk: bool) -> bool:
        others = [file for file in self._table.values() if file is not keep]
        others = [file for file in others if not on_disk or isinstance(file.backing, OnDisk)]
        if others:
            self.discard(min(others, key=lambda file: file.last_used))
        return bool(others)


def _key(entry: SectionEntry) -> _Key:
    return entry.id, entry.bytes, entry.crc32
