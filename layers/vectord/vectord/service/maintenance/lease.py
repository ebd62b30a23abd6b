"""Time-limited leases on S3, so that usually only one worker runs a job.

A lease is an optimization, not a lock. If clocks differ, two workers may hold it at once; correctness comes from the
conditional write that ends the job.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from vectord.errors import ConditionFailed, ObjectNotFound, StorageSilent, StoreError, StoreUnavailable, WriteConflict
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Condition, IfAbsent, IfMatch, Store, StoredObject
from vectord.storage.limits import STAGING


class _Lease(msgspec.Struct):
    """A stored lease: `id` makes its bytes and its ETag unique; `ends` in seconds since 1970."""

    id: str
    holder: str
    ends: float


class Leases:
    """Leases, each a small object next to the staged objects."""

    def __init__(
        self, store: Store, environment: Environment, retry_policy: RetryPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        """Use `clock`, seconds since 1970, for the end times of leases."""
        self._store, self._environment, self._retry_policy, self._clock = store, environment, retry_policy, clock

    @contextmanager
    def acquire(self, job: str, holder: str, seconds: float, deadline: Deadline) -> Iterator[bool]:
        """Acquire the lease on `job` for the block, at most for `seconds`; yield False if another holder has it.

        A retry with the same `holder` takes the lease over, because the caller knows that the first attempt died.

        Raises:
            StorageSilent, StoreRefused
        """
        name = f"{STAGING}{job}.claim"
        etag = self._acquire(name, holder, seconds, deadline)
        try:
            yield etag is not None
        finally:
            if etag is not None:
                with suppress(StoreError):  # the lease expires anyway
                    self._store.delete(name, IfMatch(etag))

    def _acquire(self, name: str, holder: str, seconds: float, deadline: Deadline) -> str | None:
        lease = _Lease(self._environment.new_id(), holder, self._clock() + seconds)
        for attempt in range(self._retry_policy.max_attempts):
            if attempt and not self._retry_policy.wait(attempt, self._environment, deadline):
                break
            try:
                stored = self._read(name)
                if stored:
                    current = _decoded(stored.data)
                    if current and current.holder != holder and self._clock() < current.ends:
                        return None
                condition: Condition = IfMatch(stored.etag) if stored else IfAbsent()
                return self._store.put(name, msgspec.json.encode(lease), condition, lease.id)
            except (ConditionFailed, WriteConflict, ObjectNotFound, StoreUnavailable):
                continue  # another worker wrote it first, or the outcome is unknown: try again
        raise StorageSilent

    def _read(self, name: str) -> StoredObject | None:
        try:
            found = self._store.get(name)
        except ObjectNotFound:
            return None
        return found if isinstance(found, StoredObject) else None


def _decoded(data: bytes) -> _Lease | None:
    try:
        return msgspec.json.decode(data, type=_Lease)
    except msgspec.DecodeError:
        return None
