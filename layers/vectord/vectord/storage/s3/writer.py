"""Writes to S3 by boto3: each conditional, and applied as a whole or not at all; and presigned links."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from vectord.errors import StoreRefused, StoreUnavailable
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import checked_body
from vectord.storage.s3.errors import checked_etag, s3_errors
from vectord.storage.s3.multipart import MultipartUpload, split_copy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PARALLEL_COPIES: Final = 16  # S3 does the work
_PARALLEL_PARTS: Final = 4  # each is in memory
_MAX_BYTES: Final = 5 << 30  # of one PUT
_BINARY: Final = {"ContentType": "application/octet-stream"}


class S3Writer:
    """The objects of one bucket by key."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: Bucket) -> None:
        self._client, self._bucket = client, bucket

    def put(self, key: str, data: bytes, condition: Condition, commit: str) -> str:
        if len(data) > _MAX_BYTES:
            raise StoreRefused("EntityTooLarge")
        arguments: dict[str, Any] = {**_described(commit), **_terms(condition), **checked_body(data)}
        client = self._client()
        with s3_errors():
            stored = client.put_object(Bucket=self._bucket.name, Key=key, **arguments)
        if stored["ResponseMetadata"]["HTTPStatusCode"] != 200:
            raise StoreUnavailable("a response to another request")
        return checked_etag(stored.get("ETag"))

    def splice(
        self, key: str, head: bytes, source: CopySource, tail: bytes, *, condition: Condition, commit: str
    ) -> str:
        """Write `head`, the bytes of `source`, whose name is a key, and `tail`."""
        parts: list[bytes | CopySource] = [head, *split_copy(source), *([tail] if tail else [])]
        with self._upload(key, _described(commit)) as upload:
            return upload.complete(upload.send(parts, _PARALLEL_COPIES), _terms(condition))

    def stage(self, key: str, parts: Iterable[bytes]) -> str:
        with self._upload(key, _BINARY) as upload:
            return upload.complete(upload.send(parts, _PARALLEL_PARTS), {})

    def delete(self, key: str, condition: IfMatch | None) -> None:
        client = self._client()
        with s3_errors():
            client.delete_object(Bucket=self._bucket.name, Key=key, **(_terms(condition) if condition else {}))

    def link(self, key: str, seconds: int, filename: str, version: str | None) -> str:
        shown = {"ResponseContentDisposition": f'attachment; filename="{filename}"'}
        params = {"Bucket": self._bucket.name, "Key": key, **shown, **({"VersionId": version} if version else {})}
        client = self._client()
        with s3_errors():
            return client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)

    def _upload(self, key: str, described: Mapping[str, Any]) -> MultipartUpload:
        return MultipartUpload(self._client(), self._bucket.name, key, described, self._bucket.timeouts.work)


def _described(commit: str) -> dict[str, Any]:
    return {**_BINARY, "Metadata": {"commit": commit}}


def _terms(condition: Condition) -> dict[str, Any]:
    return {"IfNoneMatch": "*"} if isinstance(condition, IfAbsent) else {"IfMatch": condition.etag}
