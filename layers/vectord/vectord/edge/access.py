"""Rights of callers on indexes, which a claim of their token holds: `read:films`, `write:team-a-*`, `admin:*`.

API Gateway passes each claim as text: a string unchanged, an array as its items in brackets with spaces between them.
In that text the array `["a b"]` equals the array `["a", "b"]`, so a space always separates two items.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from vectord.errors import AccessDenied

# Each right includes those before it.
Right = Literal["read", "write", "admin"]
_LEVELS: Final[dict[str, int]] = {"read": 1, "write": 2, "admin": 3}

# A right on the index of that name; with `*` on every index whose name starts with the text before it.
_ITEM: Final = r"(read|write|admin):([A-Za-z0-9._-]*)(\*?)"


class Grant(msgspec.Struct, frozen=True):
    """One right: on the index `name`, or on every index whose name starts with `name` if it is a prefix."""

    level: int
    name: str
    is_prefix: bool

    def covers(self, index: str) -> bool:
        """Return True if the grant is for this index."""
        return index.startswith(self.name) if self.is_prefix else index == self.name


class Rights(msgspec.Struct, frozen=True):
    """All rights of one caller."""

    grants: tuple[Grant, ...] = ()

    def allow(self, right: Right, index: str) -> bool:
        """Return True if the caller has this right on an index, whether it exists or not."""
        level = _LEVELS[right]
        return any(grant.level >= level and grant.covers(index) for grant in self.grants)

    def check(self, right: Right, index: str) -> None:
        """Raise AccessDenied if the caller does not have this right on an index."""
        if not self.allow(right, index):
            raise AccessDenied(right, index)

    def check_all(self, right: Right, prefix: str) -> None:
        """Raise AccessDenied if the caller does not have this right on every index whose name starts with `prefix`."""
        level = _LEVELS[right]
        if not any(grant.is_prefix and grant.level >= level and grant.covers(prefix) for grant in self.grants):
            raise AccessDenied(right, f"{prefix}*")


def authorize(event: Mapping[str, Any], claim: str, right: Right | None, index: str) -> Rights:
    """Return the rights that a claim in the token of an HTTP event holds.

    Raises:
        AccessDenied: they do not include `right` on the index in the event's path.
    """
    rights = Rights(_grants(_items(_claims(event).get(claim))))
    if right is not None:
        rights.check(right, index)
    return rights


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    return (authorizer.get("jwt") or {}).get("claims") or {}


def _items(value: Any) -> Sequence[str]:
    """Return the items of a claim, none if it is neither text nor a list of text."""
    if isinstance(value, str):
        is_array = value.startswith("[") and value.endswith("]")
        return (value[1:-1] if is_array else value).split(" ")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value  # an emulator of API Gateway may pass an array as it is
    return []


def _grants(items: Sequence[str]) -> tuple[Grant, ...]:
    """Return the grant of each item; none at all if one item is not a right."""
    matches = [re.fullmatch(_ITEM, item) for item in items]
    grants = [
        Grant(_LEVELS[match[1]], match[2], bool(match[3])) for match in matches if match and (match[2] or match[3])
    ]
    return tuple(grants) if len(grants) == len(items) else ()
