"""Leases: of all who come to do a thing, one does it and the others leave. A claim ends by itself, as its holder may.

It only saves work. Two holders at once, by clocks that differ, do no harm to what is written under a condition.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec

from vectord.errors import ConditionFailed, ObjectNotFound, StorageSilent, StoreError, StoreUnavailable, WriteConflict
from vectord.service.environment import Environment, RetryPolicy
from vectord.storage.base import Condition, IfAbsent, IfMatch, Store, StoredObject
from vectord.storage.limits import STAGING


class _Claim(msgspec.Struct):
    """`id` makes the bytes, and so the ETag, those of this attempt alone; `ends` is in seconds since 1970."""

    id: str
    holder: str
    ends: float


class Leases:
    """Leases as small objects beside what is staged."""

    def __init__(
        self, store: Store, environment: Environment, retry_policy: RetryPolicy, clock: Callable[[], float] = time.time
    ) -> None:
        """Take `clock` as the seconds since 1970, which all holders share."""
        self._store, self._world, self._patience, self._clock = store, environment, retry_policy, clock

    @contextmanager
    def held(self, what: str, holder: str, length: float, until: float) -> Iterator[bool]:
        """Hold `what` for the block, for `length` seconds at most; give False where somebody else does.

        A `holder` that comes again takes over from itself: whoever repeats it knows that it died.

        Raises:
            StorageSilent, StoreRefused
        """
        name = f"{STAGING}{what}.claim"
        etag = self._take(name, holder, length, until)
        try:
            yield etag is not None
        finally:
            if etag is not None:
                with suppress(StoreError):  # it ends by itself
                    self._store.delete(name, IfMatch(etag))

    def _take(self, name: str, holder: str, length: float, until: float) -> str | None:
        mine = _Claim(self._world.new_id(), holder, self._clock() + length)
        for _ in self._patience.attempts(self._world, until):
            try:
                found = self._present(name)
                if isinstance(found, StoredObject):
                    theirs = _decoded(found.data)
                    if theirs and theirs.holder != holder and self._clock() < theirs.ends:
                        return None
                condition: Condition = IfMatch(found.etag) if found else IfAbsent()
                return self._store.put(name, msgspec.json.encode(mine), condition, mine.id)
            except (ConditionFailed, WriteConflict, ObjectNotFound, StoreUnavailable):
                continue  # somebody was faster, or nobody knows
        raise StorageSilent

    def _present(self, name: str) -> StoredObject | None:
        try:
            found = self._store.get(name)
        except ObjectNotFound:
            return None
        return found if isinstance(found, StoredObject) else None


def _decoded(data: bytes) -> _Claim | None:
    try:
        return msgspec.json.decode(data, type=_Claim)
    except msgspec.DecodeError:
        return None
