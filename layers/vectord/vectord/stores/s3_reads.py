"""Reads from S3 without boto3, whose import would take most of a cold search: urllib3 and a signature of our own."""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import urllib3

from vectord.errors import ConditionFailed, StoreUnavailable
from vectord.stores.protocol import Fetched, Head, Span, Unchanged
from vectord.stores.s3_address import Address
from vectord.stores.s3_errors import refusal
from vectord.stores.sigv4 import Keys, signed

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 5.0  # between two pieces of an answer
SIDE_BY_SIDE: Final = 16
# Nothing is repeated and no redirect followed; an answer is taken as it was sent, and a short one is an error, which
# older versions of urllib3 do not say unasked.
_ONCE: Final[dict[str, Any]] = {"retries": False, "decode_content": False, "enforce_content_length": True}

_CODE: Final = re.compile(rb"<Error\b[^>]*>.*?<Code>([\w.-]+)</Code>", re.DOTALL)
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def _now() -> datetime:
    return datetime.now(UTC)


class S3Reads:
    """The objects of one bucket by key; `keys` is asked at each call, so that temporary credentials may change.

    Each request is sent once and no redirect is followed: the service repeats, since it knows what may be repeated.
    """

    def __init__(
        self,
        address: Address,
        region: str,
        keys: Callable[[], Keys],
        *,
        clock: Callable[[], datetime] = _now,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._address, self._region, self._keys, self._clock = address, region, keys, clock
        self._patience = urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds)

    def get(self, key: str, held: str | None) -> Fetched | Unchanged:
        answer = self._ask("GET", key, _unless(held))
        if answer.status == 304 and held is not None:
            return Unchanged()
        _expect(200, answer)
        return Fetched(answer.data, _etag(answer))

    def etag(self, key: str) -> str:
        answer = self._ask("HEAD", key, {})
        _expect(200, answer)
        return _etag(answer)

    def head(self, key: str, most: int, held: str | None) -> Head | Unchanged:
        answer = self._ask("GET", key, {"range": f"bytes=0-{most - 1}", **_unless(held)})
        if answer.status == 304 and held is not None:
            return Unchanged()
        if answer.status == 416:  # S3 has no range of an object of no bytes
            whole = self.get(key, held)
            return whole if isinstance(whole, Unchanged) else Head(whole.data[:most], whole.etag, len(whole.data))
        _expect(206, answer)
        start, stop, size = _range(answer)
        if (start, stop) != (0, min(most, size)):
            raise StoreUnavailable("a head came short")
        return Head(answer.data, _etag(answer), size)

    def read(self, key: str, etag: str, spans: Sequence[Span]) -> list[bytes]:
        path = self._address.path(key)
        headers = self._signed("GET", path) if spans else {}

        def fetch(span: Span) -> bytes:
            return self._span(path, headers, etag, span)

        if len(spans) > 1:
            return list(self._workers.map(fetch, spans))
        return [fetch(span) for span in spans]

    def _span(self, path: str, headers: Mapping[str, str], etag: str, span: Span) -> bytes:
        start, stop = span
        if start == stop:
            return b""
        answer = self._send("GET", path, {**headers, "range": f"bytes={start}-{stop - 1}", "if-match": etag})
        _expect(206, answer)
        if _etag(answer) != etag:
            raise ConditionFailed("ETag")
        if _range(answer)[:2] != span:
            raise StoreUnavailable("a span came short")
        return answer.data

    def _ask(self, method: str, key: str, terms: Mapping[str, str]) -> "urllib3.BaseHTTPResponse":
        path = self._address.path(key)
        return self._send(method, path, {**self._signed(method, path), **terms})

    def _signed(self, method: str, path: str) -> dict[str, str]:
        at, keys = self._clock(), self._keys()
        return signed(method, self._address.host, path, keys=keys, region=self._region, at=at)

    def _send(self, method: str, path: str, headers: Mapping[str, str]) -> "urllib3.BaseHTTPResponse":
        try:
            return self._pool.urlopen(method, path, headers=headers, **_ONCE)
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(type(error).__name__) from error

    @cached_property
    def _pool(self) -> urllib3.HTTPConnectionPool:
        return urllib3.connection_from_url(self._address.base, maxsize=SIDE_BY_SIDE, timeout=self._patience)

    @cached_property
    def _workers(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(SIDE_BY_SIDE, "s3-read")


def _unless(held: str | None) -> dict[str, str]:
    return {} if held is None else {"if-none-match": held}


def _expect(status: int, answer: "urllib3.BaseHTTPResponse") -> None:
    if answer.status != status:
        found = _CODE.search(answer.data)
        raise refusal(found[1].decode() if found else str(answer.status), answer.status)


def _etag(answer: "urllib3.BaseHTTPResponse") -> str:
    etag = answer.headers.get("etag")
    if not etag:
        raise StoreUnavailable("an answer without an ETag is not S3's")
    return etag


def _range(answer: "urllib3.BaseHTTPResponse") -> tuple[int, int, int]:
    """Return where the answer's bytes start and stop in the object, and the object's size."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is None:
        raise StoreUnavailable("a range that does not say where it lies")
    start, last, size = map(int, found.groups())
    if last + 1 - start != len(answer.data):
        raise StoreUnavailable("a range of another length than it says")
    return start, last + 1, size
