"""Writes to the folder: each makes a complete file first, and then gives it the name under the lock of the name.

| step                                    | a crash right after it leaves                                  |
|-----------------------------------------|----------------------------------------------------------------|
| write and sync a temporary file         | the old state, and a file that the next sweep removes          |
| link the present file to the versions   | the old state; its version is not listed twice                 |
| rename the temporary file to the name   | the new state                                                  |
| sync the folder                         | the new state, also after a loss of power                      |
| remove versions that are not kept       | the new state; the next write of the index removes the others  |

A creation links the temporary file to the name instead, which never replaces a file, and then removes the first name.
"""

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from vectord.errors import ConditionFailed, ObjectNotFound
from vectord.storage.base import Condition, IfAbsent, IfMatch
from vectord.storage.files.errors import TRANSLATED, unknown_outcome
from vectord.storage.files.history import History
from vectord.storage.files.identity import etag_of
from vectord.storage.files.layout import folders_of, has_versions, relative_path
from vectord.storage.files.locks import Locks
from vectord.storage.files.reading import ObjectFiles
from vectord.storage.files.system import System
from vectord.storage.files.temporary import TemporaryFile, TemporaryFiles

type Write = Callable[[TemporaryFile], None]

_CANNOT_LINK: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Writer:
    """Conditional writes of the objects in one folder."""

    def __init__(self, folder: str, objects: ObjectFiles, history: History, system: System) -> None:
        self._folder, self._objects, self._history, self._system = folder, objects, history, system
        self.locks, self.temporary = Locks(folder, system), TemporaryFiles(folder, system)

    def replace(self, name: str, condition: Condition, write: Write) -> str:
        """Write an object as a whole under a condition, and return its ETag."""
        self._checked(name, condition)  # before the work; the lock is held for the last steps alone
        with self.temporary.open() as file:
            write(file)
            stamp = self._later_than(self._last_ns(name))
            etag = self._finish(file, stamp)
            with self.locks.hold(name):
                present = self._checked(name, condition)
                with TRANSLATED:
                    if stamp <= (last := max(self._last_ns(name), present or 0)):
                        stamp = self._later_than(last)
                        file.sync(stamp)
                    self._publish(name, file, present)
                self._settle(name, file, etag, stamp)
        return etag

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        """Write a staged object, unconditionally."""
        with self.temporary.open() as file:
            for part in parts:
                file.write(part)
            stamp = self._later_than(0)
            etag = self._finish(file, stamp)
            with TRANSLATED:
                self._rename(name, file)
            self._settle(name, file, etag, stamp)
        return etag

    def discard(self, name: str) -> None:
        """Remove a staged object if it exists."""
        with TRANSLATED, suppress(FileNotFoundError):
            self._system.unlink(self._objects.path(name))

    def delete(self, name: str, condition: IfMatch) -> None:
        """Delete an object under a condition."""
        with self.locks.hold(name):
            present = self._checked(name, condition) or 0
            path = self._objects.path(name)
            with TRANSLATED:
                if has_versions(name) and self._history.keep.versions:
                    present = self._adopted(name, path, present)
                    self._history.add_deleted(name, path, present, self._later_than(present))
                else:
                    self._system.unlink(path)
            self._sync_names(name)
            with suppress(OSError):  # the deletion is done
                self._prune(name, None)
                self._remove_empty_folders(name)

    def adopt(self, name: str) -> None:
        """Give a file that was copied into the folder, with an older time than the last version, the present time."""
        with self.locks.hold(name), TRANSLATED, suppress(FileNotFoundError):
            path = self._objects.path(name)
            self._adopted(name, path, self._system.stat(path).st_mtime_ns)

    def prune(self, name: str) -> None:
        """Remove the versions of an index that are not kept; the caller has its lock."""
        try:
            present: int | None = self._system.stat(self._objects.path(name)).st_mtime_ns
        except FileNotFoundError:
            present = None
        self._prune(name, present)

    def _finish(self, file: TemporaryFile, stamp: int) -> str:
        with TRANSLATED:
            found = file.sync(stamp)
            return etag_of(file.read, found.st_size)

    def _checked(self, name: str, condition: Condition) -> int | None:
        """Check the condition; return the time of the present version, None if there is none."""
        try:
            with self._objects.open(name) as present:
                if isinstance(condition, IfAbsent) or present.etag != condition.etag:
                    raise ConditionFailed(name)
                return present.modified_ns
        except ObjectNotFound:
            if isinstance(condition, IfAbsent) and relative_path(name):
                return None
            raise

    def _last_ns(self, name: str) -> int:
        with TRANSLATED:
            return self._history.newest_ns(name) if has_versions(name) else 0

    def _later_than(self, last_ns: int) -> int:
        return max(self._system.time_ns(), last_ns + 1)

    def _publish(self, name: str, file: TemporaryFile, present_ns: int | None) -> None:
        path = self._objects.path(name)
        if present_ns is None:
            self._create(name, file)
            return
        if has_versions(name) and self._history.keep.versions:
            self._keep_version(name, path, present_ns)
        self._system.rename(file.path, path)
        file.named = False

    def _create(self, name: str, file: TemporaryFile) -> None:
        self._make_folders(name)
        try:
            self._system.link(file.path, self._objects.path(name))
        except FileExistsError as error:  # it was copied into the folder since the check
            raise ConditionFailed(name) from error
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            self._system.rename(file.path, self._objects.path(name))
            file.named = False

    def _rename(self, name: str, file: TemporaryFile) -> None:
        self._make_folders(name)
        self._system.rename(file.path, self._objects.path(name))
        file.named = False

    def _keep_version(self, name: str, path: str, present_ns: int) -> None:
        present_ns = self._adopted(name, path, present_ns)
        if self._history.add_replaced(name, path, present_ns):
            return
        with self._objects.open(name) as present, self.temporary.open() as copy:
            copy.copy(present.fd, 0, present.size)
            copy.sync(present_ns)
            self._history.add_copy(name, copy.path, present_ns)
            copy.named = False

    def _adopted(self, name: str, path: str, present_ns: int) -> int:
        last = max(
            (one.last_ns for one in self._history.earlier(name) if int(one.id) != present_ns or one.deleted_ns),
            default=0,
        )
        if present_ns > last:
            return present_ns
        stamp = self._later_than(last)
        self._system.utime(path, ns=(stamp, stamp))
        return stamp

    def _settle(self, name: str, file: TemporaryFile, etag: str, stamp: int) -> None:
        """Make the new state durable, and do what may fail after that."""
        self._sync_names(name)
        with suppress(OSError):  # the write is done
            if file.named:
                self._system.unlink(file.path)
                file.named = False
            self._objects.etags.keep_written(self._system.fstat(file.fd), etag, stamp)
            self._prune(name, stamp)

    def _sync_names(self, name: str) -> None:
        """Make the names durable that a write changed; those of a version too.

        Raises:
            StoreUnavailable: the change is visible, but may not survive a loss of power.
        """
        try:
            self._system.sync_folder(os.path.dirname(self._objects.path(name)))  # noqa: PTH120
        except OSError as error:
            raise unknown_outcome(error) from error

    def _prune(self, name: str, present_ns: int | None) -> None:
        if has_versions(name):
            self._history.prune(name, present_ns, self._system.time_ns())

    def _make_folders(self, name: str) -> None:
        for folder in folders_of(relative_path(name) or ""):
            with suppress(FileExistsError):
                self._system.mkdir(f"{self._folder}/{folder}")

    def _remove_empty_folders(self, name: str) -> None:
        for folder in reversed(folders_of(relative_path(name) or "")):
            self._system.rmdir(f"{self._folder}/{folder}")
