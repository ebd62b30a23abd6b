"""Credentials of the container endpoint, from which a Lambda function with SnapStart gets them, without botocore.

The endpoint answers GET with JSON: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import time
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from vectord.errors import StoreRefused, StoreUnavailable
from vectord.storage.credentials import ContainerEndpoint, Credentials

_TIMEOUT: Final = 2.0  # seconds, as in botocore
_MARGIN: Final = 300.0  # seconds before they expire, credentials are renewed
_PAUSE: Final = 30.0  # seconds until the next renewal, if one failed or gave credentials that expire soon
_MAX_BYTES: Final = 1 << 16


class _Answer(msgspec.Struct, rename="pascal"):
    access_key_id: str
    secret_access_key: str
    token: str
    expiration: Annotated[datetime, msgspec.Meta(tz=True)]


class ContainerCredentials:
    """Returns the credentials of an endpoint and renews them before they expire; safe to call from several threads."""

    def __init__(self, endpoint: ContainerEndpoint, now: Callable[[], float] = time.time) -> None:
        self._endpoint, self._now, self._lock = endpoint, now, Lock()
        self._current: Credentials | None = None
        self._expires = self._renew_at = 0.0

    def __call__(self) -> Credentials:
        """Return credentials that have not expired.

        Raises:
            StoreRefused: the endpoint refuses the request, or its answer has not the documented members.
            StoreUnavailable: no complete answer, an error of the endpoint, or credentials that have expired.
        """
        with self._lock:
            now = self._now()
            if self._current is not None and now < self._renew_at:
                return self._current
            try:
                self._current, self._expires = _fetch(self._endpoint, now)
            except (StoreRefused, StoreUnavailable):
                if self._current is None or now >= self._expires:
                    raise
            self._renew_at = min(self._expires, max(self._expires - _MARGIN, now + _PAUSE))
            return self._current


def _fetch(endpoint: ContainerEndpoint, now: float) -> tuple[Credentials, float]:
    """Return credentials of an endpoint and the time at which they expire."""
    status, body = _get(endpoint)
    if status != 200:
        is_temporary = status >= 500 or status == 429
        raise (StoreUnavailable if is_temporary else StoreRefused)(f"container credentials: {status}")
    try:
        found = msgspec.json.decode(body, type=_Answer)
    except msgspec.ValidationError as error:
        raise StoreRefused("container credentials: unknown answer") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreUnavailable("container credentials: malformed answer") from error
    if (expires := found.expiration.timestamp()) <= now:
        raise StoreUnavailable("container credentials: expired")
    return Credentials(found.access_key_id, found.secret_access_key, found.token), expires


def _get(endpoint: ContainerEndpoint) -> tuple[int, bytes]:
    # Lambda's runtime has imported it before it waits for the restore of a snapshot; elsewhere it takes 20 ms.
    from http import client  # noqa: PLC0415

    url = urlsplit(endpoint.url)
    headers = {"Accept": "application/json"} | ({"Authorization": endpoint.token} if endpoint.token else {})
    try:
        connection = client.HTTPConnection(url.hostname or "", url.port or 80, timeout=_TIMEOUT)
        try:
            connection.request("GET", (url.path or "/") + (f"?{url.query}" if url.query else ""), headers=headers)
            response = connection.getresponse()
            return response.status, response.read(_MAX_BYTES)
        finally:
            connection.close()
    except (client.InvalidURL, ValueError) as error:  # the URL, or a token that cannot be a header
        raise StoreRefused(f"container credentials: {type(error).__name__}") from error
    except (OSError, client.HTTPException) as error:
        raise StoreUnavailable(f"container credentials: {type(error).__name__}") from error
