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

# What a file system, a kernel or a sandbox answers if it cannot copy inside the kernel.
_CANNOT_COPY: Final = frozenset(
    {errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)
_CHUNK: Final = 4 << 20  # bytes in memory at once where the kernel does not copy
_MAX_COPY: Final = 1 << 30  # bytes of one call
_READ_WRITE: Final = os.O_RDWR | os.O_CLOEXEC


class TemporaryFile:
    """An open file under a random name. `named` is False once it has the name of an object, or none."""

    def __init__(self, fd: int, path: str, system: System) -> None:
        self.fd, self.path, self._system = fd, path, system
        self.named = True

    def write(self, data: bytes | memoryview) -> None:
        with TRANSLATED:
            self._system.write_all(self.fd, data)

    def copy(self, source: int, start: int, stop: int) -> None:
        """Append the bytes `start` to `stop` of the open file `source`.

        Raises:
            ConditionFailed: the source ends before `stop`; someone changes it in place.
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

    def sync(self, stamp_ns: int) -> os.stat_result:
        """Give the file its time of modification, make its bytes durable, and return what it is now."""
        self._system.utime(self.fd, ns=(stamp_ns, stamp_ns))
        self._system.fsync(self.fd)
        return self._system.fstat(self.fd)


class TemporaryFiles:
    """The temporary files of one folder."""

    def __init__(self, folder: str, system: System) -> None:
        self._folder, self._system = f"{folder}/{TEMPORARY}", system

    @contextmanager
    def open(self) -> Iterator[TemporaryFile]:
        """Yield a new file; at the end of the block remove it, unless it has got the name of an object."""
        with TRANSLATED:
            file = self._locked()
        try:
            yield file
        finally:
            if file.named:
                with suppress(OSError):  # else the next sweep removes it
                    self._system.unlink(file.path)
            self._system.close(file.fd)

    def remove_abandoned(self) -> None:
        """Remove the files whose processes ended before they gave them a name."""
        try:
            with self._system.scandir(self._folder) as entries:
                paths = [entry.path for entry in entries]
        except FileNotFoundError:
            return
        for path in paths:
            with suppress(FileNotFoundError):
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

    def _locked(self) -> TemporaryFile:
        while True:
            path = f"{self._folder}/{secrets.token_hex(8)}"
            fd = self._create(path)
            try:
                self._system.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._system.fstat(fd).st_nlink:
                    return TemporaryFile(fd, path, self._system)
            except BlockingIOError:  # a sweep found it before it was locked, and removes it
                pass
            except BaseException:
                self._system.close(fd)
                self._system.unlink(path)
                raise
            self._system.close(fd)

    def _create(self, path: str) -> int:
        flags = _READ_WRITE | os.O_CREAT | os.O_EXCL
        try:
            return self._system.open(path, flags, 0o666)
        except FileNotFoundError:
            with suppress(FileExistsError):  # another writer made it
                self._system.mkdir(self._folder)
            return self._system.open(path, flags, 0o666)
