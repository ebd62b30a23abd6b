"""If-Match and If-None-Match of a request (RFC 9110, sections 13.1.1 and 13.1.2)."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from vectord.errors import RequestInvalid
from vectord.service.results import NOTHING

_TAG: Final = re.compile(r'(W/)?("[^"]*")')
_TAGS: Final = re.compile(r'[\s,]*((W/)?"[^"]*"[\s,]*)+')


class Tags(msgspec.Struct, frozen=True):
    """What such a header lists: ETags, strong ones and weak ones apart, or `every` one that there is."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    every: bool = False

    def has(self, etag: str, *, weakly: bool) -> bool:
        """Tell whether `etag`, which is strong, is meant; `weakly` lets a weak tag mean it too."""
        if etag == NOTHING:
            return False
        return self.every or etag in self.strong or (weakly and etag in self.weak)


class Conditions(msgspec.Struct, frozen=True):
    """The ETags at which a request may go on; NOTHING stands for an index that is not there."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None

    def __contains__(self, etag: object) -> bool:
        if not isinstance(etag, str):
            return False
        if self.if_match and not self.if_match.has(etag, weakly=False):
            return False
        return self.if_none_match is None or not self.if_none_match.has(etag, weakly=True)

    @property
    def allow_all(self) -> bool:
        """Tell whether every state of an index that is there will do."""
        return self.if_none_match is None and (self.if_match is None or self.if_match.every)


def conditions(headers: Mapping[str, str]) -> Conditions | None:
    """Return the conditions in headers, whose names are in lower case; None if there is none.

    Raises:
        RequestInvalid: If-None-Match is no list of ETags; to go on as if it were not there could do harm.
    """
    if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
    if if_match is None and if_none_match is None:
        return None
    if if_none_match is not None and if_none_match.strip() != "*" and not _TAGS.fullmatch(if_none_match):
        raise RequestInvalid("If-None-Match must be * or a list of ETags, each in double quotes.")
    return Conditions(_tags(if_match), _tags(if_none_match))


def _tags(header: str | None) -> Tags | None:
    if header is None:
        return None
    if header.strip() == "*":
        return Tags(every=True)
    found = _TAG.findall(header)
    return Tags(frozenset(tag for weak, tag in found if not weak), frozenset(tag for weak, tag in found if weak))
