"""Open an index at its present ETag, once for each request, and cache what was opened."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from vectord.cache.section_cache import SectionCache
from vectord.errors import IndexNotFound, ObjectNotFound
from vectord.index.codec.encode import PreparedBlob
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.service.snapshots.opener import Snapshot, SnapshotOpener
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import ObjectHead, Reader, Store

# The bytes that the first request reads: the whole of a very small index, the envelope of a large one.
HEAD_BYTES: Final = 64 << 10
# And before a search: the whole of a small index, or the envelope and the sketch of a large one, about 100,000 rows of
# 384 dimensions. A second request, once the envelope is known, would take as long as 1.9 MB more (25 ms at 75 MB/s).
SEARCH_HEAD_BYTES: Final = (16 << 10) + 100_000 * 384 // 8


class SnapshotCache:
    """The snapshots used last, up to `budget` bytes of memory, and always the newest one.

    Their sections are in `files`, which have a budget of their own.
    """

    def __init__(self, store: Reader, files: SectionCache, budget: int, environment: Environment) -> None:
        self._store, self._files, self._budget, self._environment = store, files, budget, environment
        self._opener = SnapshotOpener(store, files, environment)
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._present_at: dict[str, float] = {}  # when each was last known to be the present state
        self._lock = Lock()

    def read(self, name: str, *, for_search: bool = False) -> Snapshot:
        """Return the present snapshot by one conditional GET of the head: an unchanged object returns 304.

        Without a cached snapshot, `for_search` reads the bytes that a search needs together with the head.

        Raises:
            ObjectNotFound, StoreUnavailable, StoreRefused: as the store's `head` does.
            ObjectChanged: it changed during the read.
            BlobCorrupt, BlobUnsupported: the object cannot be read.
        """
        environment, cached = self._environment, self._cached(name)
        start = environment.now()
        length = SEARCH_HEAD_BYTES if for_search and cached is None else HEAD_BYTES
        head = self._store.head(name, length, cached.etag if cached else None)
        environment.meter.add("ReadRequests")
        if isinstance(head, ObjectHead):
            environment.meter.add("ReadBytes", len(head.data))
            opened = self.keep(self._opener.open(name, head, cached), start)
            environment.meter.add("ColdLoads")
            environment.meter.add("ColdLoadMilliseconds", (environment.now() - start) * 1000)
            return opened
        if cached is None:
            raise AssertionError("a store may answer NotModified only to an ETag")
        environment.meter.add("CacheHits")
        return self.keep(cached, start)

    def recent(self, name: str, staleness: float) -> Snapshot | None:
        """Return the cached snapshot if it was present at most `staleness` seconds ago; send no request."""
        cached = self._cached(name)
        present_at = self._present_at.get(name)
        if cached is None or present_at is None or self._environment.now() - present_at > staleness:
            return None
        self._environment.meter.add("CacheHits")
        return cached

    def keep_committed(self, name: str, encoded: PreparedBlob, etag: str, before: Index, *, sent_at: float) -> Snapshot:
        """Cache the state that our own commit wrote over `before`; `sent_at` is when the commit was sent."""
        return self.keep(self._opener.open_committed(name, encoded, etag, before), sent_at)

    def keep(self, snapshot: Snapshot, present_at: float) -> Snapshot:
        """Cache a snapshot that was the present one at `present_at` or later."""
        name = snapshot.name
        with self._lock:
            self._snapshots[name] = snapshot
            self._present_at[name] = present_at
            self._snapshots.move_to_end(name)
            # An evicted file takes its space until no snapshot uses it.
            for other in [key for key, each in self._snapshots.items() if key != name and not self._is_whole(each)]:
                del self._snapshots[other]
            while (
                len(self._snapshots) > 1
                and sum(one.index.body_start for one in self._snapshots.values()) > self._budget
            ):
                self._snapshots.popitem(last=False)
            self._present_at = {key: self._present_at[key] for key in self._snapshots}
        return snapshot

    def forget(self, name: str) -> None:
        with self._lock:
            self._snapshots.pop(name, None)

    def _cached(self, name: str) -> Snapshot | None:
        with self._lock:
            cached = self._snapshots.get(name)
            if cached and not self._is_whole(cached):
                del self._snapshots[name]
                return None
        for file in cached.files if cached else ():
            self._files.touch(file)
        return cached

    def _is_whole(self, snapshot: Snapshot) -> bool:
        """Return True if none of the snapshot's files was evicted."""
        return all(map(self._files.contains, snapshot.files))


class SnapshotReader:
    """The present states of the indexes in one store."""

    def __init__(self, store: Store, cache: SnapshotCache, environment: Environment, retry_policy: RetryPolicy) -> None:
        self.store, self.cache, self.environment, self.retry_policy = store, cache, environment, retry_policy

    def open(self, name: str, *, for_search: bool = False) -> Snapshot:
        """Return the present snapshot of index `name`, in one attempt; `for_search` as in `SnapshotCache.read`.

        Raises:
            IndexNotFound, BlobError, ObjectChanged, StoreUnavailable, StoreRefused
        """
        if not params.is_blob_name(name):
            raise IndexNotFound(name)
        try:
            return self.cache.read(name, for_search=for_search)
        except ObjectNotFound as error:
            self.cache.forget(name)
            raise IndexNotFound(name) from error

    def present(self, name: str, deadline: Deadline) -> Snapshot:
        """Return the present snapshot of index `name`, retried until the deadline.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused
        """
        return self.retry(deadline, lambda: self.open(name))

    def etag(self, name: str, deadline: Deadline) -> str:
        """Return the present ETag of index `name`, readable or not.

        Raises:
            IndexNotFound, StorageSilent, StoreRefused
        """
        if not params.is_blob_name(name):
            raise IndexNotFound(name)
        try:
            return self.retry(deadline, lambda: self.store.etag(name))
        except ObjectNotFound as error:
            self.cache.forget(name)
            raise IndexNotFound(name) from error

    def exists(self, name: str, deadline: Deadline) -> bool:
        """Return True if there is an index `name`, readable or not."""
        try:
            self.etag(name, deadline)
        except IndexNotFound:
            return False
        return True

    def retry[R](self, deadline: Deadline, read: Callable[[], R]) -> R:
        """Return the result of `read`, retried as `RetryPolicy.run` does."""
        return self.retry_policy.run(self.environment, deadline, read)
