"""Writes to S3: each under a condition and whole or not at all."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from vectord.errors import StoreRefused
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch
from vectord.storage.s3.answers import etag_of, expect
from vectord.storage.s3.multipart import Upload, copied
from vectord.storage.s3.requests import Requests, checksum

_PARTS_COPIED: Final = 16  # side by side; S3 does the work
_PARTS_SENT: Final = 4  # side by side, and in memory
_MOST_AT_ONCE: Final = 5 << 30  # bytes that S3 takes in one request
_BINARY: Final = {"content-type": "application/octet-stream"}


class S3Writes(msgspec.Struct, frozen=True):
    """The objects of one bucket by key."""

    requests: Requests
    bucket: str

    def put(self, key: str, data: bytes, condition: Condition, commit: str) -> str:
        if len(data) > _MOST_AT_ONCE:
            raise StoreRefused("EntityTooLarge")
        headers = {**_described(commit), **_terms(condition), **checksum(data)}
        answer = self.requests.ask("PUT", key, headers, body=data)
        expect(answer, 200)
        return etag_of(answer)

    def splice(
        self, key: str, head: bytes, source: CopySource, tail: bytes, *, condition: Condition, commit: str
    ) -> str:
        """Write `head`, the bytes of `source`, whose name is a key here, and `tail`."""
        parts: list[bytes | CopySource] = [head, *copied(source), *([tail] if tail else [])]
        with Upload(self.requests, self.bucket, key, _described(commit)) as upload:
            return upload.complete(upload.send(parts, _PARTS_COPIED), _terms(condition))

    def stage(self, key: str, parts: Iterable[bytes]) -> str:
        with Upload(self.requests, self.bucket, key, _BINARY) as upload:
            return upload.complete(upload.send(parts, _PARTS_SENT), {})

    def delete(self, key: str, condition: IfMatch | None) -> None:
        answer = self.requests.ask("DELETE", key, _terms(condition) if condition else {})
        expect(answer, 200, 204)


def _described(commit: str) -> Mapping[str, str]:
    return {**_BINARY, "x-amz-meta-commit": commit}


def _terms(condition: Condition) -> Mapping[str, str]:
    return {"if-none-match": "*"} if isinstance(condition, IfAbsent) else {"if-match": condition.etag}
