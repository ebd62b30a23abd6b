"""Earlier states in requests and answers: `as_of` of a query string, and the pages of an index's versions."""

from collections.abc import Mapping

import msgspec

from vectord.edge import listing, pagination
from vectord.edge.schemas import queries, state_answers
from vectord.storage.base import ObjectVersion


class _Place(msgspec.Struct, array_like=True, frozen=True):
    after: str


def as_of(query: Mapping[str, str]) -> str | None:
    """Return which state is asked for, None for the present one.

    Raises:
        RequestInvalid: a parameter is unknown.
    """
    queries.check(query, queries.State)
    return query.get("as_of")


def page(name: str, query: Mapping[str, str]) -> tuple[int, str | None]:
    """Return how many versions of index `name` are asked for, and behind which.

    Raises:
        RequestInvalid, CursorInvalid
    """
    queries.check(query, queries.Versions)
    cursor = query.get("cursor")
    after = None if cursor is None else pagination.opened(cursor, _pages_of(name), _Place).after
    return listing.limit(query), after


def shown(name: str, versions: tuple[ObjectVersion, ...], after: str | None) -> state_answers.Versions:
    """Return the body of a page."""
    return state_answers.Versions(
        [state_answers.Version(one.id, one.etag, one.bytes, one.modified, one.latest, one.deleted) for one in versions],
        None if after is None else pagination.sealed(_pages_of(name), _Place(after)),
    )


def _pages_of(name: str) -> tuple[str, str]:
    return "versions", name
