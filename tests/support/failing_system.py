"""The system calls of the store in a folder, of which one fails, does only a part, or is the last of its process."""

import errno
import os
import signal
from collections import Counter
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

from msgspec import structs

from vectord.storage.files.system import System

# Calls that change nothing on the disk and cannot fail.
_PASSIVE: Final = ("close", "time_ns", "monotonic", "sleep")
CALLS: Final = tuple(field.name for field in structs.fields(System) if field.name not in _PASSIVE)
READS: Final = ("pread", "stat", "fstat", "scandir")

type Fault = Callable[[str, Callable[[], Any]], Any]  # the name of the call, and the call itself


# Tests that do not cut the power need no durable bytes, and the disk is slow.
QUICK: Final = System(fsync=lambda fd: None)


class Calls:
    """System calls that are counted; the one with the number `at`, from 1, meets `fault` instead."""

    def __init__(
        self, at: int = 0, fault: Fault | None = None, names: tuple[str, ...] = CALLS, system: System = QUICK
    ) -> None:
        self.at, self.fault, self.names, self._system = at, fault, names, system
        self.made: list[str] = []
        self.failed: str | None = None
        self._lock = Lock()  # an early write makes calls in another thread

    def system(self) -> System:
        counted = {name: self._counted(name, getattr(self._system, name)) for name in self.names}
        return structs.replace(self._system, **counted)

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                self.made.append(name)
                number = len(self.made)
            if self.fault and number == self.at:
                self.failed = name
                return self.fault(name, lambda: call(*arguments, **named))
            return call(*arguments, **named)

        return counted

    def counts(self) -> Counter[str]:
        return Counter(self.made)


def fails_with(code: int) -> Fault:
    """Fail instead of doing it."""

    def fault(name: str, call: Callable[[], Any]) -> Any:
        raise OSError(code, os.strerror(code))

    return fault


def fails_after_it(name: str, call: Callable[[], Any]) -> Any:
    """Do it, and report an input/output error."""
    answer = call()
    if name in {"open", "dup"}:
        os.close(answer)
    if name == "scandir":
        answer.close()
    raise OSError(errno.EIO, os.strerror(errno.EIO))


class Durability:
    """System calls that note a file which got a name before its bytes were synced, and folders that are not synced."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self.unsynced: set[str] = set()
        self._paths: dict[int, str] = {}
        self._dirty: set[str] = set()

    def system(self) -> System:
        return structs.replace(
            QUICK,
            open=self._open,
            dup=self._dup,
            write=self._write,
            copy_file_range=self._copy,
            utime=self._utime,
            fsync=self._fsync,
            link=self._link,
            rename=self._rename,
            unlink=self._unlink,
            mkdir=self._mkdir,
        )

    def _open(self, path: str, *arguments: Any) -> int:
        fd = os.open(path, *arguments)
        self._paths[fd] = path
        return fd

    def _dup(self, fd: int) -> int:
        copy = os.dup(fd)
        self._paths[copy] = self._paths[fd]
        return copy

    def _write(self, fd: int, data: memoryview) -> int:
        self._dirty.add(self._paths[fd])
        return os.write(fd, data)

    def _copy(self, source: int, target: int, count: int, start: int) -> int:
        self._dirty.add(self._paths[target])
        return os.copy_file_range(source, target, count, start)

    def _utime(self, file: int | str, *, ns: tuple[int, int]) -> None:
        self._dirty.add(file if isinstance(file, str) else self._paths[file])
        os.utime(file, ns=ns)

    def _fsync(self, fd: int) -> None:
        self._dirty.discard(self._paths[fd])
        self.unsynced.discard(self._paths[fd])

    def _link(self, source: str, target: str) -> None:
        os.link(source, target)
        self._named(source, target)

    def _rename(self, source: str, target: str) -> None:
        os.rename(source, target)  # noqa: PTH104
        self._named(source, target)
        self.unsynced.add(os.path.dirname(source))  # noqa: PTH120

    def _named(self, source: str, target: str) -> None:
        if source in self._dirty:
            self.mistakes.append(f"{source} became {target} before it was synced")
        self.unsynced.add(os.path.dirname(target))  # noqa: PTH120

    def _unlink(self, path: str) -> None:
        os.unlink(path)  # noqa: PTH108
        self.unsynced.add(os.path.dirname(path))  # noqa: PTH120

    def _mkdir(self, path: str) -> None:
        os.mkdir(path)  # noqa: PTH102
        self.unsynced.add(os.path.dirname(path))  # noqa: PTH120


def killed(name: str, call: Callable[[], Any]) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after_it(name: str, call: Callable[[], Any]) -> Any:
    try:
        call()
    finally:
        os.kill(os.getpid(), signal.SIGKILL)
