"""Multipart uploads: an object in parts, sent or copied inside S3, that appears as a whole when it is completed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
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
from vectord.storage.s3.client import body_with_checksum
from vectord.storage.s3.errors import checked_etag, store_error
from vectord.storage.s3.listing import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 copies up to 5 GiB in one request, at the speed of one stream. Smaller copies run in parallel and end in time.
_COPY_BYTES: Final = 128 << 20
_RECENT: Final = timedelta(seconds=10)  # copies and completion of a commit take less


def split_copy(source: CopySource) -> list[CopySource]:
    """Split a source into parts of about the same size, small enough to copy in time and large enough for S3."""
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
    """One multipart upload, as a context manager. On exit it is aborted, unless it was or may have been completed.

    `attributes` are the arguments that describe the object; a copy or a completion may take `work_timeout` seconds.
    """

    def __init__(
        self, client: "S3Client", bucket: str, key: str, attributes: Mapping[str, Any], work_timeout: float
    ) -> None:
        self._client, self._bucket, self._attributes, self._work_timeout = client, bucket, attributes, work_timeout
        self._target: dict[str, Any] = {"Bucket": bucket, "Key": key}
        self._may_be_completed = False

    def __enter__(self) -> Self:
        with botocore_errors(store_error):
            created = self._client.create_multipart_upload(
                ChecksumAlgorithm="CRC32", **self._target, **self._attributes
            )
        if not created.get("UploadId"):
            raise StoreUnavailable("a response without an upload id")
        self._target["UploadId"] = created["UploadId"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._may_be_completed:
            # Parts cost money until the bucket's lifecycle rule removes them.
            # An error of the abort must not hide the first error.
            with suppress(StoreError), botocore_errors(store_error):
                self._client.abort_multipart_upload(**self._target)

    def is_preceded(self, uploads: Iterable[Upload]) -> bool:
        """Return True if another one of `uploads` began to write the object before this one, but not long before.

        By the times and ids, which S3 gives, one of several that begin together is the first. If an upload began long
        before, its writer has probably died.
        """
        others = {one.id: one for one in uploads if one.key == self._target["Key"]}
        own = others.pop(self._target["UploadId"], None)
        return own is not None and any(
            (one.began, one.id) < (own.began, own.id) and own.began - one.began <= _RECENT for one in others.values()
        )

    def send(self, parts: Iterable[bytes | CopySource], parallel: int) -> list[Part]:
        """Send the parts, at most `parallel` at a time and in memory; return them as arguments of `complete`.

        A part to copy is split as in `split_copy`.
        """
        sent: list[Future[Part]] = []
        # An abort does not stop a part that is still being sent, so wait for all parts before leaving the block.
        with ThreadPoolExecutor(parallel, "s3-part") as workers:
            for number, part in enumerate(_split(parts), 1):
                sent.append(workers.submit(self._send_part, number, part))
                _wait_until_fewer_than(parallel, sent)
            _wait_until_fewer_than(1, sent)
        return [part.result() for part in sent]

    def complete(self, parts: Sequence[Part], condition: Mapping[str, Any]) -> str:
        """Join the parts to an object if `condition`, the arguments of a conditional write, holds; return its ETag."""
        listed: Any = {"Parts": [part.as_dict() for part in parts]}
        self._may_be_completed = True
        try:
            done = _run_with_timeout(
                self._work_timeout,
                lambda: self._client.complete_multipart_upload(MultipartUpload=listed, **self._target, **condition),
            )
            return checked_etag(done.get("ETag"))
        except StoreUnavailable:
            raise
        except StoreError:
            self._may_be_completed = False  # S3 refused: there is no object
            raise

    def _send_part(self, number: int, part: bytes | CopySource) -> Part:
        return self._copy(number, part) if isinstance(part, CopySource) else self._upload(number, part)

    def _upload(self, number: int, part: bytes) -> Part:
        with botocore_errors(store_error):
            stored = self._client.upload_part(PartNumber=number, **self._target, **body_with_checksum(part))
        return Part(number, checked_etag(stored.get("ETag")), stored.get("ChecksumCRC32"))

    def _copy(self, number: int, part: CopySource) -> Part:
        source: Any = {"Bucket": self._bucket, "Key": part.name}
        if part.version:
            source["VersionId"] = quote(part.version, safe="")  # botocore quotes only the key
        try:
            copied = _run_with_timeout(
                self._work_timeout,
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


def _split(parts: Iterable[bytes | CopySource]) -> Iterator[bytes | CopySource]:
    for part in parts:
        yield from split_copy(part) if isinstance(part, CopySource) else (part,)


def _run_with_timeout[T](seconds: float, call: Callable[[], T]) -> T:
    """Run `call` and return its result; raise StoreUnavailable after `seconds`.

    S3 sends white space while it works, so the read timeout, which bounds one piece, does not fire. After `seconds` the
    call continues in its thread until it ends.
    """
    result: Future[T] = Future()

    def run() -> None:
        try:
            with botocore_errors(store_error):
                result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - for the thread that waits
            result.set_exception(error)

    Thread(target=run, name="s3-work", daemon=True).start()
    try:
        return result.result(seconds)
    except TimeoutError:
        raise StoreUnavailable("S3 worked for too long") from None


def _wait_until_fewer_than(limit: int, sent: Sequence[Future[Part]]) -> None:
    """Wait until fewer than `limit` parts are being sent; raise the error of a failed part at once."""
    while True:
        for part in sent:
            if part.done():
                part.result()
        pending = [part for part in sent if not part.done()]
        if len(pending) < limit:
            return
        wait(pending, return_when=FIRST_COMPLETED)
