"""The system calls and clocks that the store uses, as a value, so that tests can make any of them fail."""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

_MAX_READ: Final = 1 << 30  # bytes of one call; Linux reads at most 2 GiB less a page


def _copy_file_range(source: int, target: int, count: int, start: int) -> int:
    """Copy bytes from offset `start` of `source` to the position of `target`.

    Raises:
        OSError: among others ENOSYS where the operating system has no such call.
    """
    copy: Callable[..., int] | None = getattr(os, "copy_file_range", None)  # Linux has it, macOS does not
    if copy is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    return copy(source, target, count, start)


class System(msgspec.Struct, frozen=True):
    """Each field does what the function of that name in `os`, `fcntl` or `time` does."""

    open: Callable[..., int] = os.open
    close: Callable[[int], None] = os.close
    dup: Callable[[int], int] = os.dup
    lseek: Callable[[int, int, int], int] = os.lseek
    pread: Callable[[int, int, int], bytes] = os.pread
    write: Callable[[int, memoryview], int] = os.write
    copy_file_range: Callable[[int, int, int, int], int] = _copy_file_range
    fsync: Callable[[int], None] = os.fsync
    stat: Callable[[str], os.stat_result] = os.stat
    fstat: Callable[[int], os.stat_result] = os.fstat
    scandir: Callable[[str], Any] = os.scandir
    utime: Callable[..., None] = os.utime
    link: Callable[[str, str], None] = os.link
    rename: Callable[[str, str], None] = os.rename
    unlink: Callable[[str], None] = os.unlink
    mkdir: Callable[[str], None] = os.mkdir
    rmdir: Callable[[str], None] = os.rmdir
    flock: Callable[[int, int], None] = fcntl.flock
    time_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def open_to_read(self, path: str) -> int:
        """Open a file without waiting: a pipe in its place would block otherwise."""
        return self.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)

    def read(self, fd: int, start: int, stop: int) -> bytes:
        """Return the bytes `start` to `stop`; fewer if the file ends before."""
        data = self.pread(fd, min(stop - start, _MAX_READ), start)
        if len(data) == stop - start:
            return data
        pieces = [data]
        while data and (start := start + len(data)) < stop:
            data = self.pread(fd, min(stop - start, _MAX_READ), start)
            pieces.append(data)
        return b"".join(pieces)

    def write_all(self, fd: int, data: bytes | memoryview) -> None:
        """Write all of `data`, in several calls if one writes only a part of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.write(fd, rest[:_MAX_READ]) :]
