"""The inbox in S3."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from vectord.errors import StoreUnavailable
from vectord.storage.inbox import UploadedFile
from vectord.storage.s3.client import classified

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Inbox:
    """An Inbox: files come from whatever bucket an event names, links go to `bucket`."""

    def __init__(self, bucket: str, client: "Callable[[], S3Client]") -> None:
        self._bucket, self._client = bucket, client

    def fetch(self, upload: UploadedFile) -> bytes:
        with classified():
            answer = self._client().get_object(Bucket=upload.bucket, Key=upload.key, IfMatch=f'"{upload.etag}"')
            data = answer["Body"].read()
        # boto3 takes an answer that ends before its body for a file of no bytes, and then the file would be refused.
        if len(data) != upload.size:
            raise StoreUnavailable("half a file")
        return data

    def report(self, upload: UploadedFile, key: str, body: bytes) -> None:
        with classified():
            self._client().put_object(Bucket=upload.bucket, Key=key, Body=body, ContentType="application/json")

    def link(self, key: str, seconds: int) -> str:
        with classified():
            return self._client().generate_presigned_url(
                "put_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=seconds
            )
