"""Convert requests for listings, selections and patches to values of the service."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import structs

from vectord.edge import ordering, pagination
from vectord.edge.filters import filter_text
from vectord.edge.handler import MAX_ANSWER
from vectord.edge.schemas import queries
from vectord.edge.schemas.bodies import DeleteBody, PatchBody, ids
from vectord.edge.schemas.fields import MAX_SEGMENTS
from vectord.errors import FilterInvalid, RequestInvalid
from vectord.readers.entry import VectorEncoding, checked_metadata
from vectord.readers.malformed import malformed_reason
from vectord.service.values.selection import MAX_PAGE, ListQuery, Members, Patch, Place, Selection, matches_all

_DEFAULT_LIMIT: Final = 100
_NULL: Final = msgspec.Raw(b"null")
_INCLUDABLE: Final = ("metadata", "vector")


class Listing(msgspec.Struct, frozen=True):
    """One page of a listing: the query, the fields to include, and the values that all pages have in common."""

    query: ListQuery
    include: Sequence[str]
    request: Sequence[str | int]
    encoding: VectorEncoding


def read_listing(name: str, query: Mapping[str, str]) -> Listing:
    """Return the listing of vectors of index `name` that a query string describes.

    Raises:
        RequestInvalid: a parameter is unknown or out of range.
        FilterInvalid: the parameter `filter` is not JSON.
        CursorInvalid: the cursor does not belong to this listing.
    """
    queries.check(query, queries.Vectors)
    segments = _number(query, "segments", 1, 1, MAX_SEGMENTS)
    segment = _number(query, "segment", 0, 0, segments - 1)
    prefix, text = query.get("prefix", ""), _filter(query.get("filter"))
    request: Sequence[str | int] = ("vectors", name, segment, segments, prefix, text or "")
    cursor, include, order = query.get("cursor"), _include(query.get("include")), ordering.read_order(query)
    after = None
    if order is not None:
        request = (*request, order.path, order.descending)
        order = structs.replace(order, after=None if cursor is None else ordering.read_place(cursor, request))
    elif cursor is not None:
        after = pagination.decode_cursor(cursor, request, Place)
    limit = _number(query, "limit", _DEFAULT_LIMIT, 1, MAX_PAGE)
    list_query = ListQuery(limit, after, prefix, segment, segments, text, members(include), order)
    return Listing(list_query, include, request, queries.read_vector_encoding(query))


def read_selection(raw_ids: Sequence[msgspec.Raw] | None, raw_filter: msgspec.Raw) -> Selection:
    """Return the vectors that a body selects.

    Raises:
        RequestInvalid: it has neither ids nor a filter, or both.
        BatchInvalid: some ids are not text.
    """
    text = filter_text(raw_filter)
    if (raw_ids is None) == (text is None):
        raise RequestInvalid("The body must have 'ids' or 'filter', and not both.")
    return Selection(filter=text) if raw_ids is None else Selection(ids(raw_ids))


def read_deletion(body: DeleteBody) -> Selection:
    """Return the vectors that the body of a deletion selects.

    Raises:
        RequestInvalid, BatchInvalid: as `read_selection`; or it would delete every vector and does not say `all`, or
            says `all` and would not.
        FilterInvalid: the filter is not valid.
    """
    selection = read_selection(body.ids, body.filter)
    deletes_all = matches_all(selection.filter)
    if body.all and not deletes_all:
        raise RequestInvalid("'all' can be true only with a filter that matches every vector: {\"filter\": {}}.")
    if deletes_all and not body.all and not body.dry_run:
        raise RequestInvalid('The filter matches every vector. To delete all vectors, send "all": true with it.')
    return selection


def read_patch(body: PatchBody) -> Patch:
    """Return the patch of metadata in a body.

    Raises:
        RequestInvalid: its metadata cannot be stored.
    """
    try:
        return Patch(checked_metadata(body.metadata) or _NULL, body.mode)
    except msgspec.DecodeError as error:
        raise RequestInvalid(f"metadata is not valid: {error}") from error


def members(include: Collection[str]) -> Members:
    """Return the members of vectors to read for the fields in `include`, up to the size of an answer."""
    return Members("metadata" in include, "vector" in include, MAX_ANSWER)


def _number(query: Mapping[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and minimum <= int(text) <= maximum):
        raise RequestInvalid(f"{name} must be {minimum:,} to {maximum:,}, not {text!r}.")
    return int(text)


def _filter(text: str | None) -> str | None:
    """Return the JSON text of a filter in a query string, None if the parameter is absent or null."""
    if text is None:
        return None
    data = text.encode("utf-8", "surrogatepass")
    try:
        data.decode()
        return filter_text(msgspec.json.decode(data, type=msgspec.Raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = malformed_reason(data, error)
        raise FilterInvalid("filter", f"in the query string {reason} It must be JSON, percent-encoded.") from error


def _include(text: str | None) -> Sequence[str]:
    """Return the fields in a comma-separated list; `include=` is an empty list."""
    names = ["metadata"] if text is None else [name for name in text.split(",") if name]
    if unknown := set(names) - set(_INCLUDABLE):
        raise RequestInvalid(
            f"include may name {' and '.join(_INCLUDABLE)}, with a comma between, not {min(unknown)!r}."
        )
    return names
