"""The Idempotency-Key of a request."""

import re
from hashlib import blake2b
from typing import Final

from vectord.edge.request import Request
from vectord.errors import RequestInvalid
from vectord.service.commit.idempotency import IdempotencyKey

_KEY: Final = re.compile(r"[!-~]{1,255}")


def key_of(request: Request) -> IdempotencyKey | None:
    """Return the key of a change, None if it has none.

    Raises:
        RequestInvalid: it is none.
    """
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    if not _KEY.fullmatch(text):
        raise RequestInvalid("Idempotency-Key must be 1 to 255 visible characters of ASCII, without spaces.")
    asked = "\n".join((request.route, *(f"{name}={value}" for name, value in sorted(request.path.items())), ""))
    digest = blake2b(asked.encode("utf-8", "surrogatepass") + request.body, digest_size=4)
    return IdempotencyKey(text, digest.hexdigest())
