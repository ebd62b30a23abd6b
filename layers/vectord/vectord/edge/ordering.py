"""The order of a listing, `order_by` and `order` in a query string, and its cursors."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from vectord.edge import pagination
from vectord.errors import CursorInvalid, RequestInvalid
from vectord.filters.tree import path_of
from vectord.filters.values import Kind
from vectord.index.query.values import Order, OrderedRow
from vectord.service.values.selection import Place

_DIRECTIONS: Final = {"asc": False, "desc": True}


class _OrderedPlace(msgspec.Struct, array_like=True, frozen=True):
    """The row at which a page ended: the kind of its value, the value as JSON text, and its id.

    An integer in JSON text may have any size; in MessagePack it may not.
    """

    kind: Annotated[int, msgspec.Meta(ge=0, le=int(Kind.MISSING))]
    value: str
    id: str


def read_order(query: Mapping[str, str]) -> Order | None:
    """Return the order that a query string requests; None for the order of ids.

    Raises:
        RequestInvalid: `order` is unknown or without `order_by`, or `order_by` is combined with segments.
    """
    path, direction = query.get("order_by"), query.get("order")
    if direction not in {None, *_DIRECTIONS}:
        raise RequestInvalid(f"order must be 'asc' or 'desc', not {direction!r}.")
    if path is None:
        if direction is not None:
            raise RequestInvalid("order needs order_by, the metadata path by which to sort.")
        return None
    if "segment" in query or "segments" in query:
        raise RequestInvalid("order_by cannot be combined with segment and segments: a segment is a range of hashes.")
    return Order(path_of(path), _DIRECTIONS[direction or "asc"])


def read_place(cursor: str, request: Sequence[object]) -> OrderedRow:
    """Return the row after which a page of an ordered listing starts.

    Raises:
        CursorInvalid: the cursor does not belong to this listing.
    """
    place = pagination.decode_cursor(cursor, request, _OrderedPlace)
    try:
        value = msgspec.json.decode(place.value, type=int | float | str)
    except msgspec.DecodeError as error:
        raise CursorInvalid from error
    if isinstance(value, str) != (place.kind == Kind.TEXT):
        raise CursorInvalid
    return OrderedRow((place.kind, value), place.id)


def encode_place(place: Place | OrderedRow, request: Sequence[object]) -> str:
    """Return the cursor of the page that starts after a place."""
    if isinstance(place, Place):
        return pagination.encode_cursor(request, place)
    kind, value = place.key
    return pagination.encode_cursor(request, _OrderedPlace(kind, msgspec.json.encode(value).decode(), place.id))
