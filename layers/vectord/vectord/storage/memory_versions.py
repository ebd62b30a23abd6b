"""The versions of a memory store's objects, as many of the old ones as fit."""

from collections import deque
from datetime import datetime
from itertools import count
from typing import Final

import msgspec

from vectord.errors import ObjectVersionNotFound
from vectord.storage.base import Fetched, Version, VersionPage

KEPT_BYTES: Final = 64 << 20


class _Kept(msgspec.Struct, frozen=True):
    id: str
    name: str
    object: Fetched | None  # None for a deletion
    modified: datetime

    @property
    def size(self) -> int:
        return len(self.object.data) if self.object else 0


class History(msgspec.Struct):
    """Versions by object, oldest first. Old ones go, the oldest of all objects first, beyond `budget` bytes."""

    budget: int
    _of: dict[str, list[_Kept]] = msgspec.field(default_factory=dict)
    _old: deque[_Kept] = msgspec.field(default_factory=deque)
    _bytes: int = 0
    _ids: "count[int]" = msgspec.field(default_factory=lambda: count(1))

    def add(self, name: str, state: Fetched | None, now: datetime) -> None:
        """Note that the object is in this state from now on, or deleted."""
        kept = self._of.setdefault(name, [])
        if kept:
            self._old.append(kept[-1])
            self._bytes += kept[-1].size
        kept.append(_Kept(f"v{next(self._ids):012}", name, state, now))
        while self._bytes > self.budget:
            gone = self._old.popleft()
            self._bytes -= gone.size
            self._of[gone.name].remove(gone)

    def page(self, name: str, limit: int, after: str | None) -> VersionPage:
        kept = self._of.get(name, [])
        shown = [_shown(one, latest=one is kept[-1]) for one in reversed(kept) if after is None or one.id < after]
        return VersionPage(tuple(shown[:limit]), shown[limit - 1].id if len(shown) > limit else None)

    def find(self, name: str, version: str) -> Fetched:
        """Return a state; ObjectVersionNotFound if it is gone, or none."""
        for one in self._of.get(name, ()):
            if one.id == version and one.object:
                return one.object
        raise ObjectVersionNotFound(version)


def _shown(one: _Kept, *, latest: bool) -> Version:
    return Version(one.id, one.object.etag if one.object else None, one.size, one.modified, latest, one.object is None)
