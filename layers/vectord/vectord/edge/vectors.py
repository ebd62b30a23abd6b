"""What the routes of many vectors are asked, and how vectors are shown."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from vectord.edge import pagination
from vectord.edge.schemas import vector_answers
from vectord.edge.schemas.bodies import PatchBody, decode, ids
from vectord.edge.schemas.fields import MAX_SEGMENTS
from vectord.errors import CursorInvalid, RequestInvalid
from vectord.lhv1.metadata import checked_metadata
from vectord.service.results import ListedVector, ListPage
from vectord.service.selection import Patch, Selection
from vectord.service.single.vector_reads import ListQuery
from vectord.service.vectors import MAX_PAGE

_DEFAULT_LIMIT: Final = 100
_NULL: Final = msgspec.Raw(b"null")
_SHOWN: Final = ("metadata", "vector")


class _Mark(msgspec.Struct, array_like=True):
    """Where a page ended."""

    shard: int
    hash: int
    id: str


class Listing(msgspec.Struct, frozen=True):
    """One request for a page: what it wants, from which shard on, and what its cursors belong to."""

    wanted: ListQuery
    shard: int
    include: Sequence[str]
    pages_of: Sequence[str | int]

    def cursor(self, page: ListPage) -> str | None:
        """Return the cursor of the page behind `page`."""
        return None if page.after is None else pagination.encode_cursor(self.pages_of, _Mark(page.shard, *page.after))


def listing(name: str, query: Mapping[str, str]) -> Listing:
    """Return what a query string asks of the vectors of index `name`.

    Raises:
        RequestInvalid: a parameter is unknown or out of range.
        CursorInvalid: the cursor is not one of this listing.
    """
    from vectord.edge.schemas import queries  # noqa: PLC0415 - a search should not pay for it

    queries.check(query, queries.Vectors)
    segments = _number(query, "segments", 1, 1, MAX_SEGMENTS)
    number = _number(query, "segment", 0, 0, segments - 1)
    prefix, filter_text = query.get("prefix", ""), query.get("filter")
    if filter_text is not None:
        decode(filter_text.encode("utf-8", "surrogatepass"), msgspec.Raw)
    pages_of = ("vectors", name, number, segments, prefix, filter_text or "")
    shard, after = _place(query.get("cursor"), pages_of)
    include = _include(query.get("include"))
    wanted = ListQuery(
        _number(query, "limit", _DEFAULT_LIMIT, 1, MAX_PAGE),
        after,
        prefix,
        number,
        segments,
        filter_text,
        "vector" in include,
    )
    return Listing(wanted, shard, include, pages_of)


def text_of(raw: msgspec.Raw) -> str | None:
    """Return the filter in a body as JSON text, None where there is none, or null."""
    text = bytes(raw).decode()
    return None if text in {"", "null"} else text


def selection(given: Sequence[msgspec.Raw] | None, filter_text: msgspec.Raw) -> Selection:
    """Return which vectors a body means.

    Raises:
        RequestInvalid: it has neither ids nor a filter, or both.
        BatchInvalid: some ids are not text.
    """
    text = text_of(filter_text)
    if (given is None) == (text is None):
        raise RequestInvalid("The body must have 'ids' or 'filter', and not both.")
    return Selection(filter=text) if given is None else Selection(ids(given))


def patch(body: PatchBody) -> Patch:
    """Return what a body makes of metadata.

    Raises:
        RequestInvalid: its metadata cannot be stored.
    """
    try:
        return Patch(checked_metadata(body.metadata) or _NULL, body.mode)
    except msgspec.DecodeError as error:
        raise RequestInvalid(f"metadata is not valid: {error}") from error


def shown(vectors: Sequence[ListedVector], include: Collection[str]) -> list[vector_answers.Vector]:
    """Return vectors as JSON shows them."""
    return [_shown(kept, include) for kept in vectors]


def _shown(kept: ListedVector, include: Collection[str]) -> vector_answers.Vector:
    return vector_answers.Vector(
        kept.id,
        kept.metadata if "metadata" in include else msgspec.UNSET,
        kept.vector.tolist() if "vector" in include and kept.vector is not None else msgspec.UNSET,
    )


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        raise RequestInvalid(f"{name} must be {least:,} to {most:,}, not {text!r}.")
    return int(text)


def _include(text: str | None) -> Sequence[str]:
    """Return what a list with commas names; `include=` names nothing."""
    names = ["metadata"] if text is None else [name for name in text.split(",") if name]
    if unknown := set(names) - set(_SHOWN):
        raise RequestInvalid(f"include may name {' and '.join(_SHOWN)}, with a comma between, not {min(unknown)!r}.")
    return names


def _place(cursor: str | None, pages_of: Sequence[str | int]) -> tuple[int, tuple[int, str] | None]:
    if cursor is None:
        return 0, None
    mark = pagination.decode_cursor(cursor, pages_of, _Mark)
    if mark.shard < 0:
        raise CursorInvalid
    return mark.shard, (mark.hash, mark.id)
