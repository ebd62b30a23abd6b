"""Pages of vectors: an answer has as many of them as fit, and a cursor for the rest."""

from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Final

import msgspec

from vectord.edge import handler, ordering, pagination
from vectord.edge.schemas import bodies, vector_answers
from vectord.edge.vectors import Listing, members
from vectord.errors import AnswerTooLarge
from vectord.index.query.values import OrderedRow
from vectord.readers.entry import VectorEncoding
from vectord.service.values.results import GetResult, ListedVector, ListPage
from vectord.service.values.selection import Members, Place, check_id_count

_REST: Final = 16_000  # bytes; more than any cursor and the names of the other members have


class _Done(msgspec.Struct, array_like=True, frozen=True):
    """The number of different ids of a request that earlier pages answered."""

    ids: Annotated[int, msgspec.Meta(ge=0)]


class Lookup(msgspec.Struct, frozen=True):
    """One page of a lookup of many ids: the ids that are left, the fields to include, and what all pages share."""

    ids: Sequence[str]
    done: int
    include: Collection[str]
    encoding: VectorEncoding
    request: Sequence[object]

    @property
    def members(self) -> Members:
        return members(self.include)


def read_lookup(name: str, body: bodies.GetBody) -> Lookup:
    """Return the lookup that a body describes.

    Raises:
        RequestInvalid, BatchInvalid: as `bodies.ids`; or there are too many ids.
        CursorInvalid: the cursor does not belong to this lookup.
    """
    ids = bodies.ids(body.ids)
    check_id_count(ids)
    request = ("get", name, ids)
    done = 0 if body.after is None else pagination.decode_cursor(body.after, request, _Done).ids
    return Lookup(list(dict.fromkeys(ids))[done:], done, body.include, body.vector_encoding, request)


def lookup_answer(lookup: Lookup, found: GetResult) -> vector_answers.Gotten:
    """Return the answer for the first of the ids that are left: as many as fit.

    Raises:
        AnswerTooLarge: the first vector alone does not fit.
    """
    vector_of = {one.id: one for one in found.vectors}
    ids = lookup.ids[: found.read]
    shown = [_shown(vector_of[one], lookup.include, lookup.encoding) if one in vector_of else one for one in ids]

    def cursor_after(count: int) -> str | None:
        done = _Done(lookup.done + count)
        return None if count == len(lookup.ids) else pagination.encode_cursor(lookup.request, done)

    count = _count(shown, cursor_after)
    vectors = [one for one in shown[:count] if isinstance(one, vector_answers.Vector)]
    missing = [one for one in shown[:count] if isinstance(one, str)]
    return vector_answers.Gotten(vectors, missing, cursor_after(count))


def listing_answer(listing: Listing, page: ListPage[Place] | ListPage[OrderedRow]) -> vector_answers.Page:
    """Return the answer for the first vectors of a page of a listing: as many as fit.

    Raises:
        AnswerTooLarge: the first vector alone does not fit.
    """
    shown = [_shown(one, listing.include, listing.encoding) for one in page.vectors]

    def cursor_after(count: int) -> str | None:
        place = page.next if count == len(shown) else page.places[count - 1]
        return None if place is None else ordering.encode_place(place, listing.request)

    count = _count(shown, cursor_after)
    return vector_answers.Page(shown[:count], cursor_after(count))


def _shown(one: ListedVector, include: Collection[str], encoding: VectorEncoding) -> vector_answers.Vector:
    """Return a vector as an answer shows it."""
    return vector_answers.Vector(
        one.id,
        one.metadata if "metadata" in include else msgspec.UNSET,
        vector_answers.vector_value(one.vector, encoding)
        if "vector" in include and one.vector is not None
        else msgspec.UNSET,
    )


def _count(shown: Sequence[vector_answers.Vector | str], cursor_after: Callable[[int], str | None]) -> int:
    """Return how many vectors and missing ids fit into an answer, at least one."""
    if _REST + sum(map(_greatest_size, shown)) <= handler.MAX_ANSWER:
        return len(shown)
    if count := handler.count_that_fits(shown, bytes(_REST)):
        return count
    rest = msgspec.json.encode(vector_answers.Gotten([], [], cursor_after(1)))
    if handler.count_that_fits(shown[:1], rest):
        return 1
    raise _too_large(shown[0])


def _greatest_size(one: vector_answers.Vector | str) -> int:
    """Return a bound of the bytes of a vector or a missing id in a response; it is quick to compute.

    A character of an id has at most 6 bytes of JSON, and a component of a vector 25. A byte of JSON text may become two
    in the response, which is a JSON string.
    """
    if isinstance(one, str):
        return 12 * len(one) + 10
    metadata = 2 * len(one.metadata) if isinstance(one.metadata, msgspec.Raw) else 10
    vector = len(one.vector) if isinstance(one.vector, str) else 25 * len(one.vector or ())
    return 12 * len(one.id) + metadata + vector + 100


def _too_large(one: vector_answers.Vector | str) -> AnswerTooLarge:
    vector_id = one if isinstance(one, str) else one.id
    return AnswerTooLarge(
        f"The vector {vector_id[:256]!r} alone is larger than an answer may be: set 'vector_encoding' to 'base64', or "
        "leave 'vector' or 'metadata' out of 'include'."
    )
