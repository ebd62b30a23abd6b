"""Open files of objects: the state that a descriptor pins, whatever happens to the name meanwhile."""

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from vectord.errors import ConditionFailed, ObjectNotFound, ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import ByteRange
from vectord.storage.files.errors import TRANSLATED, not_a_file, store_error
from vectord.storage.files.folders import Folders
from vectord.storage.files.history import History, is_version_id, version_id
from vectord.storage.files.identity import EtagCache, etag_of, stat_key
from vectord.storage.files.layout import has_versions, relative_path
from vectord.storage.files.system import System


class ObjectFile:
    """One open file, its ETag, its size in bytes and its time of modification."""

    def __init__(self, fd: int, etag: str, found: os.stat_result, system: System) -> None:
        self.fd, self.etag, self.size, self.modified_ns = fd, etag, found.st_size, found.st_mtime_ns
        self.identity = (found.st_dev, found.st_ino)
        self._system = system

    def read(self, start: int, stop: int) -> bytes:
        """Return a range; as S3 does, refuse one that starts after the end, and fail for one that ends after it."""
        check_range(self.size, (start, stop))
        with TRANSLATED:
            data = self._system.read(self.fd, start, stop)
        if len(data) < stop - start:
            raise ConditionFailed("the file became shorter while it was read")
        return data

    def map(self) -> memoryview:
        """Return all bytes, mapped read-only; they stay when the descriptor is closed or the name is another file's.

        A file that is changed in place breaks this: reads after its new end end the process (SIGBUS).
        """
        with TRANSLATED:
            return memoryview(mmap.mmap(self.fd, self.size, prot=mmap.PROT_READ))

    def check_unchanged(self) -> None:
        """Raise ConditionFailed if the file was changed in place since it was opened; this store never does that."""
        with TRANSLATED:
            found = self._system.fstat(self.fd)
        if (found.st_size, found.st_mtime_ns) != (self.size, self.modified_ns):
            raise ConditionFailed("the file was changed while it was read")


def check_range(size: int, byte_range: ByteRange) -> None:
    """Raise StoreRefused for a range that starts after the end, and StoreUnavailable for one that ends after it."""
    start, stop = byte_range
    if start >= size and start != stop:
        raise StoreRefused("InvalidRange")
    if stop > size:
        raise StoreUnavailable("the range is longer than the object")


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise not_a_file()


class ObjectFiles:
    """The files of the objects in one folder, and their ETags."""

    def __init__(self, folder: str, history: History, folders: Folders, system: System) -> None:
        self._folder, self._history, self._folders, self._system = folder, history, folders, system
        self.etags = EtagCache()

    def path(self, name: str) -> str:
        """Return the path of the present version.

        Raises:
            ObjectNotFound: no object can have this name.
        """
        relative = relative_path(name)
        if relative is None:
            raise ObjectNotFound(name)
        return f"{self._folder}/{relative}"

    def cached_etag(self, name: str) -> str | None:
        """Return the ETag of the present version by one call of `stat`; None if the file must be read for it.

        Raises:
            ObjectNotFound: there is no such object.
        """
        path = self.path(name)
        if self._folders.unsynced:
            self._folders.sync_again()
        try:
            found = self._system.stat(path)
        except OSError as error:
            raise self._open_error(error, name) from error
        return self.etags.get(stat_key(found))

    @contextmanager
    def open(self, name: str, version: str | None = None) -> Iterator[ObjectFile]:
        """Open the present version, or another one.

        Raises:
            ObjectNotFound, or ObjectVersionNotFound with a `version`: it does not exist.
        """
        file = self._present(name) if version is None else self._version(name, version)
        try:
            yield file
        finally:
            self._system.close(file.fd)

    def identified(self, path: str) -> ObjectFile:
        """Open the file at `path`.

        Raises:
            OSError
            FolderRefused: it is not a regular file.
        """
        fd = self._system.open_to_read(path)
        try:
            since = self._system.time_ns()
            found = self._system.fstat(fd)
            _check_regular(found)
            etag = self.etags.get(stat_key(found))
            if etag is None:
                etag = etag_of(lambda start, stop: self._system.read(fd, start, stop), found.st_size)
                self.etags.keep_read(found, etag, since)
        except BaseException:
            self._system.close(fd)
            raise
        return ObjectFile(fd, etag, found, self._system)

    def path_of_version(self, name: str, version: str | None) -> str:
        """Return where the rows of a version are now; or else the path of the present one."""
        if version is None or not has_versions(name):
            return self.path(name)
        version = self._history.with_file(name, version)
        return next((one.path for one in self._history.earlier(name) if one.id == version), self.path(name))

    def _present(self, name: str) -> ObjectFile:
        path = self.path(name)
        if self._folders.unsynced:
            self._folders.sync_again()
        try:
            return self.identified(path)
        except OSError as error:
            raise self._open_error(error, name) from error

    def _version(self, name: str, version: str) -> ObjectFile:
        if not is_version_id(version):
            raise ObjectVersionNotFound(version)
        # The present version gets its second name before it is replaced, so it is found at one of the two.
        try:
            present = self._present(name)
            if version_id(present.modified_ns) == version:
                return present
            self._system.close(present.fd)
        except ObjectNotFound:
            pass
        with TRANSLATED:
            earlier = self._history.earlier(name) if has_versions(name) else ()
            found = next((one for one in earlier if one.id == version), None)
            if found is not None and found.built is not None:
                return self._version(name, found.built)
            try:
                if found is not None:
                    return self.identified(found.path)
            except FileNotFoundError:  # removed meanwhile
                pass
        raise ObjectVersionNotFound(version)

    def _open_error(self, error: OSError, name: str) -> Exception:
        if isinstance(error, FileNotFoundError):
            try:
                self._system.stat(self._folder)
            except OSError as missing:
                return store_error(missing)
            return ObjectNotFound(name)
        return store_error(error)
