"""A lock between processes that the kernel releases when its holder dies."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusive lock on a file, which is created if necessary and stays."""

    def __init__(self, path: Path) -> None:
        self._path, self._fd = path, -1

    def acquire(self) -> bool:
        """Take the lock; return False if another process, or another instance, has it.

        Raises:
            OSError: the file cannot be created, as in a read-only folder.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Release the lock, if this instance has it; also if a forked process inherited it."""
        if self._fd < 0:
            return
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)
        self._fd = -1
