"""Listings of a folder: objects in the order of their names, and the versions of one index."""

from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from vectord.errors import ObjectNotFound, ObjectVersionNotFound, StoreRefused
from vectord.lhv1 import params
from vectord.storage.base import ListedObject, ObjectPage, ObjectVersion, VersionPage
from vectord.storage.files.errors import TRANSLATED
from vectord.storage.files.history import Earlier, History, is_version_id, moment, version_id
from vectord.storage.files.layout import BUCKET_SUFFIX, SUFFIX, has_versions
from vectord.storage.files.reading import ObjectFiles
from vectord.storage.files.system import System
from vectord.storage.limits import BUCKETS, STAGING

_UNREADABLE: Final = ""  # the ETag of a listed file that cannot be read


class Listing:
    """Listings of one folder."""

    def __init__(self, folder: str, objects: ObjectFiles, history: History, system: System) -> None:
        self._folder, self._objects, self._history, self._system = folder, objects, history, system

    def objects(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        """Return up to `limit` objects, as `Store.list` does."""
        folder, suffix = (BUCKETS, BUCKET_SUFFIX) if prefix.startswith(BUCKETS) else ("", SUFFIX)
        beginning = prefix.removeprefix(folder)
        if not params.may_start_index_name(beginning):
            return ObjectPage((), None)
        names = sorted(
            folder + name
            for name in self._names(folder, suffix)
            if name.startswith(beginning) and folder + name > (after or "")
        )
        listed: list[ListedObject] = []
        for number, name in enumerate(names):
            if len(listed) == limit:
                return ObjectPage(tuple(listed), names[number - 1])
            with suppress(ObjectNotFound):  # deleted meanwhile
                listed.append(self._listed(name))
        return ObjectPage(tuple(listed), None)

    def staged(self, folder: str) -> list[ListedObject]:
        """Return the staged objects of a folder, as `Store.staged` does."""
        found: list[ListedObject] = []
        for name in sorted(name for name in self._staged_names() if name.startswith(folder)):
            if "/" not in name.removeprefix(folder):
                with suppress(ObjectNotFound):  # discarded meanwhile
                    found.append(self._listed(name))
        return found

    def needs_adoption(self, name: str) -> bool:
        """Return True if the present file was copied into the folder and is older than the last version."""
        if not has_versions(name):
            return False
        with TRANSLATED, suppress(FileNotFoundError):
            present_ns = self._system.stat(self._objects.path(name)).st_mtime_ns
            return present_ns <= self._history.newest_ns(name, but=present_ns)
        return False

    def versions(self, name: str, limit: int, after: str | None) -> VersionPage:
        """Return up to `limit` versions of an object, as `Store.versions` does."""
        if after is not None and not is_version_id(after):
            raise ObjectVersionNotFound(after)
        # The present version is read first: what replaces it meanwhile is listed nowhere, as if it came later.
        present = self._present(name)
        present_id = present.id if present else ""
        with TRANSLATED:
            earlier = self._history.earlier(name) if has_versions(name) else []
        markers = {version.id: version.path for version in earlier if version.built is not None}
        found: list[ObjectVersion] = [present] if present else []
        for version in earlier:
            if not present or version.id < present_id:
                found += self._both(version, latest=not found)
        page = [one for one in found if after is None or one.id < after][: limit + 1]
        shown: list[ObjectVersion] = []
        for one in page[:limit]:
            with suppress(ObjectVersionNotFound):  # removed meanwhile
                shown.append(one if one.deleted or one.etag else self._with_etag(name, one, markers.get(one.id)))
        return VersionPage(tuple(shown), page[limit - 1].id if len(page) > limit else None)

    def _names(self, folder: str, suffix: str) -> list[str]:
        with TRANSLATED:
            try:
                with self._system.scandir(f"{self._folder}/{folder}") as entries:
                    files = [entry.name for entry in entries if entry.name.endswith(suffix) and entry.is_file()]
            except FileNotFoundError:
                self._system.stat(self._folder)
                return []
        names = (file.removesuffix(suffix) for file in files)
        return [name for name in names if params.is_index_name(name)]

    def _staged_names(self) -> list[str]:
        with TRANSLATED:
            try:
                with self._system.scandir(f"{self._folder}/{STAGING}") as entries:
                    return [STAGING + unquote(entry.name) for entry in entries]
            except FileNotFoundError:
                return []

    def _listed(self, name: str) -> ListedObject:
        try:
            with self._objects.open(name) as file:
                return ListedObject(name, file.size, moment(file.modified_ns), file.etag)
        except StoreRefused:
            with TRANSLATED:
                found = self._system.stat(self._objects.path(name))
            return ListedObject(name, found.st_size, moment(found.st_mtime_ns), _UNREADABLE)

    def _present(self, name: str) -> ObjectVersion | None:
        try:
            with self._objects.open(name) as file:
                modified = file.modified_ns
                return ObjectVersion(version_id(modified), file.etag, file.size, moment(modified), True, False)
        except ObjectNotFound:
            return None

    def _both(self, one: Earlier, *, latest: bool) -> list[ObjectVersion]:
        """Return a version, after its deletion if it was deleted; the ETag and size of the version are not read yet."""
        version = ObjectVersion(one.id, None, 0, moment(int(one.id)), latest and one.deleted_ns is None, False)
        if one.deleted_ns is None:
            return [version]
        return [ObjectVersion(version_id(one.deleted_ns), None, 0, moment(one.deleted_ns), latest, True), version]

    def _with_etag(self, name: str, version: ObjectVersion, marker: str | None) -> ObjectVersion:
        """Return the version with the size of its file, and the ETag that its write returned."""
        with self._objects.open(name, version.id) as file, TRANSLATED:
            try:
                etag = None if marker is None else self._history.etag_before(marker)
            except FileNotFoundError as error:
                raise ObjectVersionNotFound(version.id) from error
            return ObjectVersion(version.id, etag or file.etag, file.size, version.modified, version.latest, False)
