"""Builds in the background: one thread of this process compacts the indexes that are due for it, one at a time.

It waits for the end of a load as the compact function does. This process makes the changes, so that no look at the
index is needed.

A build ends in one conditional commit, so that it can be abandoned at any time: the index stays as it is, and the next
process that opens the folder builds it. A lock on a file of the folder, which the kernel releases with its process,
lets one process of several build. It also proves that a lease of the engine that is still there is one of a dead
process, and may be taken over.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, Final

from vectord.errors import BlobError, IndexNotFound, StoreError, Unavailable
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds, build_is_due, compaction_is_due
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.maintenance.quiet import DEFAULT, WaitLimits
from vectord.service.service import Service
from vectord.service.sharding.placement import shard_names
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline
from vectord_client.embedded.process_files import FileLock
from vectord_client.embedded.worker import Worker

if TYPE_CHECKING:
    from vectord.service.maintenance.compaction import Compaction  # imports the builder, which few processes need

LOCK: Final = ".builds.lock"
HOLDER: Final = "embedded"  # of the engine's leases, in every process: the lock decides who builds
_BUILD_SECONDS: Final = 3_600.0  # the time that a build may take
_LOCK_INTERVAL: Final = 0.5  # seconds between two attempts to get the lock
_SCAN_DELAY: Final = 1.0  # seconds after a folder is opened: the first requests go before
_SCAN_SECONDS: Final = 60.0
_PAGE: Final = 1_000  # indexes of one listing
_LOGGER: Final = logging.getLogger("vectord_client.embedded.builds")


class BackgroundPolicy(BuildPolicy):
    """The build policy of a process with a thread for builds: no change of an index waits for a build."""

    def __init__(self, environment: Environment, request: Callable[[str, Index], None]) -> None:
        super().__init__(environment, _nothing_to_send, memory=0)
        self._request = request

    def is_deferred(self, index: Index, thresholds: Thresholds, deadline: Deadline) -> bool:
        """Return True if a commit would build `index`; without a build its new rows are in the tail."""
        return build_is_due(index, thresholds) if index.can_keep_base else len(index) > 0

    def request_compaction(self, name: str, index: Index) -> None:
        """Let the thread build after the load, if a build is due then."""
        if compaction_is_due(index):
            self._request(name, index)


def _nothing_to_send(payload: bytes, seconds: float) -> None:
    raise AssertionError("a build is requested without a message")


class Builds:
    """The builds of the indexes in one folder."""

    def __init__(self, folder: Path, compose: "Callable[[], Compaction]", limits: WaitLimits = DEFAULT) -> None:
        """Compact with what `compose` returns, which leaves the wait to this class; the thread calls it once."""
        self._compose, self._limits = compose, limits
        self._compaction: Compaction | None = None
        self._lock = FileLock(folder / LOCK)
        self._worker = Worker("vectord-builds", self._build)
        self._scan: Timer | None = None
        self._first_request: dict[str, float] = {}  # since the latest build, by index

    def request(self, name: str, index: Index) -> None:
        """Let the thread compact an index that was just changed to `index`, if that is due; return at once."""
        now = monotonic()
        end = self._first_request.setdefault(name, now) + self._limits.longest
        self._worker.request(name, now if self._limits.is_tail_too_large(index) else min(now + self._limits.quiet, end))

    def scan_later(self, service: Service) -> None:
        """Soon, let the thread compact each index of the folder that an earlier process left due for it."""
        self._scan = Timer(_SCAN_DELAY, self._request_due, (service,))
        self._scan.daemon = True
        self._scan.start()

    def wait(self, seconds: float) -> bool:
        """Let what is requested be built at once, and wait for that; return False after `seconds`."""
        return self._worker.wait(seconds)

    def close(self, seconds: float) -> None:
        """Finish the builds that take at most `seconds`, and abandon the others. The indexes stay as they are."""
        if self._scan is not None:
            self._scan.cancel()
        try:
            self._worker.wait(seconds)
        finally:  # also if the caller does not want to wait and presses Ctrl-C
            self._worker.stop()

    def _request_due(self, service: Service) -> None:
        deadline, after = Deadline(service.environment.now() + _SCAN_SECONDS), None
        try:
            while True:
                page = service.list_indexes("", _PAGE, after, deadline)
                for found in page.objects:
                    self._request_if_due(found.name, service, deadline)
                if (after := page.after) is None:
                    return
        except (Unavailable, StoreError) as error:
            _LOGGER.warning("the indexes were not checked for builds: %s", error)

    def _request_if_due(self, name: str, service: Service, deadline: Deadline) -> None:
        try:
            index = service.reader.present(name, deadline).index
        except (IndexNotFound, BlobError):
            return
        if index.params.shards:
            for shard in shard_names(index.params):
                self._request_if_due(shard, service, deadline)
        elif compaction_is_due(index):
            self._worker.request(name)

    def _build(self, name: str) -> None:
        """Compact an index while no other process builds one in this folder."""
        self._first_request.pop(name, None)
        try:
            while not self._lock.acquire():
                if self._worker.pause(_LOCK_INTERVAL):
                    return
        except OSError as error:
            _LOGGER.debug("index %r is not built in this folder: %s", name, error)  # it is read-only
            return
        try:
            self._compact(name)
        finally:
            self._lock.release()

    def _compact(self, name: str) -> None:
        if self._compaction is None:
            self._compaction = self._compose()
        start = monotonic()
        try:
            done = self._compaction.compact(name, HOLDER, Deadline(start + _BUILD_SECONDS))
        except (Unavailable, StoreError, BlobError) as error:
            _LOGGER.warning("index %r was not built, and stays as it is: %s", name, error)
            return
        finally:
            self._compaction.environment.meter.drain()  # else it would count for as long as the process lives
        _LOGGER.debug("index %r: %s in %.1f s", name, done.outcome, monotonic() - start)
