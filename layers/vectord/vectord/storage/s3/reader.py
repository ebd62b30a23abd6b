"""Reads from S3: whole objects, their heads, and ranges of one state side by side."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Final

from vectord.errors import ConditionFailed, ObjectVersionNotFound, StoreRefused, StoreUnavailable
from vectord.storage.base import ByteRange, NotModified, ObjectHead, StoredObject, VersionPage
from vectord.storage.s3.answers import code_of, content_range, etag_of, expect
from vectord.storage.s3.connections import Answer
from vectord.storage.s3.requests import SIDE_BY_SIDE, Requests
from vectord.storage.s3.sigv4 import NOTHING, query_of

# A delete marker is answered by a 405, an id that S3 cannot have made by a 400, and a key that is gone as such.
_NO_VERSION: Final = ("NoSuchVersion", "MethodNotAllowed", "InvalidArgument", "NoSuchKey")


class S3Reads:
    """The objects of one bucket by key."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def get(self, key: str, held: str | None, version: str | None = None) -> StoredObject | NotModified:
        answer = self._requests.ask("GET", key, _unless(held), query=_version(version))
        _known(answer, version)
        if answer.status == 304 and held is not None:
            return NotModified()
        expect(answer, 200)
        return StoredObject(answer.data, etag_of(answer))

    def etag(self, key: str) -> str:
        answer = self._requests.ask("HEAD", key, {})
        expect(answer, 200)
        return etag_of(answer)

    def head(self, key: str, most: int, held: str | None, version: str | None = None) -> ObjectHead | NotModified:
        terms = {"range": f"bytes=0-{most - 1}", **_unless(held)}
        answer = self._requests.ask("GET", key, terms, query=_version(version))
        _known(answer, version)
        if answer.status == 304 and held is not None:
            return NotModified()
        if answer.status == 416:  # S3 has no range of an object of no bytes
            whole = self.get(key, held, version)
            return (
                whole if isinstance(whole, NotModified) else ObjectHead(whole.data[:most], whole.etag, len(whole.data))
            )
        if answer.status == 200 and version:
            return ObjectHead(answer.data[:most], etag_of(answer), len(answer.data))
        expect(answer, 206)
        start, stop, size = content_range(answer)
        if (start, stop) != (0, min(most, size)):
            raise StoreUnavailable("a head came short")
        return ObjectHead(answer.data, etag_of(answer), size)

    def read(self, key: str, etag: str, spans: Sequence[ByteRange], version: str | None = None) -> list[bytes]:
        # One signature for them all.
        query = query_of(_version(version))
        headers = self._requests.signed("GET", key, {}, query=query, payload=NOTHING) if spans else {}

        def fetch(span: ByteRange) -> bytes:
            return self._span(key, headers, etag, span, version)

        if len(spans) > 1:
            return list(self._workers.map(fetch, spans))
        return [fetch(span) for span in spans]

    def _span(self, key: str, headers: Mapping[str, str], etag: str, span: ByteRange, version: str | None) -> bytes:
        start, stop = span
        if start == stop:
            return b""
        terms = {**headers, "range": f"bytes={start}-{stop - 1}", "if-match": etag}
        answer = self._requests.send("GET", key, terms, query=query_of(_version(version)))
        _known(answer, version)
        expect(answer, *((200, 206) if version else (206,)))
        if etag_of(answer) != etag:
            raise ConditionFailed("ETag")
        if answer.status == 200:
            return _cut(answer.data, span)
        if content_range(answer)[:2] != span:
            raise StoreUnavailable("a span came short")
        return answer.data

    def versions(self, key: str, limit: int, after: str | None) -> VersionPage:
        from vectord.storage.s3.versions import listed  # noqa: PLC0415 - a search needs none

        return listed(self._requests, key, limit, after)

    def link(self, key: str, seconds: int, filename: str, version: str | None) -> str:
        shown = {"response-content-disposition": f'attachment; filename="{filename}"'}
        return self._requests.link(key, {**shown, **_version(version)}, seconds)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(SIDE_BY_SIDE, "s3-read")


def _version(version: str | None) -> dict[str, str]:
    return {"versionId": version} if version else {}


def _known(answer: Answer, version: str | None) -> None:
    """Raise ObjectVersionNotFound for a missing version (404), a deletion (405) or a malformed id (400)."""
    if version and answer.status in (400, 404, 405):
        code = code_of(answer)
        if code in _NO_VERSION:
            raise ObjectVersionNotFound(code)


def _cut(whole: bytes, span: ByteRange) -> bytes:
    """Return a span of an object that came whole, as MiniStack sends a version: a server need not know ranges."""
    if span[0] >= len(whole):
        raise StoreRefused("InvalidRange")
    if span[1] > len(whole):
        raise StoreUnavailable("a span came short")
    return whole[span[0] : span[1]]


def _unless(held: str | None) -> dict[str, str]:
    return {} if held is None else {"if-none-match": held}
