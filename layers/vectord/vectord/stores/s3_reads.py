"""Reads from S3: whole objects, their heads, and ranges of one state side by side."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from vectord.errors import ConditionFailed, StoreUnavailable
from vectord.stores.protocol import Fetched, Head, Span, Unchanged
from vectord.stores.s3_answers import content_range, etag_of, expect
from vectord.stores.s3_requests import SIDE_BY_SIDE, Requests
from vectord.stores.sigv4 import NOTHING


class S3Reads:
    """The objects of one bucket by key."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def get(self, key: str, held: str | None) -> Fetched | Unchanged:
        answer = self._requests.ask("GET", key, _unless(held))
        if answer.status == 304 and held is not None:
            return Unchanged()
        expect(answer, 200)
        return Fetched(answer.data, etag_of(answer))

    def etag(self, key: str) -> str:
        answer = self._requests.ask("HEAD", key, {})
        expect(answer, 200)
        return etag_of(answer)

    def head(self, key: str, most: int, held: str | None) -> Head | Unchanged:
        answer = self._requests.ask("GET", key, {"range": f"bytes=0-{most - 1}", **_unless(held)})
        if answer.status == 304 and held is not None:
            return Unchanged()
        if answer.status == 416:  # S3 has no range of an object of no bytes
            whole = self.get(key, held)
            return whole if isinstance(whole, Unchanged) else Head(whole.data[:most], whole.etag, len(whole.data))
        expect(answer, 206)
        start, stop, size = content_range(answer)
        if (start, stop) != (0, min(most, size)):
            raise StoreUnavailable("a head came short")
        return Head(answer.data, etag_of(answer), size)

    def read(self, key: str, etag: str, spans: Sequence[Span]) -> list[bytes]:
        # One signature for them all.
        headers = self._requests.signed("GET", key, {}, query="", payload=NOTHING) if spans else {}

        def fetch(span: Span) -> bytes:
            return self._span(key, headers, etag, span)

        if len(spans) > 1:
            return list(self._workers.map(fetch, spans))
        return [fetch(span) for span in spans]

    def _span(self, key: str, headers: Mapping[str, str], etag: str, span: Span) -> bytes:
        start, stop = span
        if start == stop:
            return b""
        answer = self._requests.send("GET", key, {**headers, "range": f"bytes={start}-{stop - 1}", "if-match": etag})
        expect(answer, 206)
        if etag_of(answer) != etag:
            raise ConditionFailed("ETag")
        if content_range(answer)[:2] != span:
            raise StoreUnavailable("a span came short")
        return answer.data

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(SIDE_BY_SIDE, "s3-read")


def _unless(held: str | None) -> dict[str, str]:
    return {} if held is None else {"if-none-match": held}
