"""Files that are being written, which no reader sees until they get the name of an object.

A writer has a lock on its file. The kernel releases it when the process ends, so a file without one is garbage.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from vectord.errors import ConditionFailed
from vectord.storage.files.errors import TRANSLATED
from vectord.storage.files.layout import TEMPORARY
from vectord.storage.files.system import System

# The errors of a file system, a kernel or a sandbox that cannot copy inside the kernel.
_CANNOT_COPY: Final = frozenset(
    {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)
_CHUNK: Final = 4 << 20  # bytes in memory at once where the kernel does not copy
_MAX_COPY: Final = 1 << 30  # bytes of one call
_READ_WRITE: Final = os.O_RDWR | os.O_CLOEXEC


class TemporaryFile:
    """An open file under a random name, until it is renamed or that name is removed.

    `modified_ns` is its time of modification; `exact_ns` is the same, or 0 if the file system rounded it.
    """

    def __init__(self, folder: str, system: System) -> None:
        self._folder, self._system = folder, system
        self.modified_ns = self.exact_ns = 0
        self._clear()

    def _clear(self) -> None:
        self.fd, self.path, self._has_name = -1, "", False

    def create(self) -> None:
        """Make the file, and lock it.

        Raises:
            StoreError: the folder cannot be written, or the process has no free file descriptor.
        """
        with TRANSLATED:
            while not self._is_made():
                self.discard()

    def _is_made(self) -> bool:
        """Make a file, and return True if it is locked; False if a sweep found it before and removes it."""
        self.path, self._has_name = f"{self._folder}/{secrets.token_hex(8)}", True
        try:
            self.fd = self._open()
        except OSError:
            self._clear()
            raise
        with suppress(BlockingIOError):
            self._system.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._system.fstat(self.fd).st_nlink > 0
        return False

    def _open(self) -> int:
        flags = _READ_WRITE | os.O_CREAT | os.O_EXCL
        try:
            return self._system.open(self.path, flags, 0o666)
        except FileNotFoundError:
            with suppress(FileExistsError):  # another writer made it
                self._system.mkdir(self._folder)
            return self._system.open(self.path, flags, 0o666)

    def discard(self) -> None:
        """Remove the random name if the file still has it, and close the file. It can be called again."""
        with suppress(OSError):  # what stays is removed by the next sweep
            self.remove_name()
        if (fd := self.fd) >= 0:
            self.fd = -1
            self._system.close(fd)

    def write(self, data: bytes | memoryview) -> None:
        with TRANSLATED:
            self._system.write_all(self.fd, data)

    def seek(self, offset: int) -> None:
        """Make the next write begin at `offset`."""
        with TRANSLATED:
            self._system.lseek(self.fd, offset, os.SEEK_SET)

    def copy(self, source: int, start: int, stop: int) -> None:
        """Append the bytes `start` to `stop` of the open file `source`.

        Raises:
            ConditionFailed: the source ends before `stop`, because it is changed in place.
        """
        with TRANSLATED:
            start = self._copy_in_kernel(source, start, stop)
            while start < stop:
                data = self._system.read(source, start, min(stop, start + _CHUNK))
                if not data:
                    raise ConditionFailed("the source of a splice became shorter")
                self._system.write_all(self.fd, data)
                start += len(data)

    def _copy_in_kernel(self, source: int, start: int, stop: int) -> int:
        """Return where the copied bytes end; before `stop` if the kernel cannot copy between these files."""
        try:
            while start < stop:
                copied = self._system.copy_file_range(source, self.fd, min(stop - start, _MAX_COPY), start)
                if copied == 0:  # some file systems answer so, though the file does not end here
                    break
                start += copied
        except OSError as error:
            if error.errno not in _CANNOT_COPY:
                raise
        return start

    def read(self, start: int, stop: int) -> bytes:
        return self._system.read(self.fd, start, stop)

    def stamp(self, after_ns: int) -> os.stat_result:
        """Make the file durable with the present time, or a later one that comes after `after_ns`; return its status.

        Raises:
            OSError
        """
        time_ns, step = max(self._system.time_ns(), after_ns + 1), 1
        while True:
            self._system.utime(self.fd, ns=(time_ns, time_ns))
            found = self._system.fstat(self.fd)
            if found.st_mtime_ns > after_ns:
                break
            step *= 1_000  # the file system rounds times
            time_ns += step
        self._system.fsync(self.fd)
        self.modified_ns = found.st_mtime_ns
        self.exact_ns = time_ns if found.st_mtime_ns == time_ns else 0
        return found

    def rename(self, path: str) -> None:
        self._system.rename(self.path, path)
        self._has_name = False

    def remove_name(self) -> None:
        """Remove the random name if the file still has it."""
        if self._has_name:
            self._system.unlink(self.path)
            self._has_name = False


class TemporaryFiles:
    """The temporary files of one folder."""

    def __init__(self, folder: str, system: System) -> None:
        self._folder, self._system = f"{folder}/{TEMPORARY}", system

    @contextmanager
    def open(self) -> Iterator[TemporaryFile]:
        """Yield a new file; at the end of the block remove its random name, if it still has it.

        Raises:
            StoreError: it cannot be made.
        """
        with self.discarded() as file:
            file.create()
            yield file

    @contextmanager
    def discarded(self) -> Iterator[TemporaryFile]:
        """Yield a file that is not made yet; discard it at the end of the block."""
        file = TemporaryFile(self._folder, self._system)
        try:
            yield file
        finally:
            try:
                file.discard()
            except BaseException:  # Ctrl-C interrupted it
                file.discard()
                raise

    def remove_abandoned(self) -> None:
        """Remove the files whose processes ended before they gave them a name."""
        try:
            with self._system.scandir(self._folder) as entries:
                paths = [entry.path for entry in entries]
        except FileNotFoundError:
            return
        for path in paths:
            with suppress(OSError):  # it is gone, or it is not a file of this store
                self._remove_unlocked(path)

    def _remove_unlocked(self, path: str) -> None:
        fd = self._system.open(path, _READ_WRITE)
        try:
            self._system.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._system.unlink(path)
        except BlockingIOError:  # its writer works on it
            pass
        finally:
            self._system.close(fd)
