"""Locks that exclude other threads and processes which write the same name.

A lock is an advisory flock on one of 64 files in `.locks`. The kernel releases it when its process ends. Two names may
share a file, so nothing may wait for a second lock while it has one.
"""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from vectord.errors import WriteConflict
from vectord.storage.files.errors import TRANSLATED
from vectord.storage.files.layout import LOCKS
from vectord.storage.files.system import System

_FILES: Final = 64
_PATIENCE: Final = 10.0  # seconds; a holder needs some milliseconds, unless its process was stopped
_FIRST_WAIT, _LONGEST_WAIT = 0.000_5, 0.01  # seconds


class _Lock:
    """The lock of one path in the folder `.locks`."""

    def __init__(self, path: str, system: System) -> None:
        self._path, self._system = path, system
        self._fd = -1

    def acquire(self) -> bool:
        """Wait for the lock; return False if another writer keeps it.

        Raises:
            OSError
        """
        system = self._system
        deadline, wait = system.monotonic() + _PATIENCE, _FIRST_WAIT
        while not self.try_acquire():
            if system.monotonic() >= deadline:
                return False
            system.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        return True

    def try_acquire(self) -> bool:
        """Return False if another writer has the lock.

        Raises:
            OSError
        """
        self._fd = self._open()
        with suppress(BlockingIOError):
            self._system.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_current():
                return True
        self.release()
        return False

    def release(self) -> None:
        """Release the lock if it is held. It can be called again."""
        if self._fd < 0:
            return
        with suppress(OSError):  # closing it does the same, unless a forked process has the file open, too
            self._system.flock(self._fd, fcntl.LOCK_UN)
        fd, self._fd = self._fd, -1
        self._system.close(fd)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return self._system.open(self._path, flags, 0o666)
        except FileNotFoundError:
            with suppress(FileExistsError):  # another writer made it
                self._system.mkdir(os.path.dirname(self._path))  # noqa: PTH120  paths of the store are text
            return self._system.open(self._path, flags, 0o666)

    def _is_current(self) -> bool:
        """Return False if the file was removed, so that others lock another file."""
        try:
            return os.path.samestat(self._system.fstat(self._fd), self._system.stat(self._path))
        except FileNotFoundError:
            return False


class Locks:
    """The locks of one folder."""

    def __init__(self, folder: str, system: System) -> None:
        self._folder, self._system = f"{folder}/{LOCKS}", system

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of an object for the block.

        Raises:
            WriteConflict: another writer has had it for ten seconds.
            FolderRefused: the folder cannot be written, or its file system has no locks.
        """
        with self._released(name) as lock:
            with TRANSLATED:
                is_ours = lock.acquire()
            if not is_ours:
                raise WriteConflict(name)
            yield

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Hold the lock of an object for the block and yield True; yield False if another writer has it."""
        with self._released(name) as lock:
            with TRANSLATED:
                is_ours = lock.try_acquire()
            yield is_ours

    @contextmanager
    def _released(self, name: str) -> Iterator[_Lock]:
        """Yield the lock of an object, not yet acquired; release it at the end of the block."""
        lock = _Lock(self._path(name), self._system)
        try:
            yield lock
        finally:
            try:
                lock.release()
            except BaseException:  # Ctrl-C interrupted it
                lock.release()
                raise

    def _path(self, name: str) -> str:
        # Names that a file system without upper case takes for one name share a file.
        return f"{self._folder}/{zlib.crc32(name.lower().encode('utf-8', 'surrogatepass')) % _FILES:02d}"
