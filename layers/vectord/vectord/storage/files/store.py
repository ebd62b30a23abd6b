"""The store in a folder: the whole storage protocol on files, for one machine and any number of processes."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from vectord.errors import ConditionFailed, StoreError, StoreUnavailable
from vectord.storage.base import (
    ByteRange,
    Condition,
    CopySource,
    Data,
    IfMatch,
    ListedObject,
    MappedObject,
    NotModified,
    ObjectHead,
    ObjectPage,
    Store,
    StoredObject,
    VersionPage,
)
from vectord.storage.files import keep as keeping
from vectord.storage.files.early import EarlyWrites
from vectord.storage.files.errors import TRANSLATED
from vectord.storage.files.folders import Folders
from vectord.storage.files.history import History
from vectord.storage.files.keep import Keep
from vectord.storage.files.listing import Listing
from vectord.storage.files.reading import ObjectFile, ObjectFiles, check_range
from vectord.storage.files.sweep import Sweep
from vectord.storage.files.system import System
from vectord.storage.files.temporary import TemporaryFile
from vectord.storage.files.writing import Writer
from vectord.storage.limits import LEAST_PART, STAGING, check_link, check_parts, check_splice, check_staging
from vectord.storage.memory import MemoryStore

_MAX_SETTINGS: Final = 64 << 10  # bytes


class MakeLink(Protocol):
    """Makes the URL of an object for a server that serves the folder; arguments as those of `Store.link`."""

    def __call__(self, name: str, seconds: int, filename: str, version: str | None) -> str: ...


class FileStore:
    """A Store in one folder, which it makes unless it exists.

    `keep` says which earlier versions of an index are kept; without it, the file `.versions.json` in the folder
    does. `make_link` makes links; without it a link is the `file:` URL of the file. `least_part` as in the other
    stores: what it allows can be moved to a bucket and changed there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: Keep | None = None,
        make_link: MakeLink | None = None,
        least_part: int = LEAST_PART,
        system: System = System(),  # noqa: B008 - frozen
    ) -> None:
        """Open the folder.

        Raises:
            FolderRefused: a file is in its place, or it cannot be made.
        """
        folder = folder.absolute()
        root = str(folder)
        self.keep = keep or _configured(root, system)
        self._min_part, self._make_link = least_part, make_link
        folders = Folders(system)
        with TRANSLATED:
            _make(folder, folders, system)
        history = History(root, self.keep, folders, system)
        self._objects = ObjectFiles(root, history, folders, system)
        self._writer = Writer(root, self._objects, history, folders, system)
        self._early = EarlyWrites(self._writer.temporary, system)
        self._listing = Listing(root, self._objects, history, system)
        self._sweep = Sweep(root, self._writer, history, system)

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        if known_etag is not None and self._objects.cached_etag(name) == known_etag:
            return NotModified()
        with self._objects.open(name) as file:
            if file.etag == known_etag:
                return NotModified()
            return StoredObject(_read_now(file, file.size), file.etag)

    def etag(self, name: str) -> str:
        cached = self._objects.cached_etag(name)
        if cached is not None:
            return cached
        with self._objects.open(name) as file:
            return file.etag

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        if known_etag is not None and version is None and self._objects.cached_etag(name) == known_etag:
            return NotModified()
        with self._objects.open(name, version) as file:
            if file.etag == known_etag:
                return NotModified()
            return ObjectHead(_read_now(file, min(length, file.size)), file.etag, file.size)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        if not ranges:
            return []
        with self._objects.open(name, version) as file:
            if file.etag != etag:
                raise ConditionFailed(name)
            data = [file.read(start, stop) for start, stop in ranges]
            file.check_unchanged()
            return data

    def map(self, name: str, etag: str) -> MappedObject:
        with self._objects.open(name) as file:
            if file.etag != etag:
                raise ConditionFailed(name)
            data = file.map()
            file.check_unchanged()
            return MappedObject(data, etag, file.identity)

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        return self.put_parts(name, [data], condition, commit)

    def put_parts(self, name: str, parts: Sequence[Data], condition: Condition, commit: str) -> str:
        early = self._early.take(parts)

        def write(file: TemporaryFile) -> None:
            if early:
                early.add(parts)
                return
            for part in parts:
                file.write(part)

        self._sweep.when_due()
        return self._writer.replace(name, condition, write, opened=early.file if early else None)

    def write_early(self, data: Data, offset: int) -> AbstractContextManager[Callable[[], int]]:
        return self._early.start(data, offset)

    def crc32(self, data: Data, before: int = 0) -> int:
        return self._early.crc32(data, before)

    def missing_bytes(self, parts: Sequence[Data]) -> int:
        return self._early.missing_bytes(parts)

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        check_splice(head, source, self._min_part)
        self._sweep.when_due()
        with self._objects.open(source.name, source.version) as copied:
            if copied.etag != source.etag:
                raise ConditionFailed(source.name)
            check_range(copied.size, (source.start, source.stop))

            def write(file: TemporaryFile) -> None:
                file.write(head)
                file.copy(copied.fd, source.start, source.stop)
                copied.check_unchanged()

            # Only a build stages a body, and it changes no rows.
            return self._writer.replace(name, condition, write, is_build=source.name.startswith(STAGING))

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        check_staging(name)
        self._sweep.when_due()
        return self._writer.stage(name, check_parts(parts, self._min_part))

    def discard(self, name: str) -> None:
        check_staging(name)
        self._writer.discard(name)

    def staged(self, folder: str) -> Sequence[ListedObject]:
        check_staging(folder)
        return self._listing.staged(folder)

    def delete(self, name: str, condition: IfMatch) -> None:
        self._sweep.when_due()
        self._writer.delete(name, condition)

    def sweep(self) -> None:
        """Remove what crashed processes left, and what is too old; at most once an hour."""
        self._sweep.when_due()

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        return self._listing.objects(prefix, limit, after)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        if self._listing.needs_adoption(name):
            with suppress(StoreError):  # in a read-only folder the order of versions may be wrong
                self._writer.adopt(name)
        return self._listing.versions(name, limit, after)

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        """Return what `make_link` returns, or the `file:` URL of the file, which never expires."""
        check_link(seconds, filename)
        if self._make_link:
            return self._make_link(name, seconds, filename, version)
        if version is not None:
            with suppress(StoreError):  # in a read-only folder no other version will be the present one
                self._writer.pin(name, version)
        return Path(self._objects.path_of_version(name, version)).as_uri()


def local_store(url: str | None) -> Store:
    """Open the folder of a URL such as `file:///srv/vectord?versions=20&days=30`; return a store in memory without one.

    Raises:
        ValueError: the query of the URL is not valid (`keep.of_query`).
        FolderRefused: the folder cannot be opened or made.
    """
    if url is None:
        return MemoryStore()
    parts = urlsplit(url)
    return FileStore(Path(unquote(parts.path)), keep=keeping.of_query(parts.query) if parts.query else None)


def _read_now(file: ObjectFile, length: int) -> bytes:
    try:
        data = file.read(0, length)
        file.check_unchanged()
    except ConditionFailed as error:  # no caller named an ETag
        raise StoreUnavailable("the file was changed while it was read") from error
    return data


def _configured(root: str, system: System) -> Keep:
    """Return what the folder's own file says of earlier versions, or the default."""
    with TRANSLATED:
        try:
            fd = system.open_to_read(f"{root}/{keeping.FILE}")
        except FileNotFoundError:
            return Keep()
        try:
            text = system.read(fd, 0, _MAX_SETTINGS)
        finally:
            system.close(fd)
    return keeping.of_file(text)


def _make(folder: Path, folders: Folders, system: System) -> None:
    """Make the folder and those above it, unless they exist."""
    try:
        with system.scandir(str(folder)):  # it is a folder that may be read
            return
    except FileNotFoundError:
        _make(folder.parent, folders, system)
        folders.make(str(folder))
