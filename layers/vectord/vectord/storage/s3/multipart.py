"""Multipart uploads: an object in parts, sent or copied inside S3, that appears as a whole when it is completed."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import pairwise
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import msgspec
from msgspec import structs

from vectord.errors import ObjectNotFound, ObjectVersionNotFound, StoreError, StoreUnavailable
from vectord.storage.base import CopySource
from vectord.storage.s3.answers import etag_of, expect, fields
from vectord.storage.s3.requests import CHECKSUM, Requests, checksum
from vectord.storage.s3.sigv4 import query_of

# S3 takes up to 5 GiB, but copies each part at the pace of one stream; a smaller one also answers in time.
_MOST_COPIED: Final = 128 << 20


def copied(source: CopySource) -> list[CopySource]:
    """Return the span in as few parts as S3 copies well, all of about one size, so that none is too small."""
    size = source.stop - source.start
    count = -(-size // _MOST_COPIED)
    bounds = [source.start + size * number // count for number in range(count + 1)]
    return [structs.replace(source, start=start, stop=stop) for start, stop in pairwise(bounds)]


class Part(msgspec.Struct, frozen=True):
    """A part that S3 has; it asks at the end for the checksum, in base64, that it answered for the part."""

    number: int
    etag: str
    checksum: str | None

    def __str__(self) -> str:
        checksum = f"<ChecksumCRC32>{self.checksum}</ChecksumCRC32>" if self.checksum else ""
        return f"<Part>{checksum}<ETag>{self.etag}</ETag><PartNumber>{self.number}</PartNumber></Part>"


class Upload:
    """One multipart upload; it is aborted when the block is left without an object, unless there may be one."""

    def __init__(self, requests: Requests, bucket: str, key: str, described: Mapping[str, str]) -> None:
        self._requests, self._bucket, self._key, self._described = requests, bucket, key, described
        self._id: Mapping[str, str] = {}
        self._over = False  # completed, or perhaps completed

    def __enter__(self) -> Self:
        headers = {**self._described, "x-amz-checksum-algorithm": "CRC32"}
        answer = self._requests.ask("POST", self._key, headers, query={"uploads": ""})
        self._id = {"uploadId": fields(answer, "InitiateMultipartUploadResult", "UploadId")["UploadId"]}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._over:
            # What is left of it costs money until the bucket's lifecycle rule removes it; the first error counts.
            with suppress(StoreError):
                self._requests.ask("DELETE", self._key, {}, query=self._id)

    def send(self, parts: Iterable[bytes | CopySource], side_by_side: int) -> list[Part]:
        """Send the parts, so many at once and so many in memory; return what `complete` takes."""
        sent: list[Future[Part]] = []
        # An abort does not reach a part that is on its way; the executor's block is left after those.
        with ThreadPoolExecutor(side_by_side, "s3-part") as workers:
            for number, part in enumerate(parts, 1):
                sent.append(workers.submit(self._part, number, part))
                _wait_until_fewer(side_by_side, sent)
            _wait_until_fewer(1, sent)
        return [part.result() for part in sent]

    def complete(self, parts: Sequence[Part], terms: Mapping[str, str]) -> str:
        """Make the parts an object if `terms` hold, and return its ETag."""
        listed = "".join(map(str, parts))
        body = f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}</CompleteMultipartUpload>'
        self._over = True
        try:
            answer = self._requests.ask("POST", self._key, terms, query=self._id, body=body.encode(), works=True)
            return fields(answer, "CompleteMultipartUploadResult", "ETag")["ETag"]
        except StoreUnavailable:
            raise
        except StoreError:
            self._over = False  # S3 said no
            raise

    def _part(self, number: int, part: bytes | CopySource) -> Part:
        return self._copy(number, part) if isinstance(part, CopySource) else self._send(number, part)

    def _send(self, number: int, part: bytes) -> Part:
        answer = self._requests.ask("PUT", self._key, checksum(part), query=self._place(number), body=part)
        expect(answer, 200)
        return Part(number, etag_of(answer), answer.headers.get(CHECKSUM))

    def _copy(self, number: int, part: CopySource) -> Part:
        headers = {
            "x-amz-copy-source": _place_of(self._bucket, part),
            "x-amz-copy-source-if-match": part.etag,
            "x-amz-copy-source-range": f"bytes={part.start}-{part.stop - 1}",
        }
        answer = self._requests.ask("PUT", self._key, headers, query=self._place(number), works=True)
        try:
            found = fields(answer, "CopyPartResult", "ETag")
        except ObjectNotFound as error:
            if part.version:
                raise ObjectVersionNotFound(part.version) from error
            raise
        return Part(number, found["ETag"], found.get("ChecksumCRC32"))

    def _place(self, number: int) -> Mapping[str, str]:
        return {"partNumber": str(number), **self._id}


def _place_of(bucket: str, part: CopySource) -> str:
    place = quote(f"{bucket}/{part.name}", safe="/-_.~")
    return f"{place}?{query_of({'versionId': part.version})}" if part.version else place


def _wait_until_fewer(most: int, sent: Sequence[Future[Part]]) -> None:
    """Wait until fewer than `most` are on their way; raise what one of them failed with, as soon as it has."""
    while True:
        for part in sent:
            if part.done():
                part.result()
        pending = [part for part in sent if not part.done()]
        if len(pending) < most:
            return
        wait(pending, return_when=FIRST_COMPLETED)
