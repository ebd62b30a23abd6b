"""Multipart uploads: an object in parts, sent or copied inside S3, that appears as a whole when it is completed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import pairwise
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

import msgspec
from msgspec import structs

from vectord.errors import ObjectNotFound, ObjectVersionNotFound, StoreError, StoreUnavailable
from vectord.storage.base import CopySource
from vectord.storage.boto import botocore_errors
from vectord.storage.s3.client import checked_body
from vectord.storage.s3.errors import checked_etag, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 copies up to 5 GiB in one request, but each at the speed of one stream; smaller copies also finish in time.
_COPY_BYTES: Final = 128 << 20


def split_copy(source: CopySource) -> list[CopySource]:
    """Return the source in parts of about the same size that S3 copies in time; none is too small."""
    size = source.stop - source.start
    count = -(-size // _COPY_BYTES)
    bounds = [source.start + size * number // count for number in range(count + 1)]
    return [structs.replace(source, start=start, stop=stop) for start, stop in pairwise(bounds)]


class Part(msgspec.Struct, frozen=True):
    """A part that S3 has stored. `checksum` is what S3 returned for it, in base64, and expects back at the end."""

    number: int
    etag: str
    checksum: str | None

    def as_dict(self) -> dict[str, Any]:
        checksum = {"ChecksumCRC32": self.checksum} if self.checksum else {}
        return {"PartNumber": self.number, "ETag": self.etag, **checksum}


class MultipartUpload:
    """One multipart upload. Leaving the block without an object aborts it, unless there may be an object.

    `described` are the arguments of the create request; a copy or completion may take `work` seconds.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str, described: Mapping[str, Any], work: float) -> None:
        self._client, self._bucket, self._described, self._work = client, bucket, described, work
        self._target: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._over = False  # completed, or perhaps completed

    def __enter__(self) -> Self:
        with botocore_errors(refusal):
            created = self._client.create_multipart_upload(ChecksumAlgorithm="CRC32", **self._target, **self._described)
        if not created.get("UploadId"):
            raise StoreUnavailable("a response without an upload id")
        self._target["UploadId"] = created["UploadId"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._over:
            # What is left of it costs money until the bucket's lifecycle rule removes it; the first error counts.
            with suppress(StoreError), botocore_errors(refusal):
                self._client.abort_multipart_upload(**self._target)

    def send(self, parts: Iterable[bytes | CopySource], parallel: int) -> list[Part]:
        """Send the parts, at most `parallel` at a time and in memory; return them for `complete`."""
        sent: list[Future[Part]] = []
        # An abort does not reach a part that is still being sent, so all of them end before the block is left.
        with ThreadPoolExecutor(parallel, "s3-part") as workers:
            for number, part in enumerate(parts, 1):
                sent.append(workers.submit(self._send_part, number, part))
                _wait_until_fewer(parallel, sent)
            _wait_until_fewer(1, sent)
        return [part.result() for part in sent]

    def complete(self, parts: Sequence[Part], condition: Mapping[str, Any]) -> str:
        """Make the parts an object if `condition` holds, and return its ETag."""
        listed: Any = {"Parts": [part.as_dict() for part in parts]}
        self._over = True
        try:
            done = _within(
                self._work,
                lambda: self._client.complete_multipart_upload(MultipartUpload=listed, **self._target, **condition),
            )
            return checked_etag(done.get("ETag"))
        except StoreUnavailable:
            raise
        except StoreError:
            self._over = False  # S3 refused: there is no object
            raise

    def _send_part(self, number: int, part: bytes | CopySource) -> Part:
        return self._copy(number, part) if isinstance(part, CopySource) else self._upload(number, part)

    def _upload(self, number: int, part: bytes) -> Part:
        with botocore_errors(refusal):
            stored = self._client.upload_part(PartNumber=number, **self._target, **checked_body(part))
        return Part(number, checked_etag(stored.get("ETag")), stored.get("ChecksumCRC32"))

    def _copy(self, number: int, part: CopySource) -> Part:
        source: Any = {"Bucket": self._bucket, "Key": part.name}
        if part.version:
            source["VersionId"] = quote(part.version, safe="")  # botocore quotes only the key
        try:
            copied = _within(
                self._work,
                lambda: self._client.upload_part_copy(
                    PartNumber=number,
                    CopySource=source,
                    CopySourceIfMatch=part.etag,
                    CopySourceRange=f"bytes={part.start}-{part.stop - 1}",
                    **self._target,
                ),
            )
        except ObjectNotFound as error:
            if part.version:
                raise ObjectVersionNotFound(part.version) from error
            raise
        result = copied.get("CopyPartResult") or {}
        return Part(number, checked_etag(result.get("ETag")), result.get("ChecksumCRC32"))


def _within[T](seconds: float, call: Callable[[], T]) -> T:
    """Return what `call` returns; raise StoreUnavailable after `seconds`.

    S3 sends white space while it works, so a timeout between two pieces never fires. A call that takes too long is left
    to end by itself.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            with botocore_errors(refusal):
                result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - for the thread that waits
            result.set_exception(error)

    Thread(target=run, name="s3-work", daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        raise StoreUnavailable("S3 worked for too long") from None


def _wait_until_fewer(most: int, sent: Sequence[Future[Part]]) -> None:
    """Wait until fewer than `most` parts are being sent; raise the error of one that failed as soon as it does."""
    while True:
        for part in sent:
            if part.done():
                part.result()
        pending = [part for part in sent if not part.done()]
        if len(pending) < most:
            return
        wait(pending, return_when=FIRST_COMPLETED)
