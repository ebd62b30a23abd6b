"""Earlier states in requests and answers: `as_of` of a query string, and the pages of an index's versions."""

from collections.abc import Mapping
from typing import Any

import msgspec

from vectord.edge import cursors, listing
from vectord.errors import RequestInvalid
from vectord.stores import Version


class _Place(msgspec.Struct, array_like=True, frozen=True):
    after: str


def as_of(query: Mapping[str, str]) -> str | None:
    """Return which state is asked for, None for the present one.

    Raises:
        RequestInvalid: a parameter is unknown.
    """
    _check(query, {"as_of"}, "takes as_of alone")
    return query.get("as_of")


def page(name: str, query: Mapping[str, str]) -> tuple[int, str | None]:
    """Return how many versions of index `name` are asked for, and behind which.

    Raises:
        RequestInvalid, CursorInvalid
    """
    _check(query, {"limit", "cursor"}, "takes limit and cursor")
    cursor = query.get("cursor")
    after = None if cursor is None else cursors.opened(cursor, _pages_of(name), _Place).after
    return listing.limit(query), after


def shown(name: str, versions: tuple[Version, ...], after: str | None) -> dict[str, Any]:
    """Return the body of a page."""
    return {
        "versions": [
            {
                "version": one.id,
                "etag": one.etag,
                "bytes": one.bytes,
                "modified": one.modified,
                "latest": one.latest,
                "deleted": one.deleted,
            }
            for one in versions
        ],
        "next": None if after is None else cursors.sealed(_pages_of(name), _Place(after)),
    }


def _pages_of(name: str) -> tuple[str, str]:
    return "versions", name


def _check(query: Mapping[str, str], known: set[str], takes: str) -> None:
    if unknown := query.keys() - known:
        raise RequestInvalid(f"Unknown parameter {min(unknown)!r}; this {takes}.")
