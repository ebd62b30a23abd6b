"""The S3 store: one object `<prefix>/<name>.lhv1` an index, and `<prefix>/.staging/<token>` for what is staged."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import structs

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
    StoredObject,
    VersionPage,
)
from vectord.storage.limits import LEAST_PART, STAGING, check_link, check_parts, check_splice, check_staging
from vectord.storage.s3.reader import S3Reads
from vectord.storage.s3.writer import S3Writes

if TYPE_CHECKING:
    from vectord.storage.s3.listing import S3Listing

SUFFIX: Final = ".lhv1"


class S3Store:
    """A Store of one bucket under one prefix.

    `listing` is asked at each listing and not before, for it brings boto3. `least_part` is what S3 asks of parts,
    unless a test splices few bytes on a stand-in.
    """

    def __init__(
        self,
        prefix: str,
        reads: S3Reads,
        writes: S3Writes,
        listing: "Callable[[], S3Listing]",
        *,
        least_part: int = LEAST_PART,
    ) -> None:
        self._prefix, self._reads, self._writes, self._listing = prefix, reads, writes, listing
        self._least = least_part

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        return self._reads.get(self._key(name), known_etag)

    def etag(self, name: str) -> str:
        return self._reads.etag(self._key(name))

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        return self._reads.head(self._key(name), length, known_etag, version)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> list[bytes]:
        return self._reads.read(self._key(name), etag, ranges, version)

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        return self._writes.put(self._key(name), data, condition, commit)

    def splice(
        self, name: str, head: bytes, source: CopySource, tail: bytes, *, condition: Condition, commit: str
    ) -> str:
        check_splice(head, source, self._least)
        pinned = structs.replace(source, name=self._key(source.name))
        return self._writes.splice(self._key(name), head, pinned, tail, condition=condition, commit=commit)

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        check_staging(name)
        return self._writes.stage(self._key(name), check_parts(parts, self._least))

    def discard(self, name: str) -> None:
        check_staging(name)
        self._writes.delete(self._key(name), None)

    def delete(self, name: str, condition: IfMatch) -> None:
        self._writes.delete(self._key(name), condition)

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        found: list[ListedObject] = []
        for listed in self._listed(prefix, after):
            if len(found) == limit:
                return ObjectPage(tuple(found), found[-1].name)
            found.append(listed)
        return ObjectPage(tuple(found), None)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        return self._reads.versions(self._key(name), limit, after)

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        check_link(seconds, filename)
        return self._reads.link(self._key(name), seconds, filename, version)

    def _listed(self, prefix: str, after: str | None) -> Iterator[ListedObject]:
        for entry in self._listing().keys(self._folder + prefix, self._key(after) if after else None):
            name = entry["Key"].removeprefix(self._folder).removesuffix(SUFFIX)
            if entry["Key"].endswith(SUFFIX) and params.is_index_name(name) and name.startswith(prefix):
                yield ListedObject(name, entry["Size"], entry["LastModified"])

    @property
    def _folder(self) -> str:
        return f"{self._prefix}/" if self._prefix else ""

    def _key(self, name: str) -> str:
        return f"{self._folder}{name}" if name.startswith(STAGING) else f"{self._folder}{name}{SUFFIX}"
