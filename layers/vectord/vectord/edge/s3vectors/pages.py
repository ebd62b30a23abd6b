"""Pages of vector buckets and of indexes, which end at a name."""

from collections.abc import Sequence
from typing import Final

import msgspec

from vectord.edge.s3vectors import tokens

MAX_RESULTS: Final = 500  # on a page, if a request does not say


class _After(msgspec.Struct, array_like=True, frozen=True):
    """Where a page ended."""

    name: str


def start_of_page(token: str | None, request: Sequence[str]) -> str | None:
    """Return the name after which the requested page starts, None for the first page.

    Raises:
        RequestInvalid: the token was changed, or belongs to another request.
    """
    return None if token is None else tokens.decode(token, request, _After).name


def next_token(after: str | None, request: Sequence[str]) -> str | None:
    """Return the token of the page after the name `after`; None if there is no further page."""
    return None if after is None else tokens.encode(request, _After(after))
