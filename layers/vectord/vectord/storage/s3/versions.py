"""Reads from S3 by boto3: versions of objects.

obstore fails if a server sends the whole version instead of a range, as MiniStack does. boto3 also reads keys that
obstore cannot express, with an empty segment, `.` or `..` in the prefix.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from vectord.errors import ConditionFailed, ObjectVersionNotFound, StoreError, StoreUnavailable
from vectord.storage.base import ByteRange, NotModified, ObjectHead, StoredObject
from vectord.storage.boto import botocore_errors
from vectord.storage.s3.bucket import MAX_PARALLEL
from vectord.storage.s3.errors import RangeNotSatisfiable, Unmodified, checked_etag, refusal
from vectord.storage.s3.reader import head_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
# S3 refuses a deletion by a 405, an id that it cannot have made by a 400, and a key that does not exist as such.
_NO_VERSION: Final = ("NoSuchVersion", "MethodNotAllowed", "InvalidArgument", "NoSuchKey")


class BotoReader:
    """The objects and versions of one bucket by key."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def get(self, key: str, known_etag: str | None, version: str | None = None) -> StoredObject | NotModified:
        try:
            answer, data = self._get(key, version, **_unless(known_etag))
        except Unmodified:
            if known_etag is None:
                raise
            return NotModified()
        if _status(answer) != 200:
            raise StoreUnavailable("not the whole object")
        return StoredObject(data, checked_etag(answer.get("ETag")))

    def etag(self, key: str) -> str:
        client = self._client()
        with botocore_errors(refusal):
            return checked_etag(client.head_object(Bucket=self._bucket, Key=key).get("ETag"))

    def head(
        self, key: str, length: int, known_etag: str | None, version: str | None = None
    ) -> ObjectHead | NotModified:
        try:
            answer, data = self._get(key, version, Range=f"bytes=0-{length - 1}", **_unless(known_etag))
        except Unmodified:
            if known_etag is None:
                raise
            return NotModified()
        except RangeNotSatisfiable:  # S3 has no range of an object without bytes
            return head_of(self.get(key, known_etag, version), length)
        etag = checked_etag(answer.get("ETag"))
        if _status(answer) == 200:
            return head_of(StoredObject(data, etag), length)
        start, stop, size = _content_range(answer, data)
        if (start, stop) != (0, min(length, size)):
            raise StoreUnavailable("the head is too short")
        return ObjectHead(data, etag, size)

    def read(self, key: str, etag: str, ranges: Sequence[ByteRange], version: str | None = None) -> list[bytes]:
        return list(self._workers.map(lambda asked: self._range(key, etag, asked, version), ranges))

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(MAX_PARALLEL, "s3-version")

    def _range(self, key: str, etag: str, asked: ByteRange, version: str | None) -> bytes:
        start, stop = asked
        if start == stop:
            return b""
        answer, data = self._get(key, version, Range=f"bytes={start}-{stop - 1}", IfMatch=etag)
        if checked_etag(answer.get("ETag")) != etag:
            raise ConditionFailed("ETag")
        if _status(answer) == 200:
            return _cut(data, asked)
        if _content_range(answer, data)[:2] != asked:
            raise StoreUnavailable("the range is too short")
        return data

    def _get(self, key: str, version: str | None, **terms: Any) -> tuple[Mapping[str, Any], bytes]:
        if version:
            terms["VersionId"] = version
        client = self._client()
        try:
            with botocore_errors(refusal):
                answer = client.get_object(Bucket=self._bucket, Key=key, **terms)
                return answer, answer["Body"].read()
        except StoreError as error:
            if version and str(error) in _NO_VERSION:
                raise ObjectVersionNotFound(version) from error
            raise


def _status(answer: Mapping[str, Any]) -> int:
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def _content_range(answer: Mapping[str, Any], data: bytes) -> tuple[int, int, int]:
    """Return where the bytes start and stop in the object, and the size of the object."""
    found = _RANGE.fullmatch(answer.get("ContentRange") or "")
    if found is None:
        raise StoreUnavailable("a range without its position")
    start, last, size = map(int, found.groups())
    if last + 1 - start != len(data):
        raise StoreUnavailable("the range is too short")
    return start, last + 1, size


def _cut(whole: bytes, asked: ByteRange) -> bytes:
    """Return a range of a version that the server sent as a whole, as MiniStack does."""
    if asked[0] >= len(whole):
        raise RangeNotSatisfiable("InvalidRange")
    if asked[1] > len(whole):
        raise StoreUnavailable("the range is longer than the object")
    return whole[asked[0] : asked[1]]


def _unless(known_etag: str | None) -> dict[str, str]:
    return {} if known_etag is None else {"IfNoneMatch": known_etag}
