"""Time-limited leases on S3, so that usually only one worker runs a job.

A lease is an optimization, not a lock. If clocks differ, two workers may hold it at once; correctness comes from the
conditional write that ends the job.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
from msgspec import structs

from vectord.errors import ConditionFailed, ObjectNotFound, StorageSilent, StoreError, StoreUnavailable, WriteConflict
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Condition, IfAbsent, IfMatch, Store, StoredObject
from vectord.storage.limits import STAGING


class Lease(msgspec.Struct, frozen=True):
    """A stored lease: `id` makes its bytes and its ETag unique; `ends` and `since` in seconds since 1970.

    `stage` says what its holder is doing. A lease of an earlier vectord has neither `since` nor `stage`.
    """

    id: str
    holder: str
    ends: float
    since: float = 0.0
    stage: str = ""


class HeldLease:
    """A lease that this process has acquired."""

    def __init__(self, store: Store, environment: Environment, name: str, lease: Lease, etag: str) -> None:
        self._store, self._environment, self._name, self._lease, self._etag = store, environment, name, lease, etag

    def note(self, stage: str) -> None:
        """Write what the holder is doing into the lease. If that fails, the holder goes on without it."""
        lease = structs.replace(self._lease, id=self._environment.new_id(), stage=stage)
        with suppress(StoreError):
            self._etag = self._store.put(self._name, msgspec.json.encode(lease), IfMatch(self._etag), lease.id)

    def release(self) -> None:
        """Delete the lease, unless another holder has taken it over. If that fails, it expires."""
        with suppress(StoreError):
            try:
                self._store.delete(self._name, IfMatch(self._etag))
            except ConditionFailed:  # the outcome of a note was unknown
                stored = _read(self._store, self._name)
                current = _decoded(stored.data) if stored else None
                if stored and current and current.holder == self._lease.holder:
                    self._store.delete(self._name, IfMatch(stored.etag))


class Leases:
    """Leases, each a small object next to the staged objects."""

    def __init__(
        self, store: Store, environment: Environment, retry_policy: RetryPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        """Use `clock`, seconds since 1970, for the end times of leases."""
        self._store, self._environment, self._retry_policy, self._clock = store, environment, retry_policy, clock

    @contextmanager
    def acquire(self, job: str, holder: str, seconds: float, deadline: Deadline) -> Iterator[HeldLease | None]:
        """Acquire the lease on `job` for the block, at most for `seconds`; yield None if another holder has it.

        A retry with the same `holder` takes the lease over, because the caller knows that the first attempt died.

        Raises:
            StorageSilent, StoreRefused
        """
        held = self._acquire(_name_of(job), holder, seconds, deadline)
        try:
            yield held
        finally:
            if held:
                held.release()

    def _acquire(self, name: str, holder: str, seconds: float, deadline: Deadline) -> HeldLease | None:
        now = self._clock()
        lease = Lease(self._environment.new_id(), holder, now + seconds, now)
        for attempt in range(self._retry_policy.max_attempts):
            if attempt and not self._retry_policy.wait(attempt, self._environment, deadline):
                break
            try:
                stored = _read(self._store, name)
                if stored:
                    current = _decoded(stored.data)
                    if current and current.holder != holder and self._clock() < current.ends:
                        return None
                condition: Condition = IfMatch(stored.etag) if stored else IfAbsent()
                etag = self._store.put(name, msgspec.json.encode(lease), condition, lease.id)
                return HeldLease(self._store, self._environment, name, lease, etag)
            except (ConditionFailed, WriteConflict, ObjectNotFound, StoreUnavailable):
                continue  # another worker wrote it first, or the outcome is unknown: try again
        raise StorageSilent


def present_lease(store: Store, job: str, clock: Callable[[], float] = time.time) -> Lease | None:
    """Return the lease on `job` that some worker has; None if there is none, or if it has ended.

    Raises:
        StoreUnavailable, StoreRefused
    """
    stored = _read(store, _name_of(job))
    lease = _decoded(stored.data) if stored else None
    return lease if lease and clock() < lease.ends else None


def _name_of(job: str) -> str:
    return f"{STAGING}{job}.claim"


def _read(store: Store, name: str) -> StoredObject | None:
    try:
        found = store.get(name)
    except ObjectNotFound:
        return None
    return found if isinstance(found, StoredObject) else None


def _decoded(data: bytes) -> Lease | None:
    try:
        return msgspec.json.decode(data, type=Lease)
    except msgspec.DecodeError:
        return None
