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
        with TRANSLATED:
            fd = self._acquire(name)
        if fd is None:
            raise WriteConflict(name)
        try:
            yield
        finally:
            self._release(fd)

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Hold the lock of an object for the block and yield True; yield False if another writer has it."""
        with TRANSLATED:
            fd = self._open(name)
            is_ours = self._lock(fd)
        try:
            yield is_ours
        finally:
            self._release(fd)

    def _acquire(self, name: str) -> int | None:
        """Return a descriptor that has the lock; None if another writer keeps it."""
        system = self._system
        deadline, wait = system.monotonic() + _PATIENCE, _FIRST_WAIT
        while True:
            fd = self._open(name)
            if self._lock(fd) and self._is_current(fd, name):
                return fd
            self._release(fd)
            if system.monotonic() >= deadline:
                return None
            system.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _open(self, name: str) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return self._system.open(self._path(name), flags, 0o666)
        except FileNotFoundError:
            with suppress(FileExistsError):  # another writer made it
                self._system.mkdir(self._folder)
            return self._system.open(self._path(name), flags, 0o666)

    def _lock(self, fd: int) -> bool:
        try:
            self._system.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except BaseException:
            self._system.close(fd)
            raise
        return True

    def _is_current(self, fd: int, name: str) -> bool:
        """Return False if the file was removed, so that others lock another file."""
        try:
            return os.path.samestat(self._system.fstat(fd), self._system.stat(self._path(name)))
        except FileNotFoundError:
            return False

    def _release(self, fd: int) -> None:
        with suppress(OSError):  # closing it does the same, unless a forked process has the file open, too
            self._system.flock(fd, fcntl.LOCK_UN)
        self._system.close(fd)

    def _path(self, name: str) -> str:
        # Names that a file system without upper case takes for one name share a file.
        return f"{self._folder}/{zlib.crc32(name.lower().encode('utf-8', 'surrogatepass')) % _FILES:02d}"
