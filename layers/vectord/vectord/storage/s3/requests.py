"""Requests to one bucket without boto3, whose import would take most of a cold search: signed by ourselves.

Each request is sent once and no redirect is followed: the service repeats, since it knows what may be repeated.
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from zlib import crc32

import msgspec

from vectord.errors import StoreUnavailable
from vectord.storage.s3.address import Address
from vectord.storage.s3.connections import Answer, Broken, Connections, Unsent
from vectord.storage.s3.sigv4 import UNSIGNED, Keys, presigned, query_of, signed

CHECKSUM: Final = "x-amz-checksum-crc32"
SIDE_BY_SIDE: Final = 32  # requests: a cold search by ranges makes some 40 at once, each 25 ms long
_PIECE: Final = 1 << 18


def _now() -> datetime:
    return datetime.now(UTC)


class Waits(msgspec.Struct, frozen=True):
    """Seconds to wait for a store that may be gone.

    `connect` counts for each piece of a body too, `read` for each piece of an answer; `work` for a whole answer for
    which S3 has to work, since it puts white space into that meanwhile. Copies are cut so that they take a part of it
    (`s3_multipart`), and a function has time for two.
    """

    connect: float = 1.0
    read: float = 5.0
    work: float = 10.0


_WAITS: Final = Waits()


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
        waits: Waits = _WAITS,
    ) -> None:
        self._address, self._region, self._keys, self._clock, self._waits = address, region, keys, clock, waits
        self._connections = Connections(address.base, SIDE_BY_SIDE, waits.connect)

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
        path, waits = self._address.path(key), self._waits
        if body:
            headers = {**headers, "content-length": str(len(body))}
        try:
            return self._connections.ask(
                method,
                f"{path}?{query}" if query else path,
                headers,
                _pieces(body),
                read=waits.work if works else waits.read,
                until=time.monotonic() + waits.work if works else None,
            )
        except (Unsent, Broken) as error:
            raise StoreUnavailable(str(error)) from error

    def _payload(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return what stands for the body in the signature. Over TLS a checksum is enough that is signed itself."""
        if CHECKSUM in headers and self._address.base.startswith("https:"):
            return UNSIGNED
        return hashlib.sha256(body).hexdigest()


def _pieces(body: bytes) -> list[memoryview]:
    view = memoryview(body)
    return [view[start : start + _PIECE] for start in range(0, len(view), _PIECE)]
