"""Writes to the folder: each makes a complete file first, and then gives it the name under the lock of the name.

| step                                    | a crash right after it leaves                                  |
|-----------------------------------------|----------------------------------------------------------------|
| write and sync a temporary file         | the old state, and a file that the next sweep removes          |
| (a part may be written early: early.py) | the same                                                       |
| link the present file to the versions   | the old state; its version is not listed twice                 |
| or, in a build, write a marker there    | the same                                                       |
| rename the temporary file to the name   | the new state                                                  |
| sync the folder                         | the new state, also after a loss of power                      |
| remove versions that are not kept       | the new state; the next write of the index removes the others  |

A creation links the temporary file to the name instead, which never replaces a file, and then removes the first name.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from typing import Final

from vectord.errors import ConditionFailed, ObjectNotFound
from vectord.lhv1 import params
from vectord.storage.base import Condition, IfAbsent, IfMatch
from vectord.storage.files.errors import CANNOT_LINK, PUBLISHING, TRANSLATED
from vectord.storage.files.folders import Folders
from vectord.storage.files.history import History, version_id
from vectord.storage.files.identity import etag_of
from vectord.storage.files.layout import folders_of, has_versions, relative_path
from vectord.storage.files.locks import Locks
from vectord.storage.files.reading import ObjectFiles
from vectord.storage.files.system import System
from vectord.storage.files.temporary import TemporaryFile, TemporaryFiles

type Write = Callable[[TemporaryFile], None]

_ATTEMPTS: Final = 3  # to create an object in a folder that another process removes because it is empty


class Writer:
    """Conditional writes of the objects in one folder."""

    def __init__(self, folder: str, objects: ObjectFiles, history: History, folders: Folders, system: System) -> None:
        self._folder, self._objects, self._history = folder, objects, history
        self._folders, self._system = folders, system
        self.locks, self.temporary = Locks(folder, system), TemporaryFiles(folder, system)

    def replace(
        self,
        name: str,
        condition: Condition,
        write: Write,
        *,
        is_build: bool = False,
        opened: TemporaryFile | None = None,
    ) -> str:
        """Write an object as a whole under a condition, to the temporary file `opened` if given, and return its ETag.

        A build changes no rows, so the file that it replaces is not kept as an earlier version.
        """
        self._checked(name, condition)  # before the work; the lock is for the last steps alone
        with nullcontext(opened) if opened else self.temporary.open() as file:
            write(file)
            etag = self._complete(file, self._last_ns(name))
            with self.locks.hold(name):
                present_ns = self._checked(name, condition)
                with TRANSLATED:
                    if present_ns is not None and self._keeps_versions(name):
                        present_ns = self._adopted(name, present_ns)
                    last_ns = max(self._last_ns(name), present_ns or 0)
                    if file.modified_ns <= last_ns:  # another writer was faster
                        file.stamp(last_ns)
                    if present_ns is not None and self._keeps_versions(name):
                        built_ns = file.modified_ns if is_build else None
                        self._keep_version(name, present_ns, condition, built_ns)
                with PUBLISHING:
                    if present_ns is None:
                        self._create(name, file)
                    else:
                        file.rename(self._objects.path(name))
                self._settle(name, file, etag)
        return etag

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        """Write a staged object, unconditionally, and return its ETag."""
        path = self._objects.path(name)
        with self.temporary.open() as file:
            for part in parts:
                file.write(part)
            etag = self._complete(file, 0)
            with PUBLISHING:
                self._make_folders(name)
                file.rename(path)
            self._settle(name, file, etag)
        return etag

    def discard(self, name: str) -> None:
        """Remove a staged object if it exists."""
        with PUBLISHING, suppress(FileNotFoundError):
            self._system.unlink(self._objects.path(name))

    def delete(self, name: str, condition: IfMatch) -> None:
        """Delete an object under a condition."""
        with self.locks.hold(name):
            present_ns = self._checked(name, condition) or 0
            path = self._objects.path(name)
            if self._keeps_versions(name):
                with TRANSLATED:
                    present_ns = self._adopted(name, present_ns)
                    self._history.make_folder(name)
                    deleted_ns = max(self._system.time_ns(), present_ns + 1)
                with PUBLISHING:
                    self._history.add_deleted(name, path, present_ns, deleted_ns)
            else:
                with PUBLISHING:
                    self._system.unlink(path)
            self._sync_names(name)
            with suppress(OSError):  # the deletion is done; the next sweep does the rest
                self.prune(name)
                self._remove_empty_folders(name)

    def adopt(self, name: str) -> None:
        """Give a file that was copied into the folder, with an older time than the last version, the present time."""
        with self.locks.hold(name), TRANSLATED, suppress(FileNotFoundError):
            self._adopted(name, self._system.stat(self._objects.path(name)).st_mtime_ns)

    def pin(self, name: str, version: str) -> None:
        """Give the file of a version, if it is the present one, the path that it will have as an earlier one."""
        with self.locks.hold(name), TRANSLATED, suppress(FileNotFoundError):
            present_ns = self._system.stat(self._objects.path(name)).st_mtime_ns
            if self._keeps_versions(name) and self._history.with_file(name, version) == version_id(present_ns):
                self._history.make_folder(name)
                self._history.add_replaced(name, self._objects.path(name), present_ns)

    def prune(self, name: str) -> None:
        """Remove the versions of an object that are not kept; the caller has its lock.

        Raises:
            OSError
        """
        if not has_versions(name):
            return
        try:
            present_ns: int | None = self._system.stat(self._objects.path(name)).st_mtime_ns
        except FileNotFoundError:
            present_ns = None
        self._history.prune(name, present_ns, self._system.time_ns())

    def _checked(self, name: str, condition: Condition) -> int | None:
        """Check the condition; return the time of the present version, or None if the object does not exist."""
        try:
            with self._objects.open(name) as present:
                if isinstance(condition, IfAbsent) or present.etag != condition.etag:
                    raise ConditionFailed(name)
                return present.modified_ns
        except ObjectNotFound:
            if isinstance(condition, IfAbsent) and relative_path(name):
                return None
            raise

    def _complete(self, file: TemporaryFile, last_ns: int) -> str:
        """Make the file durable, with a time after `last_ns`, and return its ETag."""
        with TRANSLATED:
            found = file.stamp(last_ns)
            return etag_of(file.read, found.st_size)

    def _keeps_versions(self, name: str) -> bool:
        return has_versions(name) and self._history.keep.versions > 0

    def _last_ns(self, name: str) -> int:
        with TRANSLATED:
            return self._history.newest_ns(name) if has_versions(name) else 0

    def _create(self, name: str, file: TemporaryFile) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._make_folders(name)
                self._link(name, file)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _link(self, name: str, file: TemporaryFile) -> None:
        path = self._objects.path(name)
        try:
            self._system.link(file.path, path)
        except FileExistsError as error:  # it was copied into the folder since the check
            raise ConditionFailed(name) from error
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            file.rename(path)

    def _keep_version(self, name: str, present_ns: int, condition: Condition, built_ns: int | None) -> None:
        """Keep the present version, which has the ETag of `condition`; `built_ns` is the time of its build, if any."""
        self._history.make_folder(name)
        if built_ns is not None and isinstance(condition, IfMatch):
            with self.temporary.open() as marker:
                marker.write(condition.etag.encode())
                marker.stamp(0)
                self._history.add_built(name, marker, present_ns, built_ns)
            return
        if self._history.add_replaced(name, self._objects.path(name), present_ns):
            return
        with self._objects.open(name) as present, self.temporary.open() as copy:
            copy.copy(present.fd, 0, present.size)
            copy.stamp(present_ns - 1)
            self._history.add_copy(name, copy, present_ns)

    def _adopted(self, name: str, present_ns: int) -> int:
        """Return the time of the present version, after making it later than those of all earlier ones."""
        last_ns = self._history.newest_ns(name, but=present_ns)
        if present_ns <= last_ns:
            present_ns = max(self._system.time_ns(), last_ns + 1)
            self._system.utime(self._objects.path(name), ns=(present_ns, present_ns))
        return present_ns

    def _settle(self, name: str, file: TemporaryFile, etag: str) -> None:
        """Make the new state durable, and do what no longer matters to the write."""
        self._sync_names(name)
        with suppress(OSError):
            file.remove_name()
            self._objects.etags.keep_written(self._system.fstat(file.fd), etag, file.exact_ns)
            self.prune(name)

    def _sync_names(self, name: str) -> None:
        """Make the changed names of an object and its versions durable; raise what `Folders.sync` does."""
        self._folders.sync(
            os.path.dirname(self._objects.path(name)),  # noqa: PTH120
            *([self._history.folder_of(name)] if self._keeps_versions(name) else []),
        )

    def _make_folders(self, name: str) -> None:
        for folder in folders_of(relative_path(name) or ""):
            self._folders.make(f"{self._folder}/{folder}")

    def _remove_empty_folders(self, name: str) -> None:
        for folder in reversed(folders_of(relative_path(name) or "")) if params.is_shard_name(name) else ():
            self._system.rmdir(f"{self._folder}/{folder}")
