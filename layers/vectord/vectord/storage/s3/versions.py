"""Reads from S3 by boto3: versions of objects, and objects whose keys obstore cannot express.

obstore fails if a server sends the whole version instead of a range, as MiniStack does. It cannot express a key with an
empty segment, `.` or `..`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from vectord.errors import ConditionFailed, ObjectVersionNotFound, StoreError, StoreUnavailable
from vectord.storage.base import ByteRange, NotModified, ObjectHead, StoredObject
from vectord.storage.boto import botocore_errors
from vectord.storage.s3.bucket import MAX_PARALLEL
from vectord.storage.s3.errors import RangeNotSatisfiable, Unmodified, checked_etag, store_error
from vectord.storage.s3.reader import head_of
from vectord.storage.workers import Workers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_RANGE: Final = r"bytes (\d+)-(\d+)/(\d+)"
# S3's error codes if an id is unknown, names a deletion (405), cannot be one of S3's (400), or its key does not exist.
_NO_VERSION: Final = ("NoSuchVersion", "MethodNotAllowed", "InvalidArgument", "NoSuchKey")


class BotoReader:
    """The objects and versions of one bucket by key."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        self._client, self._bucket = client, bucket
        self._workers = Workers(MAX_PARALLEL, "s3-version")

    def get(self, key: str, known_etag: str | None, version: str | None = None) -> StoredObject | NotModified:
        try:
            response, data = self._get(key, version, **_if_none_match(known_etag))
        except Unmodified:
            if known_etag is None:
                raise
            return NotModified()
        if _status(response) != 200:
            raise StoreUnavailable("not the whole object")
        return StoredObject(data, checked_etag(response.get("ETag")))

    def etag(self, key: str) -> str:
        client = self._client()
        with botocore_errors(store_error):
            return checked_etag(client.head_object(Bucket=self._bucket, Key=key).get("ETag"))

    def head(
        self, key: str, length: int, known_etag: str | None, version: str | None = None
    ) -> ObjectHead | NotModified:
        try:
            response, data = self._get(key, version, Range=f"bytes=0-{length - 1}", **_if_none_match(known_etag))
        except Unmodified:
            if known_etag is None:
                raise
            return NotModified()
        except RangeNotSatisfiable:  # S3 refuses any range of an empty object
            return head_of(self.get(key, known_etag, version), length)
        etag = checked_etag(response.get("ETag"))
        if _status(response) == 200:
            return head_of(StoredObject(data, etag), length)
        start, stop, size = _content_range(response, data)
        if (start, stop) != (0, min(length, size)):
            raise StoreUnavailable("the head is too short")
        return ObjectHead(data, etag, size)

    def read(self, key: str, etag: str, ranges: Sequence[ByteRange], version: str | None = None) -> list[bytes]:
        return self._workers.map(lambda byte_range: self._range(key, etag, byte_range, version), ranges)

    def _range(self, key: str, etag: str, byte_range: ByteRange, version: str | None) -> bytes:
        start, stop = byte_range
        if start == stop:
            return b""
        response, data = self._get(key, version, Range=f"bytes={start}-{stop - 1}", IfMatch=etag)
        if checked_etag(response.get("ETag")) != etag:
            raise ConditionFailed("ETag")
        if _status(response) == 200:
            return _cut_range(data, byte_range)
        if _content_range(response, data)[:2] != byte_range:
            raise StoreUnavailable("the range is too short")
        return data

    def _get(self, key: str, version: str | None, **arguments: Any) -> tuple[Mapping[str, Any], bytes]:
        if version:
            arguments["VersionId"] = version
        client = self._client()
        try:
            with botocore_errors(store_error):
                response = client.get_object(Bucket=self._bucket, Key=key, **arguments)
                return response, response["Body"].read()
        except StoreError as error:
            if version and str(error) in _NO_VERSION:
                raise ObjectVersionNotFound(version) from error
            raise


def _status(response: Mapping[str, Any]) -> int:
    status: int = response["ResponseMetadata"]["HTTPStatusCode"]
    return status


def _content_range(response: Mapping[str, Any], data: bytes) -> tuple[int, int, int]:
    """Return where in the object `data` starts and stops, and the size of the object."""
    content_range = re.fullmatch(_RANGE, response.get("ContentRange") or "")
    if content_range is None:
        raise StoreUnavailable("a range without its position")
    start, last, size = map(int, content_range.groups())
    if last + 1 - start != len(data):
        raise StoreUnavailable("the range is too short")
    return start, last + 1, size


def _cut_range(whole: bytes, byte_range: ByteRange) -> bytes:
    """Return a range of a version of which the server sent all bytes, as MiniStack does."""
    if byte_range[0] >= len(whole):
        raise RangeNotSatisfiable("InvalidRange")
    if byte_range[1] > len(whole):
        raise StoreUnavailable("the range is longer than the object")
    return whole[byte_range[0] : byte_range[1]]


def _if_none_match(known_etag: str | None) -> dict[str, str]:
    return {} if known_etag is None else {"IfNoneMatch": known_etag}
