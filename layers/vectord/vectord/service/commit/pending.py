"""Pending changes: changes that lost a race, as staged objects `.staging/<index>.pending/<id>.<attempt>`.

An id starts with the time, so that the objects are listed in the order in which their writers began to wait, and then
has the deadline of the writer. Whoever commits next applies them; only the writer of a change deletes its object, when
it knows the outcome. So an outcome that the index records is needed only while the object exists.

| what happens                      | what becomes of the change                                                     |
|-----------------------------------|--------------------------------------------------------------------------------|
| its writer dies                   | it is applied once, or never if no writer commits before it expires            |
| its writer's deadline passes      | the writer deletes it, or a later one: it expires CLOCKS seconds afterwards    |
| who commits it dies               | it stays, and another writer commits it                                        |
| the write of its object gets no   | an empty object takes its name, so that it cannot appear later; it is written  |
| answer                            | again under the next attempt, with the same id                                 |
| the index is created again        | it is deleted before: an index never gets a change of an earlier one           |
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from vectord.errors import ConditionFailed, ObjectNotFound, StoreError
from vectord.service.commit.operations import pack, unpack
from vectord.service.commit.prepared import Operation
from vectord.service.values.environment import Environment
from vectord.storage.base import IfAbsent, ListedObject, Store, StoredObject
from vectord.storage.limits import STAGING
from vectord.storage.workers import Workers

CLOCKS: Final = 30.0  # seconds by which the clocks of two writers may differ
_LONGEST: Final = 86_400.0  # seconds; of a request without a deadline
_EARLIER: Final = 60.0  # seconds that a change of an earlier version waits, whose id has no deadline
_READERS: Final = 16  # threads
_TIMES: Final = re.compile("([0-9a-f]{12})-(?:([0-9a-f]{12})-)?")  # milliseconds since 1970: begin, deadline


class PendingChange(msgspec.Struct, frozen=True):
    """A listed pending change: its id, the name of its object, and the bytes of the object, 0 if it was cancelled."""

    id: str
    object: str
    size: int


class PendingChanges:
    """The pending changes of the indexes in one store."""

    def __init__(self, store: Store, environment: Environment) -> None:
        self._store, self._environment = store, environment
        self._workers = Workers(_READERS, "pending")

    def new_id(self, seconds: float) -> str:
        """Return the id of a change whose writer begins to wait, and ends in `seconds` at the latest."""
        begin = self._environment.wall()
        deadline = begin + min(seconds, _LONGEST)
        return f"{int(begin * 1000):012x}-{int(deadline * 1000):012x}-{self._environment.new_id()}"

    def submit(self, change: PendingChange, operation: Operation) -> None:
        """Store a change.

        Raises:
            StoreUnavailable: no answer; it may be stored, now or later.
            WriteConflict: it is not stored.
            StoreRefused
        """
        # The object of an id is written once, so a refusal shows that this request arrived twice.
        with suppress(ConditionFailed):
            self._store.put(change.object, pack(operation), IfAbsent(), change.id)

    def cancel(self, change: PendingChange) -> None:
        """Replace a change whose write got no answer, so that this write can have no effect from now on.

        Raises:
            StoreUnavailable, WriteConflict, StoreRefused: it may still be stored.
        """
        self._store.stage(change.object, [b""])

    def listed(self, index: str) -> list[PendingChange]:
        """Return the changes of an index that wait, in their order.

        Raises:
            StoreUnavailable, StoreRefused
        """
        return list(map(_listed, self._store.staged(folder_of(index))))

    def someone_waits(self, index: str) -> bool:
        """Return True if a change of an index waits; raise what `listed` raises."""
        return any(change.size and not self.is_expired(change) for change in self.listed(index))

    def is_expired(self, change: PendingChange) -> bool:
        """Return True if the writer of the change has certainly ended."""
        if not (times := _TIMES.match(change.id)):
            return True
        begin, deadline = times.groups()
        end = int(deadline, 16) / 1000 if deadline else int(begin, 16) / 1000 + _EARLIER - CLOCKS
        return self._environment.wall() > end + CLOCKS

    def read(self, changes: Sequence[PendingChange]) -> list[Operation | None]:
        """Return the operation of each change; None if its object is gone, or is not readable by this version.

        Raises:
            StoreUnavailable, StoreRefused
        """
        return self._workers.map(self._read, changes)

    def discard(self, changes: Sequence[PendingChange]) -> None:
        """Delete the objects of changes whose outcome is known, or which expired. What fails stays until it expires."""
        with suppress(StoreError):
            self._workers.map(lambda change: self._store.discard(change.object), changes)

    def clear(self, index: str) -> None:
        """Delete all changes of an index that does not exist.

        Raises:
            StoreUnavailable, WriteConflict, StoreRefused: some may remain.
        """
        if changes := self.listed(index):
            self._workers.map(lambda change: self._store.discard(change.object), changes)

    def _read(self, change: PendingChange) -> Operation | None:
        try:
            found = self._store.get(change.object)
            return unpack(found.data) if isinstance(found, StoredObject) else None
        except (ObjectNotFound, ValueError):
            return None


def folder_of(index: str) -> str:
    """Return what the names of the objects of an index's pending changes start with."""
    return f"{STAGING}{index}.pending/"


def pending_change(index: str, change_id: str, attempt: int) -> PendingChange:
    """Return a change that is not stored yet."""
    return PendingChange(change_id, f"{folder_of(index)}{change_id}.{attempt}", 1)


def _listed(entry: ListedObject) -> PendingChange:
    return PendingChange(entry.name.rpartition("/")[2].partition(".")[0], entry.name, entry.size)
