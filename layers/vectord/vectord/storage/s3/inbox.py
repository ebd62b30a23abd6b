"""The inbox in S3."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from vectord.errors import ConditionFailed, ObjectNotFound, StoreRefused, StoreUnavailable
from vectord.storage.boto import botocore_errors
from vectord.storage.inbox import Replacement, SignedPut, StoredReport, UploadedFile
from vectord.storage.s3.client import body_with_checksum
from vectord.storage.s3.errors import store_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Inbox:
    """An Inbox in `bucket`."""

    def __init__(self, bucket: str, client: "Callable[[], S3Client]") -> None:
        self.bucket, self._client = bucket, client

    def fetch(self, upload: UploadedFile) -> bytes:
        if not upload.etag:
            raise StoreRefused("the event names no ETag")
        client = self._client()
        with botocore_errors(store_error):
            response = client.get_object(Bucket=self.bucket, Key=upload.key, IfMatch=f'"{upload.etag}"')
            data = response["Body"].read()
        # A truncated download must be retried. As a whole file it would be rejected permanently.
        if len(data) != upload.size:
            raise StoreUnavailable("an incomplete file")
        return data

    def replacement(self, upload: UploadedFile) -> Replacement | None:
        client = self._client()
        try:
            with botocore_errors(store_error):
                present = client.head_object(Bucket=self.bucket, Key=upload.key)
        except ObjectNotFound:
            return None
        etag = present["ETag"].strip('"')
        if not upload.etag or etag == upload.etag:
            return None
        return Replacement(etag, present["LastModified"].isoformat())

    def write_report(self, key: str, body: bytes) -> None:
        client = self._client()
        with botocore_errors(store_error):
            client.put_object(Bucket=self.bucket, Key=key, ContentType="application/json", **body_with_checksum(body))

    def read_report(self, key: str) -> StoredReport | None:
        client = self._client()
        try:
            with botocore_errors(store_error):
                response = client.get_object(Bucket=self.bucket, Key=key)
                return StoredReport(response["Body"].read(), response["ETag"])
        except ObjectNotFound:
            return None

    def remove_report(self, key: str, etag: str) -> None:
        client = self._client()
        with suppress(ConditionFailed, ObjectNotFound), botocore_errors(store_error):
            client.delete_object(Bucket=self.bucket, Key=key, IfMatch=etag)

    def link(self, key: str, size: int, seconds: int) -> SignedPut:
        client = self._client()
        put = {"Bucket": self.bucket, "Key": key, "ContentLength": size, "IfNoneMatch": "*"}
        with botocore_errors(store_error):
            url = client.generate_presigned_url("put_object", Params=put, ExpiresIn=seconds)
        # Both are signed. An HTTP client sends the length itself, and a web page could not.
        return SignedPut(url, {"if-none-match": "*"})
