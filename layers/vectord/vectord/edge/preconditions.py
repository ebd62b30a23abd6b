"""Request headers that make a request conditional: If-Match, If-None-Match and Idempotency-Key.

If-Match and If-None-Match: RFC 9110, sections 13.1.1 and 13.1.2.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from vectord.errors import RequestInvalid
from vectord.service.values.options import NO_INDEX_ETAG, IdempotencyKey

# Patterns as text, which re compiles at their first use: a search does not need them.
_TAG: Final = r'(W/)?("[^"]*")'
_TAGS: Final = r'[\s,]*((W/)?"[^"]*"[\s,]*)+'
_KEY: Final = r"[!-~]{1,255}"


class ETags(msgspec.Struct, frozen=True):
    """The ETags that a header lists, strong and weak ones apart; or `*`, which stands for any ETag."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    any: bool = False

    def has(self, etag: str, *, weakly: bool) -> bool:
        """Return True if the list contains `etag`, a strong ETag; `weakly` compares with weak ETags too."""
        if etag == NO_INDEX_ETAG:
            return False
        return self.any or etag in self.strong or (weakly and etag in self.weak)


class Preconditions(msgspec.Struct, frozen=True):
    """The container of the ETags at which a request may proceed; NO_INDEX_ETAG stands for a missing index."""

    if_match: ETags | None = None
    if_none_match: ETags | None = None

    def __contains__(self, etag: object) -> bool:
        if not isinstance(etag, str):
            return False
        if self.if_match and not self.if_match.has(etag, weakly=False):
            return False
        return self.if_none_match is None or not self.if_none_match.has(etag, weakly=True)

    @property
    def allow_all(self) -> bool:
        """True if a write to an existing index may proceed at any ETag."""
        return self.if_none_match is None and (self.if_match is None or self.if_match.any)


def read_preconditions(headers: Mapping[str, str]) -> Preconditions | None:
    """Return the preconditions in headers, whose names are in lower case; None if there are none.

    Raises:
        RequestInvalid: If-None-Match is not a list of ETags. Ignoring it could overwrite data.
    """
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    if if_match is None and if_none_match is None:
        return None
    if if_none_match is not None and if_none_match.strip() != "*" and not re.fullmatch(_TAGS, if_none_match):
        raise RequestInvalid("If-None-Match must be * or a list of ETags, each in double quotes.")
    return Preconditions(_etags(if_match), _etags(if_none_match))


def _etags(header: str | None) -> ETags | None:
    if header is None:
        return None
    if header.strip() == "*":
        return ETags(any=True)
    tags = re.findall(_TAG, header)
    return ETags(frozenset(tag for weak, tag in tags if not weak), frozenset(tag for weak, tag in tags if weak))


def read_idempotency_key(
    headers: Mapping[str, str], route: str, path: Mapping[str, str], body: bytes
) -> IdempotencyKey | None:
    """Return the Idempotency-Key in headers with a hash of the request; None without such a header.

    Raises:
        RequestInvalid: the key has spaces, or characters outside ASCII, or is too long.
    """
    text = headers.get("idempotency-key")
    if text is None:
        return None
    if not re.fullmatch(_KEY, text):
        raise RequestInvalid("Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.")
    target = "\n".join((route, *(f"{name}={value}" for name, value in sorted(path.items())), ""))
    digest = blake2b(target.encode("utf-8", "surrogatepass") + body, digest_size=4)
    return IdempotencyKey(text, digest.hexdigest())
