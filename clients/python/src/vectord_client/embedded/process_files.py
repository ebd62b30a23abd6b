"""Files that belong to one process until it ends: locks, and a folder for cached sections and temporary files.

The folder is in the user's cache folder, because `/tmp` is memory on many systems, and readable by its user alone. A
process that is killed leaves its folder behind; the next process removes every folder whose lock is free.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".lock"  # of the file beside a folder, whose lock its process has
_FALLBACK: Final = f"vectord-{os.getuid()}"


class FileLock:
    """An exclusive lock on a file, which is created if necessary; the kernel releases it when its process ends."""

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


class Scratch:
    """A new folder, with a lock that shows other processes that it is in use."""

    def __init__(self, base: Path | None = None) -> None:
        """Make it in `base`, by default the user's cache folder."""
        candidates = [base] if base is not None else _candidates()
        for parent in candidates:
            with suppress(OSError):
                self.path, self._lock = _new_folder(parent)
                return
        self.path, self._lock = _new_folder(Path(tempfile.mkdtemp(prefix="vectord-")))

    def remove(self) -> None:
        """Remove the folder with all that is in it. Open files stay valid."""
        shutil.rmtree(self.path, ignore_errors=True)
        _lock_path(self.path).unlink(missing_ok=True)
        self._lock.release()


def _new_folder(parent: Path) -> tuple[Path, FileLock]:
    """Return a new folder in `parent`, which is created if necessary, and the lock on it.

    Raises:
        OSError: that is not possible, or `parent` belongs to another user.
    """
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{parent} belongs to another user")
    _sweep(parent)
    while True:
        path = parent / secrets.token_hex(8)
        lock = FileLock(_lock_path(path))
        if lock.acquire():
            if _lock_path(path).exists():  # else a sweep found it before it was locked
                path.mkdir(mode=0o700)
                return path, lock
            lock.release()


def _lock_path(folder: Path) -> Path:
    return folder.with_suffix(_SUFFIX)


def _candidates() -> list[Path]:
    cache = os.environ.get("XDG_CACHE_HOME")
    home = [] if cache else [Path(os.path.expanduser("~"), ".cache")]  # noqa: PTH111 - Path's fails without a home
    folders = [Path(cache)] if cache else home
    return [*(folder / "vectord" / "embedded" for folder in folders), Path(tempfile.gettempdir()) / _FALLBACK]


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that ended without removing them."""
    for path in parent.glob(f"*{_SUFFIX}"):
        lock = FileLock(path)
        with suppress(OSError):
            if lock.acquire():
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink(missing_ok=True)
                lock.release()
