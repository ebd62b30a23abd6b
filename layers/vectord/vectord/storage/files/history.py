"""Earlier versions of indexes, each a hard link to the file that was replaced, or that file itself if it was deleted.

    .versions/<index>/<id>              replaced by the next version
    .versions/<index>/<id>.<time>       deleted at this time
    .versions/<index>/<id>=<id>         replaced by a build, which is the version with the second id

A build changes no rows, so the file that it replaced is not kept: reads of that version open the file of the build. In
place of the file there is a marker, whose content is the ETag that the version had.

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

_ENTRY: Final = r"(\d{20})(?:([.=])(\d{20}))?"
_ETAG: Final = rb'"[!#-~]{1,200}"'
_ID: Final = r"\d{20}"
_MARKER_BYTES: Final = 300
_NS: Final = 1_000_000_000


class Earlier(msgspec.Struct, frozen=True):
    """A version that is not present any more: deleted at `deleted_ns`, or built as the version `built`, or replaced."""

    id: str
    path: str
    deleted_ns: int | None = None
    built: str | None = None

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
        # After a crash a version may have two names: that of a deletion comes last, and a marker first.
        entries = sorted(self._entries(name), key=lambda one: (one.deleted_ns or 0, one.built is None))
        return sorted({one.id: one for one in entries}.values(), key=lambda one: one.id, reverse=True)

    def _entries(self, name: str) -> list[Earlier]:
        found = []
        for file in self._files(self.folder_of(name)):
            if match := re.fullmatch(_ENTRY, file, re.ASCII):
                version, mark, other = match.groups()
                path = f"{self.folder_of(name)}/{file}"
                if mark != "=":
                    found.append(Earlier(version, path, deleted_ns=int(other) if other else None))
                elif version < other:
                    found.append(Earlier(version, path, built=other))
        return found

    def with_file(self, name: str, version: str) -> str:
        """Return the id of the version whose file has the rows of `version`: another one if a build replaced it."""
        built = {one.id: one.built for one in self.earlier(name)}
        while (following := built.get(version)) is not None:
            version = following
        return version

    def etag_before(self, marker: str) -> str | None:
        """Return the ETag that the version had which a build replaced; None if its marker was changed by hand."""
        fd = self._system.open_to_read(marker)
        try:
            text = self._system.read(fd, 0, _MARKER_BYTES)
        finally:
            self._system.close(fd)
        return text.decode() if re.fullmatch(_ETAG, text) else None

    def make_folder(self, name: str) -> None:
        """Make the folder of the versions of an index, which every `add_` needs."""
        for folder in (self._folder, self.folder_of(name)):
            self._folders.make(folder)

    def names(self) -> list[str]:
        """Return the names of the indexes that have earlier versions."""
        return self._files(self._folder)

    def newest_ns(self, name: str, *, but: int | None = None) -> int:
        """Return when the last version began or was deleted; 0 without one.

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

    def add_built(self, name: str, marker: TemporaryFile, modified_ns: int, built_ns: int) -> None:
        """Make `marker`, which has the ETag of the present version, the place of this version after its build."""
        version = version_id(modified_ns)
        for one in self._entries(name):  # of a build that a crash prevented
            if one.id == version and one.built is not None:
                self._system.unlink(one.path)
        marker.rename(f"{self.folder_of(name)}/{version}={version_id(built_ns)}")

    def add_deleted(self, name: str, path: str, modified_ns: int, now_ns: int) -> None:
        """Move the present file to the versions, which deletes it."""
        self._system.rename(path, f"{self.folder_of(name)}/{version_id(modified_ns)}.{version_id(now_ns)}")

    def prune(self, name: str, present_ns: int | None, now_ns: int) -> None:
        """Remove the versions that are not kept; `present_ns` is the time of the present version, if there is one."""
        kept_bytes, ended_ns = 0, present_ns
        earlier = self.earlier(name)
        kept = {version_id(present_ns)} if present_ns is not None else set()
        versions = [version for version in earlier if int(version.id) != present_ns]
        for number, version in enumerate(versions):
            end = version.deleted_ns or ended_ns or now_ns
            kept_bytes += self._system.stat(version.path).st_size
            if (
                number >= self.keep.versions
                or end < now_ns - self.keep.seconds * _NS
                or (number and kept_bytes > self.keep.bytes)
                or (version.built is not None and version.built not in kept)
            ):
                self._remove(name, version)
            else:
                kept.add(version.id)
            ended_ns = int(version.id)
        for entry in self._entries(name):  # of a build that a crash prevented, before another write
            if entry.built is not None and entry not in earlier:
                self._system.unlink(entry.path)
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
