"""Multipart uploads: an object in parts, sent or copied inside S3, that appears as a whole when it is completed."""

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from vectord.errors import StoreError, StoreUnavailable
from vectord.stores.protocol import Source
from vectord.stores.s3_client import classified

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 takes up to 5 GiB, but copies each part at the pace of one stream; a smaller one also answers in time.
_MOST_COPIED: Final = 128 << 20
_CHECKSUM: Final = "ChecksumCRC32"  # S3 asks at the end for the checksums that it was given with the parts


def copied(source: Source) -> list[Source]:
    """Return the span in as few parts as S3 copies well, all of about one size, so that none is too small."""
    size = source.stop - source.start
    count = -(-size // _MOST_COPIED)
    bounds = [source.start + size * number // count for number in range(count + 1)]
    return [replace(source, start=start, stop=stop) for start, stop in pairwise(bounds)]


class Upload:
    """One multipart upload; it is aborted when the block is left without an object, unless there may be one."""

    def __init__(self, client: "S3Client", bucket: str, key: str, **described: Any) -> None:
        self._client, self._described = client, described
        self._place: Any = {"Bucket": bucket, "Key": key}
        self._over = False  # completed, or perhaps completed

    def __enter__(self) -> Self:
        with classified():
            answer = self._client.create_multipart_upload(**self._place, **self._described, ChecksumAlgorithm="CRC32")
            self._place["UploadId"] = answer["UploadId"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._over:
            # What is left of it costs money until the bucket's lifecycle rule removes it; the first error counts.
            with suppress(StoreError), classified():
                self._client.abort_multipart_upload(**self._place)

    def send(self, parts: Iterable[bytes | Source], side_by_side: int) -> list[Any]:
        """Send the parts, so many at once and so many in memory; return what `complete` takes."""
        sent: list[Future[Any]] = []
        # An abort does not reach a part that is on its way; the executor's block is left after those.
        with ThreadPoolExecutor(side_by_side, "s3-part") as workers:
            for number, part in enumerate(parts, 1):
                sent.append(workers.submit(self._part, number, part))
                _wait_until_fewer(side_by_side, sent)
            _wait_until_fewer(1, sent)
        return [part.result() for part in sent]

    def complete(self, parts: list[Any], **terms: Any) -> str:
        """Make the parts an object if `terms` hold, and return its ETag."""
        self._over = True
        try:
            with classified():
                answer = self._client.complete_multipart_upload(
                    **self._place, MultipartUpload={"Parts": parts}, **terms
                )
                return answer["ETag"]
        except StoreUnavailable:
            raise
        except StoreError:
            self._over = False  # S3 said no
            raise

    def _part(self, number: int, part: bytes | Source) -> Any:
        with classified():
            if isinstance(part, bytes):
                answer: Any = self._client.upload_part(
                    **self._place, PartNumber=number, Body=part, ChecksumAlgorithm="CRC32"
                )
            else:
                answer = self._client.upload_part_copy(
                    **self._place,
                    PartNumber=number,
                    CopySource={"Bucket": self._place["Bucket"], "Key": part.name},
                    CopySourceIfMatch=part.etag,
                    CopySourceRange=f"bytes={part.start}-{part.stop - 1}",
                )["CopyPartResult"]
        checksum = {_CHECKSUM: answer[_CHECKSUM]} if _CHECKSUM in answer else {}
        return {"PartNumber": number, "ETag": answer["ETag"], **checksum}


def _wait_until_fewer(most: int, sent: Sequence[Future[Any]]) -> None:
    """Wait until fewer than `most` are on their way; raise what one of them failed with, as soon as it has."""
    while True:
        for part in sent:
            if part.done():
                part.result()
        pending = [part for part in sent if not part.done()]
        if len(pending) < most:
            return
        wait(pending, return_when=FIRST_COMPLETED)
