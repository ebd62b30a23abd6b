"""Requests to one bucket without boto3, whose import would take most of a cold search: urllib3, signed by ourselves.

Each request is sent once and no redirect is followed: the service repeats, since it knows what may be repeated.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from zlib import crc32

import urllib3

from vectord.errors import StoreUnavailable
from vectord.stores.s3_address import Address
from vectord.stores.sigv4 import UNSIGNED, Keys, presigned, query_of, signed

CHECKSUM: Final = "x-amz-checksum-crc32"
SIDE_BY_SIDE: Final = 32  # requests: a cold search by ranges makes some 40 at once, each 25 ms long
_PIECE: Final = 1 << 18
_LENGTHS: Final = {"content-length", "transfer-encoding"}
_BODILESS: Final = (204, 304)
# Nothing is repeated and no redirect followed; an answer is taken as it was sent, and a short one is an error, which
# older versions of urllib3 do not say unasked.
_ONCE: Final[dict[str, Any]] = {"retries": False, "decode_content": False, "enforce_content_length": True}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds to wait for a store that may be gone.

    `connect` counts for each piece of a body too, since urllib3 knows no other bound while it sends; `read` for each
    piece of an answer; `work` for a whole answer for which S3 has to work, since it puts white space into that
    meanwhile. Copies are cut so that they take a part of it (`s3_multipart`), and a function has time for two.
    """

    connect: float = 1.0
    read: float = 5.0
    work: float = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What S3 answered; `headers` by their names in any case."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def checksum(body: bytes) -> dict[str, str]:
    """Return the header by which S3 checks that a body arrived as it was sent."""
    return {CHECKSUM: b64encode(crc32(body).to_bytes(4)).decode()}


class Requests:
    """Requests about the objects of one bucket by key, all over one pool of connections.

    `keys` is asked at each call, so that temporary credentials may change.
    """

    def __init__(
        self,
        address: Address,
        region: str,
        keys: Callable[[], Keys],
        *,
        clock: Callable[[], datetime] = _now,
        waits: Waits = Waits(),
    ) -> None:
        self._address, self._region, self._keys, self._clock, self._waits = address, region, keys, clock, waits

    def ask(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        works: bool = False,
    ) -> Answer:
        """Sign a request, `headers` with it, and send it; `works` if S3 has to work for the answer.

        Raises:
            StoreUnavailable: no answer, or half of one.
            StoreRefused: there are no credentials; nothing was sent.
        """
        target = query_of(query or {})
        signs = self.signed(method, key, headers, query=target, payload=self._payload(headers, body))
        return self.send(method, key, signs, query=target, body=body, works=works)

    def signed(self, method: str, key: str, headers: Mapping[str, str], *, query: str, payload: str) -> dict[str, str]:
        """Return `headers` and their signature, which other headers sent besides do not break."""
        return signed(
            method,
            self._address.host,
            self._address.path(key),
            query=query,
            headers=headers,
            payload=payload,
            keys=self._keys(),
            region=self._region,
            at=self._clock(),
        )

    def link(self, key: str, query: Mapping[str, str], seconds: int) -> str:
        """Return a URL by which anybody may GET a key with this query for so long.

        Raises:
            StoreRefused: there are no credentials.
        """
        path = self._address.path(key)
        signs = presigned(
            "GET",
            self._address.host,
            path,
            query=query,
            seconds=seconds,
            keys=self._keys(),
            region=self._region,
            at=self._clock(),
        )
        return f"{self._address.base}{path}?{signs}"

    def send(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        *,
        query: str = "",
        body: bytes = b"",
        works: bool = False,
    ) -> Answer:
        """Send a request that is signed; raises StoreUnavailable as `ask` does."""
        path, until = self._address.path(key), time.monotonic() + self._waits.work
        patience = urllib3.Timeout(connect=self._waits.connect, read=self._waits.work if works else self._waits.read)
        pieces: Any = _pieces(body) if body else None  # urllib3's types know no memoryview
        if body:
            headers = {**headers, "content-length": str(len(body))}
        try:
            answer = self._pool.urlopen(
                method,
                f"{path}?{query}" if query else path,
                body=pieces,
                headers=headers,
                timeout=patience,
                preload_content=not works,
                **_ONCE,
            )
            _check_head(answer)
            return Answer(answer.status, answer.headers, _all_by(until, answer) if works else answer.data)
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(type(error).__name__) from error

    def _payload(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return what stands for the body in the signature. Over TLS a checksum is enough that is signed itself."""
        if CHECKSUM in headers and self._address.base.startswith("https:"):
            return UNSIGNED
        return hashlib.sha256(body).hexdigest()

    @cached_property
    def _pool(self) -> urllib3.HTTPConnectionPool:
        return urllib3.connection_from_url(self._address.base, maxsize=SIDE_BY_SIDE)


def _pieces(body: bytes) -> Iterator[memoryview]:
    view = memoryview(body)
    return (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))


def _check_head(answer: "urllib3.BaseHTTPResponse") -> None:
    """Raise StoreUnavailable if the head ends before it says how long the body is; http.client does not mind."""
    if answer.status not in _BODILESS and not _LENGTHS & {name.lower() for name in answer.headers}:
        answer.close()
        raise StoreUnavailable("half the head of an answer")


def _all_by(until: float, answer: "urllib3.BaseHTTPResponse") -> bytes:
    """Return the body of an answer, if all of it is there by then."""
    pieces = []
    for piece in answer.stream(decode_content=False):
        pieces.append(piece)
        if time.monotonic() > until:
            answer.close()
            raise StoreUnavailable("S3 was at work for too long")
    return b"".join(pieces)
