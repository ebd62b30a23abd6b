"""List the earlier states of an index, and open one. It shares cached sections with the present state."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec
from msgspec import structs

from vectord.cache.section_cache import SectionCache
from vectord.errors import (
    BlobError,
    IndexNotFound,
    ObjectVersionNotFound,
    RequestInvalid,
    VersionNotFound,
)
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.service.snapshots.cache import Snapshot, SnapshotCache, SnapshotReader
from vectord.service.snapshots.removed import record_of
from vectord.service.values.options import Deadline
from vectord.storage.base import (
    ByteRange,
    Data,
    NotModified,
    ObjectHead,
    ObjectVersion,
    Store,
    VersionPage,
)

_PAGE: Final = 1_000
_MAX_ID_BYTES: Final = 1_024  # of a version id in S3
# Patterns as text, which re compiles at their first use: a cold search does not need them.
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)"
_DATE: Final = r"\d{4}-\d\d-\d\d(\D|$)"


class VersionSnapshot(msgspec.Struct, frozen=True):
    """An earlier state of an index, and the version of its object that holds it."""

    state: Snapshot
    version: str


class Versions:
    """The states of indexes that the store still keeps; those opened last stay in memory, up to `memory_bytes`."""

    def __init__(self, reader: SnapshotReader, files: SectionCache, memory_bytes: int) -> None:
        self._reader = reader
        self._cache = SnapshotCache(_VersionedObjects(reader.store), files, memory_bytes, reader.environment)

    def list(self, name: str, limit: int, cursor: str | None, deadline: Deadline) -> VersionPage:
        """Return up to `limit` versions of index `name`, deletions included, newest first, after the version `cursor`.

        Raises:
            IndexNotFound: there is no version.
            RequestInvalid: the index is sharded, or `cursor` is not a version of it.
            StorageSilent, StoreRefused
        """
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        with suppress(IndexNotFound, BlobError):  # an earlier state may exist and be readable
            check_unsharded(self._reader.present(name, deadline).index, name)
        try:
            page = self._page(name, limit, cursor, deadline)
        except ObjectVersionNotFound as error:
            raise RequestInvalid("the cursor does not belong to this listing; start again without a cursor") from error
        if not page.versions and cursor is None:
            raise IndexNotFound(name)
        return page

    def open(self, name: str, as_of: str, deadline: Deadline) -> VersionSnapshot:
        """Return the state of index `name` as of a version id, an ETag in quotes, or an RFC 3339 time.

        Times are compared with the store's own: S3 rounds them down to seconds, and gives a multipart upload the time
        when it began.

        Raises:
            IndexNotFound, RequestInvalid, BlobError, StorageSilent, StoreRefused
            VersionNotFound: the version no longer exists, or there was no index then.
        """
        version = self._find(name, as_of, deadline)
        state = self._run(name, as_of, version, deadline, lambda snapshot: snapshot)
        return VersionSnapshot(state, version)

    def run[R](self, name: str, as_of: str, deadline: Deadline, use: Callable[[Snapshot], R]) -> R:
        """Return the result of `use` for the state that `open` returns; raise what `open` and `use` raise."""
        return self._run(name, as_of, self._find(name, as_of, deadline), deadline, use)

    def _run[R](self, name: str, as_of: str, version: str, deadline: Deadline, use: Callable[[Snapshot], R]) -> R:
        object_name = _object_name(name, version)

        def once() -> R:
            snapshot = self._cache.read(object_name)
            check_unsharded(snapshot.index, name)
            return use(structs.replace(snapshot, name=name))

        try:
            return self._reader.retry(deadline, once)
        except BlobError as error:
            raise error.with_index(name) from error
        except ObjectVersionNotFound as error:
            self._cache.forget(object_name)
            raise VersionNotFound(name, as_of) from error

    def _find(self, name: str, as_of: str, deadline: Deadline) -> str:
        """Return the id of the version `as_of`; an id is returned as it is, whether or not the version exists."""
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        matches = _predicate(as_of)
        if matches is None:
            return as_of
        time = None if as_of.startswith('"') else _time(as_of)
        gaps = self.gaps(name, deadline) if time else {}
        newer = ""
        for version in self._all(name, deadline):
            if time and newer in gaps and gaps[newer] <= time:
                raise VersionNotFound(name, as_of, (version.id, newer))
            if matches(version):
                if version.deleted:
                    break
                return version.id
            newer = version.id
        raise VersionNotFound(name, as_of)

    def gaps(self, name: str, deadline: Deadline) -> Mapping[str, datetime]:
        """Return when the first of the removed versions before a version was written, by the id of that version.

        Raises:
            StorageSilent, StoreRefused
        """
        found = self._reader.retry(deadline, lambda: record_of(self._reader.store, name))
        return {gap.newer: gap.since for gap in found.record.gaps}

    def _all(self, name: str, deadline: Deadline) -> Iterator[ObjectVersion]:
        page = self._page(name, _PAGE, None, deadline)
        if not page.versions:
            raise IndexNotFound(name)
        yield from page.versions
        while page.after is not None:
            if self._reader.environment.left(deadline) <= 0:
                raise RequestInvalid(
                    f"index {name!r} has too many versions to find one by time or ETag: list them and use an id"
                )
            page = self._page(name, _PAGE, page.after, deadline)
            yield from page.versions

    def _page(self, name: str, limit: int, after: str | None, deadline: Deadline) -> VersionPage:
        return self._reader.retry(deadline, lambda: self._reader.store.versions(name, limit, after))


class _VersionedObjects:
    """A Reader of versions of objects, each under the name that `_object_name` returns."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def head(self, name: str, length: int, known_etag: str | None = None) -> ObjectHead | NotModified:
        object_name, version = name.split("?", 1)
        return self._store.head(object_name, length, known_etag, version=version)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange]) -> Sequence[Data]:
        object_name, version = name.split("?", 1)
        return self._store.read(object_name, etag, ranges, version=version)


def check_unsharded(index: Index, name: str) -> None:
    """Raise RequestInvalid if the index is sharded: no record says which versions of its shards form one state."""
    if index.params.shards:
        raise RequestInvalid(
            f"index {name!r} has {index.params.shards} shards with separate versions: "
            "versions, as_of, restore and copy support single-object indexes only"
        )


def _object_name(name: str, version: str) -> str:
    return f"{name}?{version}"  # no name of an index has a question mark


def _predicate(as_of: str) -> Callable[[ObjectVersion], bool] | None:
    """Return a predicate; the newest version that satisfies it is `as_of`. None if `as_of` is a version id."""
    if as_of.startswith('"'):
        return lambda version: version.etag == as_of
    if re.match(_DATE, as_of):
        time = _time(as_of)
        return lambda version: version.modified <= time
    if not as_of or len(as_of.encode()) > _MAX_ID_BYTES:
        raise RequestInvalid(f"as_of must be a version id, an ETag in quotes or an RFC 3339 time, not {as_of[:99]!r}")
    return None


def _time(text: str) -> datetime:
    if re.fullmatch(_TIME, text, re.IGNORECASE):
        try:
            return datetime.fromisoformat(text.upper())
        except ValueError:
            pass  # such as the 30th of February
    raise RequestInvalid(f"as_of must be a time such as 2026-01-31T23:59:59Z, with its offset, not {text[:99]!r}")
