"""The storage of a cached section: a sparse file that is mapped for reading, or plain memory.

    vectord-<hash of id, bytes, crc32>.section           finished: all bytes are present and match the checksum
    vectord-<the same hash>-<pid>-<random>.part          being filled by one process, which has a lock on it

Files are written with pwrite and never through the mapping, because there a full disk raises SIGBUS instead of an
exception. For the same reason no page may be read before it is written: on tmpfs even a read allocates a page.

Each process has a shared lock on the files that it uses. A file is only removed under an exclusive lock, so no process
removes a file that another process uses. Several processes may share a folder. The kernel releases the locks of a
process that dies, so its `.part` files are removed when the next process starts.
"""

import errno
import fcntl
import hashlib
import mmap
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.lhv1.frame import SectionEntry

type Bytes = npt.NDArray[np.uint8]

_PREFIX: Final = "vectord-"
_FINISHED: Final = ".section"
_PART: Final = ".part"
_FULL_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Disk(msgspec.Struct, frozen=True):
    """The system calls that fail on a full disk, so that tests can replace them."""

    pwrite: Callable[[int, memoryview, int], int] = os.pwrite
    ftruncate: Callable[[int, int], None] = os.ftruncate


def is_disk_full(error: OSError) -> bool:
    """Return True if the disk, a quota or a limit refused more bytes."""
    return error.errno in _FULL_DISK


class OnDisk:
    """An open file of at least one byte, with its lock and its read-only mapping."""

    def __init__(self, fd: int, path: Path, disk: Disk | None = None) -> None:
        self._fd = fd
        self._disk = disk or Disk()
        self.path: Path | None = path
        self.buffer: Bytes = np.empty(0, np.uint8)

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        close(self._fd)

    def map(self, size: int) -> None:
        self.buffer = np.frombuffer(mmap.mmap(self._fd, size, prot=mmap.PROT_READ), np.uint8)

    def lock(self) -> bool:
        """Take the shared lock; return False if another process has removed the file or is about to."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return os.fstat(self._fd).st_nlink > 0

    def extend(self, size: int) -> None:
        self._disk.ftruncate(self._fd, size)

    def length(self) -> int:
        return os.fstat(self._fd).st_size

    def write(self, start: int, data: memoryview) -> None:
        while data:
            written = self._disk.pwrite(self._fd, data, start)
            start, data = start + written, data[written:]

    def rename(self, path: Path) -> None:
        if self.path is not None:
            try:
                self.path = self.path.rename(path)
            except FileNotFoundError:  # a cleaner of /tmp removed the name; the open file is still valid
                self.path = None

    def remove(self) -> None:
        """Remove the file's name. The mapping stays valid while it is used."""
        if self.path is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            remove_unless_in_use(self.path)
            self.path = None


class InMemory:
    """`size` bytes of memory, for a section for which the disk has no room."""

    path = None

    def __init__(self, size: int) -> None:
        self._bytes = np.empty(size, np.uint8)
        self.buffer: Bytes = self._bytes.view()
        self.buffer.flags.writeable = False

    def write(self, start: int, data: memoryview) -> None:
        self._bytes[start : start + len(data)] = data

    def remove(self) -> None:
        pass


class Unallocated:
    """The backing before the first byte is written. It has no file: of many shards a search reads only the head."""

    path = None
    buffer: Bytes = np.empty(0, np.uint8)

    def remove(self) -> None:
        pass


type Backing = OnDisk | InMemory


def remove_unless_in_use(path: Path) -> None:
    """Remove the file, unless this or another process has a lock on it."""
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


def prepare_folder(folder: Path) -> dict[Path, int]:
    """Create the folder, remove `.part` files of dead processes, and return finished files, oldest first, and sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    finished = []
    for path in folder.glob(f"{_PREFIX}*"):
        if path.suffix == _PART:
            remove_unless_in_use(path)
        elif path.suffix == _FINISHED:
            try:
                status = path.stat()
            except FileNotFoundError:  # another process removed it meanwhile
                continue
            finished.append((status.st_mtime_ns, path, status.st_size))
    return {path: size for _, path, size in sorted(finished)}


def finished_path(folder: Path, entry: SectionEntry) -> Path:
    """Return the path of the finished file for the content of `entry`."""
    return folder / f"{_stem(entry)}{_FINISHED}"


def create_file(folder: Path, entry: SectionEntry, disk: Disk) -> OnDisk:
    """Create a sparse file for the bytes (> 0) of `entry`.

    Raises:
        OSError: the disk refuses it.
    """
    while True:
        path = folder / f"{_stem(entry)}-{os.getpid()}-{os.urandom(8).hex()}{_PART}"
        file = OnDisk(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path, disk)
        if file.lock():
            break  # otherwise a process in `prepare_folder` removed it before it was locked
    try:
        file.extend(entry.bytes)
        file.map(entry.bytes)
    except OSError:
        file.remove()
        raise
    return file


def adopt_file(folder: Path, entry: SectionEntry) -> OnDisk | None:
    """Open the finished file of `entry`, or return None; remove the file if its checksum does not match."""
    path = finished_path(folder, entry)
    try:
        file = OnDisk(os.open(path, os.O_RDWR | os.O_CLOEXEC), path)
    except FileNotFoundError:
        return None
    if not file.lock():
        return None
    if file.length() == entry.bytes > 0:
        file.map(entry.bytes)
        if f"{zlib.crc32(file.buffer):08x}" == entry.crc32:
            return file
    path.unlink(missing_ok=True)  # it is wrong for all processes
    return None


def _stem(entry: SectionEntry) -> str:
    key = repr((entry.id, entry.bytes, entry.crc32)).encode()
    return _PREFIX + hashlib.blake2b(key, digest_size=16).hexdigest()
