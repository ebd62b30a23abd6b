"""Read `as_of` of a query string, and convert pages of an index's versions."""

from collections.abc import Mapping
from datetime import datetime

from vectord.edge import pagination
from vectord.edge.schemas import index_answers, queries
from vectord.storage.base import ObjectVersion, VersionPage


def as_of(query: Mapping[str, str]) -> str | None:
    """Return `as_of` of a query string, which names an earlier state; None for the present state.

    Raises:
        RequestInvalid: a parameter is unknown.
    """
    queries.check(query, queries.State)
    return query.get("as_of")


def read_version_page(name: str, query: Mapping[str, str]) -> tuple[int, str | None]:
    """Return page size and the version to start after, for a listing of the versions of index `name`.

    Raises:
        RequestInvalid, CursorInvalid
    """
    queries.check(query, queries.Versions)
    return pagination.page_size(query), pagination.decode_name_cursor(_cursor_request(name), query)


def version_page(
    name: str, page: VersionPage, cursor: str | None, gaps: Mapping[str, datetime]
) -> index_answers.Versions:
    """Return the answer for the page of versions after `cursor`; `gaps` as of `Versions.gaps`."""
    newer = [cursor or "", *(one.id for one in page.versions)]
    return index_answers.Versions(
        [_version(one, gaps.get(before)) for one, before in zip(page.versions, newer, strict=False)],
        pagination.encode_name_cursor(_cursor_request(name), page.after),
    )


def _version(found: ObjectVersion, removed_since: datetime | None) -> index_answers.Version:
    return index_answers.Version(
        found.id, found.etag, found.bytes, found.modified, found.latest, found.deleted, removed_since
    )


def _cursor_request(name: str) -> tuple[str, str]:
    return "versions", name
