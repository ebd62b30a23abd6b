"""Builds in the background: one thread of this process compacts the indexes that are due for it, one at a time.

A build ends in one conditional commit, so that it can be abandoned at any time: the index stays as it is, and the next
process that opens the folder builds it. A lock on a file of the folder, which the kernel releases with its process,
lets one process of several build. It also proves that a lease of the engine that is still there is one of a dead
process, and may be taken over.
"""

import logging
from collections.abc import Callable, Iterable
from threading import Condition, Thread
from time import monotonic
from typing import Final

import msgspec

from vectord.errors import BlobError, StoreError, Unavailable
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds, build_is_due
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.maintenance.compaction import Compacted
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline
from vectord_client.embedded.lock import FolderLock

HOLDER: Final = "embedded"  # of the engine's leases, in every process: the lock decides who builds
BUILD_SECONDS: Final = 3_600.0  # the time that a build may take
_LOCK_INTERVAL: Final = 0.5  # seconds between two attempts to get the lock
_LOGGER: Final = logging.getLogger("vectord_client.embedded.builds")

Compact = Callable[[str, str, Deadline], Compacted]


class BackgroundPolicy(BuildPolicy):
    """The build policy of a process with a thread for builds: no change of an index waits for a build of its base."""

    def __init__(self, environment: Environment, builds: "Builds") -> None:
        super().__init__(environment, builds.send, memory=0)

    def is_deferred(self, index: Index, thresholds: Thresholds, deadline: Deadline) -> bool:
        """Return True if a build of `index` is due."""
        return index.can_keep_base and build_is_due(index, thresholds)


class _Request(msgspec.Struct):
    index: str


class Builds:
    """A queue of indexes, and the thread that compacts them; the thread starts with the first request."""

    def __init__(self, compact: Callable[[], Compact], names: Callable[[], Iterable[str]], lock: FolderLock) -> None:
        """Compact with what `compact` returns, called in the thread; `names` lists the indexes of the folder."""
        self._compose, self._names, self._lock = compact, names, lock
        self._changed = Condition()
        self._queue: dict[str, None] = {}  # in the order of the requests
        self._running: str | None = None
        self._stopped = False
        self._thread: Thread | None = None

    def send(self, payload: bytes, seconds: float) -> None:
        """Take the event `{"index": name}` that a function would send to the function that compacts."""
        self.request(msgspec.json.decode(payload, type=_Request).index)

    def request(self, name: str) -> None:
        """Let the thread compact an index, if that is due; return at once."""
        with self._changed:
            if self._stopped:
                return
            self._queue[name] = None
            if self._thread is None:
                self._thread = Thread(target=self._run, name="vectord-builds", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def request_all(self) -> None:
        """Let the thread compact each index of the folder for which that is due."""
        for name in self._names():
            self.request(name)

    def wait(self, seconds: float) -> bool:
        """Wait until no build is requested or running; return False if that takes longer than `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and self._running is None, seconds)

    def close(self, seconds: float) -> None:
        """Finish the builds that take at most `seconds`, and abandon the others. The folder stays as it is."""
        self.wait(seconds)
        with self._changed:
            self._stopped = True
            self._queue.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        compact: Compact | None = None
        while (name := self._next()) is not None:
            compact = compact or self._compose()
            try:
                self._build(name, compact)
            finally:
                with self._changed:
                    self._running = None
                    self._changed.notify_all()

    def _next(self) -> str | None:
        """Wait for a request; return None once the builds are closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopped)
            if self._stopped:
                return None
            self._running = next(iter(self._queue))
            del self._queue[self._running]
            return self._running

    def _build(self, name: str, compact: Compact) -> None:
        while not self._lock.acquire():  # another process builds
            with self._changed:
                if self._changed.wait_for(lambda: self._stopped, _LOCK_INTERVAL):
                    return
        try:
            start = monotonic()
            done = compact(name, HOLDER, Deadline(start + BUILD_SECONDS))
            _LOGGER.debug("index %r: %s in %.1f s", name, done.outcome, monotonic() - start)
        except (Unavailable, StoreError, BlobError) as error:
            _LOGGER.warning("index %r was not rebuilt, and stays as it is: %s", name, error)
        finally:
            self._lock.release()
