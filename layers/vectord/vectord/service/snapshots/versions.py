"""Earlier states of indexes: which there are, and each as it was. They share local files with the present ones."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from vectord.cache.section_cache import SectionCache
from vectord.errors import BlobError, IndexNotFound, ObjectVersionNotFound, RequestInvalid, VersionNotFound
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.service.snapshots.cache import Snapshot, SnapshotCache
from vectord.service.snapshots.reader import SnapshotReader
from vectord.storage.base import ByteRange, NotModified, ObjectHead, ObjectVersion, Store, VersionPage

_PAGE: Final = 1_000
_MOST: Final = 1_024  # bytes of a version id, as S3 has them
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(\D|$)")


class VersionSnapshot(msgspec.Struct, frozen=True):
    """An earlier state of an index, and the version of its object that holds it."""

    state: Snapshot
    version: str


class Versions:
    """The states of indexes in one store that it still keeps; those opened last stay in memory, up to `warm_bytes`."""

    def __init__(self, reads: SnapshotReader, files: SectionCache, warm_bytes: int) -> None:
        self._reads, self._world, self._patience = reads, reads.environment, reads.retry_policy
        self._warm = SnapshotCache(_OldObjects(reads.store), files, warm_bytes, reads.environment)

    def list(self, name: str, limit: int, cursor: str | None, until: float) -> VersionPage:
        """Return up to `limit` versions of index `name`, deletions among them, newest first; `cursor` goes on.

        Raises:
            IndexNotFound: there is none, and never was as far as is known.
            RequestInvalid: it is in shards, or the cursor is of no version.
            StorageSilent, StoreRefused
        """
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        with suppress(IndexNotFound, BlobError):  # which may have been an index before
            check_whole(self._reads.state(name, until).index, name)
        try:
            page = self._page(name, limit, cursor, until)
        except ObjectVersionNotFound as error:
            raise RequestInvalid("the cursor is not one of this listing; begin it again") from error
        if not page.versions and cursor is None:
            raise IndexNotFound(name)
        return page

    def state_as_of(self, name: str, as_of: str, until: float) -> Snapshot:
        """Return the state of index `name` that was present as of a version id, an ETag in quotes, or an RFC 3339 time.

        A time is held against the times that the store gives, which S3 rounds down to seconds. An index made of parts
        has there the time at which its writing began.

        Raises:
            IndexNotFound, RequestInvalid, BlobError, StorageSilent, StoreRefused
            VersionNotFound: the version is gone, or there was no index then.
        """
        return self.past(name, as_of, until).state

    def past(self, name: str, as_of: str, until: float) -> VersionSnapshot:
        """Return what `state_as_of` does, and the version's id."""
        version = self._find(name, as_of, until)
        return VersionSnapshot(self._using(name, as_of, version, until, lambda index: index)[1], version)

    def using[R](self, name: str, as_of: str, until: float, use: Callable[[Index], R]) -> tuple[R, Snapshot]:
        """Return what `use` makes of the state that `state_as_of` returns, and the state.

        Raises:
            what `state_as_of` and `use` raise
        """
        return self._using(name, as_of, self._find(name, as_of, until), until, use)

    def _using[R](
        self, name: str, as_of: str, version: str, until: float, use: Callable[[Index], R]
    ) -> tuple[R, Snapshot]:
        place = _place(name, version)

        def once() -> tuple[R, Snapshot]:
            state = self._warm.read(place)
            check_whole(state.index, name)
            return use(state.index), state

        try:
            return self._patience.run(self._world, until, once)
        except BlobError as error:
            raise type(error)(error.reason, name) from error
        except ObjectVersionNotFound as error:
            self._warm.forget(place)
            raise VersionNotFound(name, as_of) from error

    def _find(self, name: str, as_of: str, until: float) -> str:
        """Return the id of the version that `as_of` means; that it is still there is not checked for an id."""
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        wanted = _meaning(as_of)
        if wanted is None:
            return as_of
        for version in self._all(name, until):
            if wanted(version):
                if version.deleted:
                    break
                return version.id
        raise VersionNotFound(name, as_of)

    def _all(self, name: str, until: float) -> Iterator[ObjectVersion]:
        page = self._page(name, _PAGE, None, until)
        if not page.versions:
            raise IndexNotFound(name)
        yield from page.versions
        while page.after is not None:
            if self._world.now() >= until:
                raise RequestInvalid(
                    f"index {name!r} has too many versions to find one by time or ETag: list them, and give an id"
                )
            page = self._page(name, _PAGE, page.after, until)
            yield from page.versions

    def _page(self, name: str, limit: int, after: str | None, until: float) -> VersionPage:
        return self._patience.run(self._world, until, lambda: self._reads.store.versions(name, limit, after))


class _OldObjects:
    """A Reader of versions of objects, each under the name that `_place` gives it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def head(self, name: str, length: int, known_etag: str | None = None) -> ObjectHead | NotModified:
        own, version = name.split("?", 1)
        return self._store.head(own, length, known_etag, version=version)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        own, version = name.split("?", 1)
        return self._store.read(own, etag, ranges, version=version)


def check_whole(index: Index, name: str) -> None:
    """Raise RequestInvalid where the index is in shards: the versions of its objects are not marked as one state."""
    if index.params.shards:
        raise RequestInvalid(
            f"index {name!r} is in {index.params.shards} shards, each with versions of its own: "
            "versions, as_of, restore and copy are for indexes of one object"
        )


def _place(name: str, version: str) -> str:
    return f"{name}?{version}"  # no name of an index has a question mark


def _meaning(as_of: str) -> Callable[[ObjectVersion], bool] | None:
    """Return what tells, newest first, that a version is the one meant; None if `as_of` is the version's id itself."""
    if as_of.startswith('"'):
        return lambda version: version.etag == as_of
    if _DATE.match(as_of):
        moment = _moment(as_of)
        return lambda version: version.modified <= moment
    if not as_of or len(as_of.encode()) > _MOST:
        raise RequestInvalid(f"as_of must be a version id, an ETag in quotes or an RFC 3339 time, not {as_of[:99]!r}")
    return None


def _moment(text: str) -> datetime:
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper())
        except ValueError:
            pass  # such as the 30th of February
    raise RequestInvalid(f"as_of must be a time such as 2026-01-31T23:59:59Z, with its offset, not {text[:99]!r}")
