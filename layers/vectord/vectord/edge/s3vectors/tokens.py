"""Tokens of further pages. A token is bound to the request that it continues; a changed one is refused.

A page of vector buckets or of indexes ends at a name; other pages have positions of their own.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vectord.edge import pagination
from vectord.errors import CursorInvalid, RequestInvalid

MAX_RESULTS: Final = 500  # on a page, if a request does not say


class _After(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended."""

    name: str


def encode(request: Sequence[Any], fields: msgspec.Struct) -> str:
    """Return a token that holds `fields` and is valid for `request`: JSON values that all pages have in common."""
    return pagination.encode_cursor(request, fields)


def decode[T: msgspec.Struct](token: str, request: Sequence[Any], fields: type[T]) -> T:
    """Return the fields of a token.

    Raises:
        RequestInvalid: it was changed, or belongs to another request.
    """
    try:
        return pagination.decode_cursor(token, request, fields)
    except CursorInvalid as error:
        raise RequestInvalid(
            "The nextToken was changed, or belongs to another request. Send it as it is, with everything else as in "
            "the request for the previous page; or start again without a nextToken."
        ) from error


def start_of_page(token: str | None, request: Sequence[str]) -> str | None:
    """Return the name after which the requested page starts, None for the first page.

    Raises:
        RequestInvalid: the token was changed, or belongs to another request.
    """
    return None if token is None else decode(token, request, _After).name


def next_token(after: str | None, request: Sequence[str]) -> str | None:
    """Return the token of the page that starts after the name `after`, or None for the last page."""
    return None if after is None else encode(request, _After(after))
