"""The S3 store: an index is the object `<prefix>/<name>.lhv1`, a staged object is `<prefix>/.staging/<token>`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import structs

from vectord.lhv1 import params
from vectord.storage.base import (
    ByteRange,
    Condition,
    CopySource,
    Data,
    IfMatch,
    ListedObject,
    NotModified,
    ObjectHead,
    ObjectPage,
    StoredObject,
    VersionPage,
)
from vectord.storage.boto import Lazy
from vectord.storage.limits import LEAST_PART, STAGING, check_link, check_parts, check_splice, check_staging
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.listing import S3Listing
from vectord.storage.s3.reader import ObstoreReader
from vectord.storage.s3.versions import BotoReader
from vectord.storage.s3.writer import S3Writer

SUFFIX: Final = ".lhv1"


class S3Store:
    """A Store of one bucket under one prefix. obstore reads; boto3 does the rest, and is imported when it is needed.

    `least_part` is the least size of a part, by default S3's; tests use less to splice a few bytes on an emulator.
    `page` is how many keys one request lists, by default S3's maximum.
    """

    def __init__(self, bucket: Bucket, prefix: str, *, least_part: int = LEAST_PART, page: int = 1_000) -> None:
        self._prefix, self._least = prefix, least_part
        client = Lazy(lambda: s3_client(bucket))
        self._reader, self._boto_reader = ObstoreReader(bucket), BotoReader(client, bucket.name)
        self._writer, self._listing = S3Writer(client, bucket), S3Listing(client, bucket.name, page)

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        key = self._key(name)
        return self._reader_of(key).get(key, known_etag)

    def etag(self, name: str) -> str:
        key = self._key(name)
        return self._reader_of(key).etag(key)

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        key = self._key(name)
        if version:
            return self._boto_reader.head(key, length, known_etag, version)
        return self._reader_of(key).head(key, length, known_etag)

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> Sequence[Data]:
        key = self._key(name)
        if version:
            return self._boto_reader.read(key, etag, ranges, version)
        return self._reader_of(key).read(key, etag, ranges)

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        return self._writer.put(self._key(name), data, condition, commit)

    def splice(
        self, name: str, head: bytes, source: CopySource, tail: bytes, *, condition: Condition, commit: str
    ) -> str:
        check_splice(head, source, self._least)
        source = structs.replace(source, name=self._key(source.name))
        return self._writer.splice(self._key(name), head, source, tail, condition=condition, commit=commit)

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        check_staging(name)
        return self._writer.stage(self._key(name), check_parts(parts, self._least))

    def discard(self, name: str) -> None:
        check_staging(name)
        self._writer.delete(self._key(name), None)

    def delete(self, name: str, condition: IfMatch) -> None:
        self._writer.delete(self._key(name), condition)

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        found: list[ListedObject] = []
        for listed in self._listed(prefix, after):
            if len(found) == limit:
                return ObjectPage(tuple(found), found[-1].name)
            found.append(listed)
        return ObjectPage(tuple(found), None)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        return self._listing.versions(self._key(name), limit, after)

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        check_link(seconds, filename)
        return self._writer.link(self._key(name), seconds, filename, version)

    def _reader_of(self, key: str) -> ObstoreReader | BotoReader:
        """Return the reader of a key: obstore cannot express one with an empty, `.` or `..` segment."""
        plain = key.isprintable() and not {"", ".", ".."} & set(key.split("/"))
        return self._reader if plain else self._boto_reader

    def _listed(self, prefix: str, after: str | None) -> Iterator[ListedObject]:
        for entry in self._listing.keys(self._folder + prefix, self._key(after) if after else None):
            name = entry["Key"].removeprefix(self._folder).removesuffix(SUFFIX)
            if entry["Key"].endswith(SUFFIX) and params.is_index_name(name) and name.startswith(prefix):
                yield ListedObject(name, entry["Size"], entry["LastModified"])

    @property
    def _folder(self) -> str:
        return f"{self._prefix}/" if self._prefix else ""

    def _key(self, name: str) -> str:
        return f"{self._folder}{name}" if name.startswith(STAGING) else f"{self._folder}{name}{SUFFIX}"
