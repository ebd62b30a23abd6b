"""The store in memory: objects and their versions, lost when the process ends; for tests and demos."""

import hashlib
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from threading import Lock
from typing import Final

import msgspec

from vectord.errors import ConditionFailed, ObjectNotFound, ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.lhv1 import params
from vectord.storage.base import (
    ByteRange,
    Condition,
    CopySource,
    IfMatch,
    ListedObject,
    NotModified,
    ObjectHead,
    ObjectPage,
    ObjectVersion,
    StoredObject,
    VersionPage,
)
from vectord.storage.limits import BUCKETS, LEAST_PART, STAGING, check_link, check_parts, check_splice, check_staging
from vectord.storage.removal import History, Leftovers

VERSION_BYTES: Final = 64 << 20
_ALL: Final = 1 << 40


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryStore:
    """A Store whose conditional writes are atomic. Its objects are lost when the process ends.

    `least_part` is the least size of a part, by default S3's; tests use less to splice a few bytes. `version_bytes`
    is the budget for old versions of all objects together; the oldest are dropped first.
    """

    def __init__(
        self,
        clock: Callable[[], datetime] = _now,
        *,
        least_part: int = LEAST_PART,
        version_bytes: int = VERSION_BYTES,
    ) -> None:
        self._clock, self._min_part, self._history = clock, least_part, _History(version_bytes)
        self._lock = Lock()
        self._objects: dict[str, tuple[StoredObject, datetime]] = {}

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        with self._lock:
            stored = self._find(name)
        return NotModified() if stored.etag == known_etag else stored

    def etag(self, name: str) -> str:
        with self._lock:
            return self._find(name).etag

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        with self._lock:
            stored = self._find(name, version)
        if stored.etag == known_etag:
            return NotModified()
        return ObjectHead(stored.data[:length], stored.etag, len(stored.data))

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        if not ranges:
            return []
        with self._lock:
            data = self._data_at(name, etag, version)
        return [_cut_range(data, start, stop) for start, stop in ranges]

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        with self._lock:
            self._check(name, condition)
            return self._write(name, data)

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        check_splice(head, source, self._min_part)
        with self._lock:
            copied = _cut_range(self._data_at(source.name, source.etag, source.version), source.start, source.stop)
            self._check(name, condition)
            return self._write(name, head + copied, parts=2)

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        check_staging(name)
        checked = list(check_parts(parts, self._min_part))
        with self._lock:
            return self._write(name, b"".join(checked), len(checked))

    def discard(self, name: str) -> None:
        check_staging(name)
        with self._lock:
            self._objects.pop(name, None)  # staged objects have no versions

    def staged(self, folder: str) -> list[ListedObject]:
        check_staging(folder)
        with self._lock:
            names = [name for name in self._objects if name.startswith(folder) and "/" not in name.removeprefix(folder)]
            return [self._listed(name) for name in sorted(names)]

    def delete(self, name: str, condition: IfMatch) -> None:
        with self._lock:
            self._check(name, condition)
            del self._objects[name]
            self._history.add(name, None, self._clock())

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        with self._lock:
            # Names with a further slash are staged objects and shards.
            folder = BUCKETS if prefix.startswith(BUCKETS) else ""
            names = sorted(
                name
                for name in self._objects
                if name.startswith(prefix) and name > (after or "") and "/" not in name.removeprefix(folder)
            )
            page = tuple(self._listed(name) for name in names[:limit])
        return ObjectPage(page, page[-1].name if len(names) > limit else None)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        with self._lock:
            return self._history.page(name, limit, after)

    def histories(self) -> Iterator[History]:
        with self._lock:
            names = [name for name in self._history.names() if params.is_blob_name(name)]
        for name in names:
            yield History(name, self.versions(name, _ALL).versions)

    def remove_versions(self, name: str, versions: Sequence[str]) -> None:
        with self._lock:
            for version in versions:
                self._history.remove(name, version)

    def remove_leftovers(self, before: datetime) -> Leftovers:
        """Do nothing: staged objects have no versions, and no upload stays unfinished."""
        return Leftovers()

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        """Return a data URL that contains the bytes themselves and never expires."""
        check_link(seconds, filename)
        with self._lock:
            data = self._find(name, version).data
        return f"data:application/octet-stream;base64,{b64encode(data).decode()}"

    def _write(self, name: str, data: bytes, parts: int = 0) -> str:
        # As in S3, equal bytes get equal ETags if they were written in the same number of parts.
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        etag = f'"{digest}-{parts}"' if parts else f'"{digest}"'
        self._objects[name] = (StoredObject(data, etag), now := self._clock())
        if not name.startswith(STAGING):
            self._history.add(name, StoredObject(data, etag), now)
        return etag

    def _check(self, name: str, condition: Condition) -> None:
        if isinstance(condition, IfMatch):
            self._data_at(name, condition.etag)
        elif name in self._objects:
            raise ConditionFailed(name)

    def _data_at(self, name: str, etag: str, version: str | None = None) -> bytes:
        stored = self._find(name, version)
        if stored.etag != etag:
            raise ConditionFailed(name)
        return stored.data

    def _find(self, name: str, version: str | None = None) -> StoredObject:
        if version is not None:
            return self._history.find(name, version)
        if name not in self._objects:
            raise ObjectNotFound(name)
        return self._objects[name][0]

    def _listed(self, name: str) -> ListedObject:
        stored, modified = self._objects[name]
        return ListedObject(name, len(stored.data), modified, stored.etag)


def _cut_range(data: bytes, start: int, stop: int) -> bytes:
    """Return a range. As S3 does, refuse a range that starts after the end, and fail for one that ends after it."""
    if start >= len(data) and start != stop:
        raise StoreRefused("InvalidRange")
    if stop > len(data):
        raise StoreUnavailable("the range is longer than the object")
    return data[start:stop]


class _StoredVersion(msgspec.Struct, frozen=True):
    id: str
    name: str
    object: StoredObject | None  # None for a deletion
    modified: datetime

    @property
    def size(self) -> int:
        return len(self.object.data) if self.object else 0


class _History(msgspec.Struct):
    """The versions of each object, oldest first; all versions but the latest take at most `budget` bytes together."""

    budget: int
    _versions: dict[str, list[_StoredVersion]] = msgspec.field(default_factory=dict)
    _old: deque[_StoredVersion] = msgspec.field(default_factory=deque)
    _bytes: int = 0
    _ids: Iterator[int] = msgspec.field(default_factory=lambda: count(1))

    def add(self, name: str, state: StoredObject | None, now: datetime) -> None:
        """Add a version; None for a deletion."""
        versions = self._versions.setdefault(name, [])
        if versions:
            self._old.append(versions[-1])
            self._bytes += versions[-1].size
        versions.append(_StoredVersion(f"v{next(self._ids):012}", name, state, now))
        while self._bytes > self.budget:
            dropped = self._old.popleft()
            self._bytes -= dropped.size
            self._versions[dropped.name].remove(dropped)

    def page(self, name: str, limit: int, after: str | None) -> VersionPage:
        versions = self._versions.get(name, [])
        newest_first = [
            _as_object_version(stored, latest=stored is versions[-1])
            for stored in reversed(versions)
            if after is None or stored.id < after
        ]
        return VersionPage(
            tuple(newest_first[:limit]), newest_first[limit - 1].id if len(newest_first) > limit else None
        )

    def find(self, name: str, version: str) -> StoredObject:
        """Return a version; raise ObjectVersionNotFound if it does not exist or is a deletion."""
        for stored in self._versions.get(name, ()):
            if stored.id == version and stored.object:
                return stored.object
        raise ObjectVersionNotFound(version)

    def names(self) -> list[str]:
        return list(self._versions)

    def remove(self, name: str, version: str) -> None:
        """Remove one version permanently, as a lifecycle rule does."""
        for stored in [stored for stored in self._versions.get(name, ()) if stored.id == version]:
            self._versions[name].remove(stored)
            if stored in self._old:
                self._old.remove(stored)
                self._bytes -= stored.size


def _as_object_version(stored: _StoredVersion, *, latest: bool) -> ObjectVersion:
    etag = stored.object.etag if stored.object else None
    return ObjectVersion(stored.id, etag, stored.size, stored.modified, latest, stored.object is None)
