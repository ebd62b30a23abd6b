"""Thin the old versions of indexes, and remove what staged objects and unfinished uploads leave behind.

Each commit leaves a whole object, so that the versions of a few minutes may have hundreds of times the bytes of the
index. `retention.py` decides which of them are kept.

| what happens meanwhile                        | result                                                              |
|-----------------------------------------------|---------------------------------------------------------------------|
| the index changes, is deleted or created      | its versions are newer than those that were listed; they are kept    |
| another thinning of the same object           | the one that writes the record first goes on, the other leaves it    |
| this process dies                             | the record is written before; the next thinning removes the rest     |
| a version is being read, copied or restored   | `version-not-found`; nothing was changed. The latest ten are kept    |

The present version is never removed: it is the latest in every listing, and only older ones are.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import msgspec

from vectord.errors import ConditionFailed, ObjectNotFound, WriteConflict
from vectord.lhv1 import params
from vectord.service.maintenance import retention
from vectord.service.snapshots.removed import Record, record_name, record_of
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import IfAbsent, IfMatch, ObjectVersion, Store
from vectord.storage.removal import VersionRemover

_PAGE: Final = 1_000
# Older than the longest link to a staged object (an hour), and than the longest run of a function.
_LEFTOVER_AGE: Final = timedelta(hours=2)


class Thinned(msgspec.Struct, frozen=True):
    """What was removed: versions of `objects` indexes and shards, and leftovers; all in `versions` and `bytes`.

    `complete` is False if the time was over before every object was looked at.
    """

    objects: int = 0
    versions: int = 0
    bytes: int = 0
    uploads: int = 0
    complete: bool = True


def _now() -> datetime:
    return datetime.now(UTC)


class Thinning:
    """Thins the versions in one store by a `remover`, and keeps one a day for `days`; without it, it does nothing."""

    def __init__(
        self,
        store: Store,
        remover: VersionRemover | None,
        *,
        days: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._store, self._remover, self._days, self._clock = store, remover, days, clock
        self.environment, self._retry_policy = environment, retry_policy

    def thin(self, name: str, deadline: Deadline) -> Thinned:
        """Thin the versions of one index or shard.

        Raises:
            StorageSilent, StoreRefused: some versions may be removed; the next thinning removes the others.
        """
        if self._remover is None or not params.is_blob_name(name):
            return Thinned()
        removed = self._thin(name, list(self._versions(name, deadline)), self._remover, deadline)
        return self._metered(Thinned(bool(removed), len(removed), sum(one.bytes for one in removed)))

    def thin_all(self, deadline: Deadline) -> Thinned:
        """Thin the versions of every index and shard, of deleted ones too, and remove leftovers.

        Raises:
            StoreUnavailable, StorageSilent, StoreRefused: as for `thin`.
        """
        if self._remover is None:
            return Thinned()
        left = self._remover.remove_leftovers(self._clock() - _LEFTOVER_AGE)
        objects, versions, size, complete = 0, left.versions, left.bytes, True
        for history in self._remover.histories():
            if self.environment.left(deadline) <= 0:
                complete = False
                break
            removed = self._thin(history.name, history.versions, self._remover, deadline)
            objects, versions = objects + bool(removed), versions + len(removed)
            size += sum(one.bytes for one in removed)
        return self._metered(Thinned(objects, versions, size, left.uploads, complete))

    def _thin(
        self, name: str, versions: Sequence[ObjectVersion], remover: VersionRemover, deadline: Deadline
    ) -> Sequence[ObjectVersion]:
        """Remove the versions that are not kept, and return them; none if another thinning was faster."""
        removed = retention.removable(versions, self._clock(), self._days)
        if not removed or not self._record(name, versions, {one.id for one in removed}):
            return ()
        ids = [one.id for one in removed]
        self._retry_policy.run(self.environment, deadline, partial(remover.remove_versions, name, ids))
        return removed

    def _record(self, name: str, versions: Sequence[ObjectVersion], removed: set[str]) -> bool:
        """Store that versions will be removed; return False if another thinning stored its record first, or may have.

        What is recorded and not removed yet is listed, but no time leads to it.
        """
        found = record_of(self._store, name)
        gaps = retention.gaps_after(found.record.gaps, versions, removed)
        record = Record(self.environment.new_id(), gaps)
        condition = IfMatch(found.etag) if found.etag else IfAbsent()
        try:
            self._store.put(record_name(name), msgspec.json.encode(record), condition, record.id)
        except (ConditionFailed, WriteConflict, ObjectNotFound):
            return False
        return True

    def _versions(self, name: str, deadline: Deadline) -> Iterator[ObjectVersion]:
        after: str | None = None
        while True:
            page = self._retry_policy.run(self.environment, deadline, partial(self._store.versions, name, _PAGE, after))
            yield from page.versions
            if (after := page.after) is None:
                return

    def _metered(self, done: Thinned) -> Thinned:
        self.environment.meter.add("VersionsRemoved", done.versions)
        self.environment.meter.add("VersionBytesRemoved", done.bytes)
        return done
