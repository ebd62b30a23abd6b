"""Earlier versions of indexes, each a hard link to the file that was replaced, or that file itself if it was deleted.

    .versions/<index>/<id>              replaced by the next version
    .versions/<index>/<id>.<time>       deleted at this time

The id of a version is its time of modification, in nanoseconds since 1970, in 20 digits; it is unique, because each
write of a name gets a later time than the one before. So the id of the present version is known before it is replaced,
and one rename both deletes an index and records when.
"""

import errno
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import msgspec

from vectord.storage.files.errors import CANNOT_LINK
from vectord.storage.files.folders import Folders
from vectord.storage.files.keep import Keep
from vectord.storage.files.layout import VERSIONS
from vectord.storage.files.system import System
from vectord.storage.files.temporary import TemporaryFile

_ENTRY: Final = r"(\d{20})(?:\.(\d{20}))?"
_ID: Final = r"\d{20}"
_NS: Final = 1_000_000_000


class Earlier(msgspec.Struct, frozen=True):
    """A version that is not present any more; with `deleted_ns` it was deleted at that time, else replaced."""

    id: str
    path: str
    deleted_ns: int | None

    @property
    def last_ns(self) -> int:
        return self.deleted_ns or int(self.id)


def version_id(modified_ns: int) -> str:
    return f"{modified_ns:020d}"


def is_version_id(text: str) -> bool:
    return re.fullmatch(_ID, text, re.ASCII) is not None


def moment(ns: int) -> datetime:
    """Return a time in nanoseconds since 1970, rounded down to microseconds, in UTC."""
    return datetime.fromtimestamp(ns // _NS, UTC).replace(microsecond=ns % _NS // 1_000)


class History:
    """The earlier versions in one folder. What changes them needs the lock of the index, and may raise OSError."""

    def __init__(self, folder: str, keep: Keep, folders: Folders, system: System) -> None:
        self._folder, self.keep = f"{folder}/{VERSIONS}", keep
        self._folders, self._system = folders, system

    def folder_of(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def earlier(self, name: str) -> list[Earlier]:
        """Return the earlier versions, newest first. The present version may be among them, after a crash."""
        found: dict[str, Earlier] = {}
        for file in self._files(self.folder_of(name)):
            if match := re.fullmatch(_ENTRY, file, re.ASCII):
                deleted = int(match[2]) if match[2] else None
                if deleted or match[1] not in found:
                    found[match[1]] = Earlier(match[1], f"{self.folder_of(name)}/{file}", deleted)
        return sorted(found.values(), key=lambda version: version.id, reverse=True)

    def make_folder(self, name: str) -> None:
        """Make the folder of the versions of an index, which every `add_` needs."""
        for folder in (self._folder, self.folder_of(name)):
            self._folders.make(folder)

    def names(self) -> list[str]:
        """Return the names of the indexes that have earlier versions."""
        return self._files(self._folder)

    def newest_ns(self, name: str, *, but: int | None = None) -> int:
        """Return when the last version began or was deleted; 0 if there is none.

        Leave out the present version, whose time is `but`.
        """
        others = (one for one in self.earlier(name) if one.deleted_ns or int(one.id) != but)
        return max((one.last_ns for one in others), default=0)

    def add_replaced(self, name: str, path: str, modified_ns: int) -> bool:
        """Give the present file a second name as a version; return False if the file system has no hard links."""
        target = f"{self.folder_of(name)}/{version_id(modified_ns)}"
        try:
            self._system.link(path, target)
        except FileExistsError:  # a crash after this step
            return True
        except OSError as error:
            if error.errno not in CANNOT_LINK:
                raise
            return False
        return True

    def add_copy(self, name: str, copy: TemporaryFile, modified_ns: int) -> None:
        """Make a copy of the present file a version."""
        copy.rename(f"{self.folder_of(name)}/{version_id(modified_ns)}")

    def add_deleted(self, name: str, path: str, modified_ns: int, now_ns: int) -> None:
        """Move the present file to the versions, which deletes it."""
        self._system.rename(path, f"{self.folder_of(name)}/{version_id(modified_ns)}.{version_id(now_ns)}")

    def prune(self, name: str, present_ns: int | None, now_ns: int) -> None:
        """Remove the versions that are not kept; `present_ns` is the time of the present version, if there is one."""
        kept_bytes, ended_ns = 0, present_ns
        versions = [version for version in self.earlier(name) if int(version.id) != present_ns]
        for number, version in enumerate(versions):
            end = version.deleted_ns or ended_ns or now_ns
            kept_bytes += self._system.stat(version.path).st_size
            if (
                number >= self.keep.versions
                or end < now_ns - self.keep.seconds * _NS
                or (number and kept_bytes > self.keep.bytes)
            ):
                self._remove(name, version)
            ended_ns = int(version.id)
        with suppress(FileNotFoundError):
            self._remove_empty(name)

    def _remove(self, name: str, version: Earlier) -> None:
        for path in {version.path, f"{self.folder_of(name)}/{version.id}"}:  # two after a crash in a deletion
            with suppress(FileNotFoundError):
                self._system.unlink(path)

    def _remove_empty(self, name: str) -> None:
        try:
            self._system.rmdir(self.folder_of(name))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise

    def _files(self, folder: str) -> list[str]:
        try:
            with self._system.scandir(folder) as entries:
                return [entry.name for entry in entries]
        except FileNotFoundError:
            return []
