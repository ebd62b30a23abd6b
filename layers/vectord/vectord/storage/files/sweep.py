"""Remove from a folder what crashed processes left, staged objects of more than a day, and versions past their time."""

import re
from contextlib import suppress
from threading import Lock
from typing import Final

from vectord.errors import StoreError
from vectord.storage.files.history import History
from vectord.storage.files.system import System
from vectord.storage.files.writing import Writer
from vectord.storage.limits import STAGING

_INTERVAL: Final = 3_600.0  # seconds between two sweeps of one process
_STAGED_NS: Final = 24 * 3_600 * 1_000_000_000  # a staged object is removed after a day, as in the template's bucket
# Names of the folders of an index's shards.
_INDEX: Final = r"(?!.*\.lhv1$)[A-Za-z0-9_-][A-Za-z0-9._~-]*"
_GENERATION: Final = r"[0-9a-f]{32}"


class Sweep:
    """The sweeps of one process: before its first write, and before the first one of each hour.

    A process that goes on without writes calls `when_due` from time to time.
    """

    def __init__(self, folder: str, writer: Writer, history: History, system: System) -> None:
        self._folder, self._writer, self._history, self._system = folder, writer, history, system
        self._next = float("-inf")
        self._lock = Lock()

    def when_due(self) -> None:
        """Sweep, unless this process has done so within the hour. What fails is left for the next sweep."""
        with self._lock:
            now = self._system.monotonic()
            if now < self._next:
                return
            self._next = now + _INTERVAL
        for step in (
            self._writer.temporary.remove_abandoned,
            self._remove_old_staged,
            self._remove_empty_folders,
            self._prune_all,
        ):
            with suppress(OSError, StoreError):
                step()

    def _remove_old_staged(self) -> None:
        try:
            with self._system.scandir(f"{self._folder}/{STAGING}") as entries:
                paths = [entry.path for entry in entries]
        except FileNotFoundError:
            return
        for path in paths:
            with suppress(OSError):
                if self._system.stat(path).st_mtime_ns < self._system.time_ns() - _STAGED_NS:
                    self._system.unlink(path)

    def _remove_empty_folders(self) -> None:
        """Remove the folders of shards whose creation ended before the first shard was written."""
        for index in self._folders_in(self._folder, _INDEX):
            for folder in (*self._folders_in(index, _GENERATION), index):
                with suppress(OSError):  # it has shards
                    self._system.rmdir(folder)

    def _folders_in(self, folder: str, pattern: str) -> list[str]:
        with self._system.scandir(folder) as entries:
            return [entry.path for entry in entries if re.fullmatch(pattern, entry.name) and entry.is_dir()]

    def _prune_all(self) -> None:
        for name in self._history.names():
            with suppress(OSError), self._writer.locks.try_hold(name) as is_ours:
                if is_ours:
                    self._writer.prune(name)
