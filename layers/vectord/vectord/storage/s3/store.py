"""The S3 store: an index is the object `<prefix>/<name>.lhv1`, a staged object is `<prefix>/.staging/<token>`.

A vector bucket is `<prefix>/.s3vectors/<name>.json`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from vectord.errors import StoreError, StoreRefused, StoreUnavailable
from vectord.storage.base import (
    ByteRange,
    Condition,
    CopySource,
    Data,
    IfAbsent,
    IfMatch,
    ListedObject,
    NotModified,
    ObjectHead,
    ObjectPage,
    StoredObject,
    VersionPage,
    WriteInProgress,
)
from vectord.storage.boto import Lazy, botocore_errors
from vectord.storage.limits import LEAST_PART, check_link, check_parts, check_splice, check_staging
from vectord.storage.s3.begun import Following, Needed
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import body_with_checksum, s3_client
from vectord.storage.s3.errors import checked_etag, store_error
from vectord.storage.s3.listing import S3Listing
from vectord.storage.s3.names import SUFFIX, page_of_names, staged_objects, suffix_of
from vectord.storage.s3.reader import ObstoreReader
from vectord.storage.s3.versions import BotoReader

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from vectord.storage.s3.multipart import MultipartUpload

_PARALLEL_COPIES: Final = 16  # S3 copies the bytes, so they need no memory
_PARALLEL_PARTS: Final = 4  # each part is in memory while it is sent
_MAX_BYTES: Final = 5 << 30  # of one PUT
_GIVES_WAY_BYTES: Final = 8 << 20  # to copy fewer for nothing costs less than a listing
_BINARY: Final = {"ContentType": "application/octet-stream"}


class S3Store:
    """A Store in one bucket under one prefix. obstore reads; boto3 does the rest and is imported on first use.

    `least_part` is the least size of a part, by default S3's; tests use less to splice a few bytes on an emulator.
    `page` is how many keys one request lists, by default S3's maximum.
    """

    def __init__(self, bucket: Bucket, prefix: str, *, least_part: int = LEAST_PART, page: int = 1_000) -> None:
        self._prefix, self._min_part = prefix, least_part
        self._client = client = Lazy(lambda: s3_client(bucket))
        self._reader, self._boto_reader = ObstoreReader(bucket), BotoReader(client, bucket.name)
        self._listing = S3Listing(client, bucket.name, page)
        self._writer = S3Writer(client, bucket, self._listing)

    def get(self, name: str, known_etag: str | None = None) -> StoredObject | NotModified:
        key = self._key(name)
        return self._reader_for(key).get(key, known_etag)

    def etag(self, name: str) -> str:
        key = self._key(name)
        return self._reader_for(key).etag(key)

    def head(
        self, name: str, length: int, known_etag: str | None = None, *, version: str | None = None
    ) -> ObjectHead | NotModified:
        key = self._key(name)
        if version:
            return self._boto_reader.head(key, length, known_etag, version)
        return self._reader_for(key).head(key, length, known_etag)

    def begin(self, name: str, length: int, needed: Needed, following: Following) -> None:
        """Start to read what this thread's next `head` of an object without a known ETag asks for, and its next `read`.

        `needed` returns how many of the first bytes the caller will need; if these are more, they are read too.
        `following` returns ranges that the caller will probably read next.
        """
        reader = self._reader_for(self._key(name))
        if reader is self._reader:
            self._reader.begin(self._key(name), length, needed, following)

    def forget_begun(self) -> None:
        """Forget what was begun and not asked for."""
        self._reader.forget_begun()

    def read(self, name: str, etag: str, ranges: Sequence[ByteRange], *, version: str | None = None) -> Sequence[Data]:
        key = self._key(name)
        if version:
            return self._boto_reader.read(key, etag, ranges, version)
        return self._reader_for(key).read(key, etag, ranges)

    def begin_writing(self) -> None:
        """Start to import boto3 and to create its client: a write needs them, and what it reads before does not."""
        self._client.begin()

    def put(self, name: str, data: bytes, condition: Condition, commit: str) -> str:
        return self._writer.put(self._key(name), data, condition, commit)

    def splice(
        self, name: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool = False
    ) -> str:
        check_splice(head, source, self._min_part)
        source = structs.replace(source, name=self._key(source.name))
        return self._writer.splice(
            self._key(name), head, source, condition=condition, commit=commit, gives_way=gives_way
        )

    def stage(self, name: str, parts: Iterable[bytes]) -> str:
        check_staging(name)
        return self._writer.stage(self._key(name), check_parts(parts, self._min_part))

    def discard(self, name: str) -> None:
        check_staging(name)
        self._writer.delete(self._key(name), None)

    def staged(self, folder: str) -> Sequence[ListedObject]:
        check_staging(folder)
        return staged_objects(self._listing, self._folder, folder)

    def delete(self, name: str, condition: IfMatch) -> None:
        self._writer.delete(self._key(name), condition)

    def list(self, prefix: str, limit: int, after: str | None) -> ObjectPage:
        return page_of_names(self._listing, self._folder, prefix, limit, after)

    def versions(self, name: str, limit: int, after: str | None = None) -> VersionPage:
        return self._listing.versions(self._key(name), limit, after)

    def link(self, name: str, seconds: int, filename: str, *, version: str | None = None) -> str:
        check_link(seconds, filename)
        return self._writer.link(self._key(name), seconds, filename, version)

    def _reader_for(self, key: str) -> ObstoreReader | BotoReader:
        """Return the reader for `key`: boto3's if obstore cannot express the key, otherwise obstore's.

        obstore cannot express an unprintable character, or an empty, `.` or `..` segment.
        """
        is_plain = key.isprintable() and not {"", ".", ".."} & set(key.split("/"))
        return self._reader if is_plain else self._boto_reader

    @property
    def _folder(self) -> str:
        return f"{self._prefix}/" if self._prefix else ""

    def _key(self, name: str) -> str:
        return f"{self._folder}{name}{suffix_of(name) if name.startswith('.') else SUFFIX}"


class S3Writer:
    """Writes to one bucket by boto3, each applied as a whole or not at all; and presigned links."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: Bucket, listing: S3Listing) -> None:
        self._client, self._bucket, self._listing = client, bucket, listing

    def put(self, key: str, data: bytes, condition: Condition, commit: str) -> str:
        if len(data) > _MAX_BYTES:
            raise StoreRefused("EntityTooLarge")
        arguments = {"Bucket": self._bucket.name, "Key": key, **_attributes(commit), **_condition_arguments(condition)}
        client = self._client()
        with botocore_errors(store_error):
            stored = client.put_object(**arguments, **body_with_checksum(data))
        if stored["ResponseMetadata"]["HTTPStatusCode"] != 200:
            raise StoreUnavailable("a response to another request")
        return checked_etag(stored.get("ETag"))

    def splice(
        self, key: str, head: bytes, source: CopySource, *, condition: Condition, commit: str, gives_way: bool
    ) -> str:
        """Write `head` and the bytes of `source`, whose `name` is a key."""
        return self._send_parts(
            key,
            [head, source],
            _PARALLEL_COPIES,
            _attributes(commit),
            _condition_arguments(condition),
            gives_way=gives_way and source.stop - source.start >= _GIVES_WAY_BYTES,
        )

    def stage(self, key: str, parts: Iterable[bytes]) -> str:
        return self._send_parts(key, parts, _PARALLEL_PARTS, _BINARY, {})

    def delete(self, key: str, condition: IfMatch | None) -> None:
        client = self._client()
        with botocore_errors(store_error):
            client.delete_object(
                Bucket=self._bucket.name, Key=key, **(_condition_arguments(condition) if condition else {})
            )

    def link(self, key: str, seconds: int, filename: str, version: str | None) -> str:
        disposition = {"ResponseContentDisposition": f'attachment; filename="{filename}"'}
        params = {"Bucket": self._bucket.name, "Key": key, **disposition, **({"VersionId": version} if version else {})}
        client = self._client()
        with botocore_errors(store_error):
            return client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def _send_parts(
        self,
        key: str,
        parts: Iterable[bytes | CopySource],
        parallel: int,
        attributes: Mapping[str, Any],
        condition: Mapping[str, Any],
        *,
        gives_way: bool = False,
    ) -> str:
        # It imports concurrent.futures, which takes 2 ms.
        from vectord.storage.s3.multipart import MultipartUpload  # noqa: PLC0415  a search writes nothing

        bucket = self._bucket
        with MultipartUpload(self._client(), bucket.name, key, attributes, bucket.timeouts.work) as upload:
            if gives_way and self._is_preceded(upload, key):
                raise WriteInProgress("an earlier upload of the object is in progress")
            return upload.complete(upload.send(parts, parallel), condition)

    def _is_preceded(self, upload: "MultipartUpload", key: str) -> bool:
        """Return True if another writer's upload of the key goes first; False if S3 does not list the uploads.

        The condition protects the object in any case. So a role without the right to list uploads can write.
        """
        try:
            return upload.is_preceded(self._listing.uploads(key))
        except StoreError:
            return False


def _attributes(commit: str) -> dict[str, Any]:
    return {**_BINARY, "Metadata": {"commit": commit}}


def _condition_arguments(condition: Condition) -> dict[str, Any]:
    return {"IfNoneMatch": "*"} if isinstance(condition, IfAbsent) else {"IfMatch": condition.etag}
