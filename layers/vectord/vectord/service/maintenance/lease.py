"""Time-limited leases on S3, so that usually only one worker runs a job.

A lease is an optimization, not a lock. If clocks differ, two workers may hold it at once; correctness comes from the
conditional write that ends the job.

A lease lasts a minute, and its holder renews it while it works. So a holder that was killed blocks the job for a minute
at most. A holder that was overtaken, because it did not run or did not reach storage for a minute, finds that out at
its next renewal and stops.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Final

import msgspec
from msgspec import structs

from vectord.errors import ConditionFailed, ObjectNotFound, StorageSilent, StoreError, StoreUnavailable, WriteConflict
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Condition, IfAbsent, IfMatch, Store, StoredObject
from vectord.storage.limits import STAGING

LEASE_SECONDS: Final = 60.0
RENEWAL_SECONDS: Final = 15.0  # three renewals may fail before the lease ends

# Calls a function every so many seconds while the block runs.
type Repeat = Callable[[float, Callable[[], None]], AbstractContextManager[None]]


class LeaseLost(Exception):
    """Another holder has the lease, so the work on the job must end."""


class Lease(msgspec.Struct, frozen=True):
    """A stored lease: `id` makes its bytes and its ETag unique; `ends` and `since` in seconds since 1970.

    `stage` says what its holder is doing. A lease of an earlier vectord has neither `since` nor `stage`.
    """

    id: str
    holder: str
    ends: float
    since: float = 0.0
    stage: str = ""

    def is_continued_by(self, other: "Lease") -> bool:
        """Return True if `other` is a renewal of this lease, and no takeover, not even one by the same holder."""
        return (self.holder, self.since) == (other.holder, other.since)


class HeldLease:
    """A lease that this process has acquired. Several threads may use it."""

    def __init__(
        self, store: Store, environment: Environment, clock: Callable[[], float], *, name: str, lease: Lease, etag: str
    ) -> None:
        self._store, self._environment, self._clock, self._name = store, environment, clock, name
        self._lease, self._etag = lease, etag
        self._lock, self._lost = Lock(), False

    def note(self, stage: str) -> None:
        """Renew the lease, and write into it what the holder is doing.

        Raises:
            LeaseLost
        """
        with self._lock:
            self._lease = structs.replace(self._lease, stage=stage)
        self.renew()

    def renew(self) -> None:
        """Let the lease end `LEASE_SECONDS` from now. If storage does not answer, a later renewal may still do that.

        Raises:
            LeaseLost: another holder has the lease.
        """
        with self._lock, suppress(StoreError):
            if not self._lost:
                self._write()
        if self._lost:
            raise LeaseLost

    def release(self) -> None:
        """Delete the lease, unless another holder has taken it over. If that fails, it expires."""
        with self._lock, suppress(StoreError):
            if self._lost:
                return
            try:
                self._store.delete(self._name, IfMatch(self._etag))
            except ConditionFailed:  # the outcome of a renewal was unknown
                if stored := self._stored_by_us():
                    self._store.delete(self._name, IfMatch(stored.etag))

    def _write(self) -> None:
        """Write the lease over the one that this process wrote last.

        Raises:
            StoreError: nothing was written, or the outcome is unknown.
        """
        lease = structs.replace(self._lease, id=self._environment.new_id(), ends=self._clock() + LEASE_SECONDS)
        data = msgspec.json.encode(lease)
        try:
            self._etag = self._store.put(self._name, data, IfMatch(self._etag), lease.id)
        except ObjectNotFound:  # removed by hand, or by a holder that is done, whose build this one will find
            self._etag = self._store.put(self._name, data, IfAbsent(), lease.id)
        except ConditionFailed:
            stored = self._stored_by_us()  # the outcome of a renewal was unknown
            self._lost = stored is None
            if stored:
                self._etag = self._store.put(self._name, data, IfMatch(stored.etag), lease.id)

    def _stored_by_us(self) -> StoredObject | None:
        """Return the stored lease if this process wrote it."""
        stored = _read(self._store, self._name)
        current = _decoded(stored.data) if stored else None
        return stored if current and self._lease.is_continued_by(current) else None


@contextmanager
def in_a_thread(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` every `seconds` in a thread of its own while the block runs, if one can be started."""
    ended = Event()

    def run() -> None:
        while not ended.wait(seconds):
            act()

    thread = Thread(target=run, name="lease", daemon=True)
    with suppress(RuntimeError):  # the process ends, or has too many threads: `note` and `renew` must do
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()


class Leases:
    """Leases, each a small object next to the staged objects."""

    def __init__(
        self,
        store: Store,
        environment: Environment,
        retry_policy: RetryPolicy,
        clock: Callable[[], float] = time.time,
        repeat: Repeat = in_a_thread,
    ) -> None:
        """Use `clock`, seconds since 1970, for the end times of leases, and renew them by `repeat`."""
        self._store, self._environment, self._retry_policy, self._clock = store, environment, retry_policy, clock
        self._repeat = repeat

    @contextmanager
    def acquire(self, job: str, holder: str, deadline: Deadline) -> Iterator[HeldLease | None]:
        """Acquire the lease on `job` and renew it during the block; yield None if another holder has it.

        A retry with the same `holder` takes the lease over, because the caller knows that the first attempt died.

        Raises:
            StorageSilent, StoreRefused
        """
        held = self._acquire(_name_of(job), holder, deadline)
        if held is None:
            yield None
            return

        def renew() -> None:
            with suppress(LeaseLost):  # the holder finds that out when it notes its next stage
                held.renew()

        try:
            with self._repeat(RENEWAL_SECONDS, renew):
                yield held
        finally:
            held.release()

    def _acquire(self, name: str, holder: str, deadline: Deadline) -> HeldLease | None:
        now = self._clock()
        lease = Lease(self._environment.new_id(), holder, now + LEASE_SECONDS, now)
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
                return HeldLease(self._store, self._environment, self._clock, name=name, lease=lease, etag=etag)
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
