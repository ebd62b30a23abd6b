"""Read `as_of` of a query string, and convert pages of an index's versions."""

from collections.abc import Mapping

from vectord.edge import pagination
from vectord.edge.schemas import index_answers, queries
from vectord.storage.base import ObjectVersion


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


def version_page(name: str, versions: tuple[ObjectVersion, ...], after: str | None) -> index_answers.Versions:
    """Return the answer for one page of versions."""
    return index_answers.Versions(
        [index_answers.Version(one.id, one.etag, one.bytes, one.modified, one.latest, one.deleted) for one in versions],
        pagination.encode_name_cursor(_cursor_request(name), after),
    )


def _cursor_request(name: str) -> tuple[str, str]:
    return "versions", name
