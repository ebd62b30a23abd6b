"""Links to files behind a local server: the path is signed, so that only a link that the API issued is answered.

A link is valid until the server ends or its time is over, as one of S3 is valid until its credentials end.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from time import time
from typing import Final
from urllib.parse import quote, urlencode

UPLOADS: Final = "/uploads/"
DOWNLOADS: Final = "/downloads/"
_EXPIRES: Final = "expires"
_SIGNATURE: Final = "signature"


class Links:
    """Signs and checks links."""

    def __init__(self, clock: Callable[[], float] = time, secret: bytes | None = None) -> None:
        self._clock, self._secret = clock, secret or secrets.token_bytes(32)

    def sign(self, base_url: str, method: str, path: str, seconds: int, **fields: str) -> str:
        """Return a URL for requests with `method` to `path`, not encoded, for some seconds; it carries `fields`."""
        query = {**fields, _EXPIRES: str(int(self._clock()) + seconds)}
        signature = self._signature(method, path, query)
        return f"{base_url}{quote(path)}?{urlencode({**query, _SIGNATURE: signature})}"

    def is_valid(self, method: str, path: str, query: Mapping[str, str]) -> bool:
        """Return True if this instance signed a link with these parts, and its time is not over."""
        signed = {name: value for name, value in query.items() if name != _SIGNATURE}
        expected = self._signature(method, path, signed)
        if not hmac.compare_digest(expected.encode(), query.get(_SIGNATURE, "").encode("utf-8", "surrogatepass")):
            return False
        return self._clock() < int(signed[_EXPIRES])

    def _signature(self, method: str, path: str, query: Mapping[str, str]) -> str:
        text = repr((method, path, sorted(query.items())))
        return hmac.new(self._secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
