"""Where a section's bytes lie: a sparse file that is mapped for reading, or plain memory.

A file is filled by pwrite and never through its mapping, where a full disk would be a SIGBUS instead of an error. For
the same reason nobody may read a page before it was written: on tmpfs even that read takes a new page.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Disk(msgspec.Struct, frozen=True):
    """The calls that a full disk fails."""

    pwrite: Callable[[int, memoryview, int], int] = os.pwrite
    ftruncate: Callable[[int, int], None] = os.ftruncate


def no_room(error: OSError) -> bool:
    """Tell whether the disk, a quota or a limit refused more bytes."""
    return error.errno in _NO_ROOM


class OnDisk:
    """An open file of `size` > 0 bytes under a lock that tells others it is in use, and its read-only mapping."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self.path: Path | None = path
        self.buffer: npt.NDArray[np.uint8] = np.empty(0, np.uint8)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self._fd)

    def map(self, size: int) -> None:
        self.buffer = np.frombuffer(mmap.mmap(self._fd, size, prot=mmap.PROT_READ), np.uint8)

    def hold(self) -> bool:
        """Lock the file against removal by others; False when somebody was faster and removed it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return os.fstat(self._fd).st_nlink > 0

    def extend(self, disk: Disk, size: int) -> None:
        disk.ftruncate(self._fd, size)

    def length(self) -> int:
        return os.fstat(self._fd).st_size

    def write(self, disk: Disk, start: int, data: memoryview) -> None:
        while data:
            done = disk.pwrite(self._fd, data, start)
            start, data = start + done, data[done:]

    def rename(self, path: Path) -> None:
        if self.path is not None:
            try:
                self.path = self.path.rename(path)
            except FileNotFoundError:  # a cleaner of /tmp took the name; the bytes are still here
                self.path = None

    def remove(self) -> None:
        """Give the file's name up. Mappings of it stay valid until they are let go."""
        if self.path is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            remove_unless_held(self.path)
            self.path = None


class Nothing:
    """Stands for a section of which no byte is here: of a thousand shards only the heads may be read."""

    path = None
    buffer: npt.NDArray[np.uint8] = np.empty(0, np.uint8)

    def remove(self) -> None:
        pass


class InMemory:
    """`size` bytes of anonymous memory."""

    path = None

    def __init__(self, size: int) -> None:
        self._bytes = np.empty(size, np.uint8)
        self.buffer: npt.NDArray[np.uint8] = self._bytes.view()
        self.buffer.flags.writeable = False

    def write(self, _: Disk, start: int, data: memoryview) -> None:
        self._bytes[start : start + len(data)] = data

    def remove(self) -> None:
        pass


type Backing = OnDisk | InMemory


def remove_unless_held(path: Path) -> None:
    """Remove the file unless somebody, in this process or another, holds it."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        pass
    finally:
        os.close(fd)
