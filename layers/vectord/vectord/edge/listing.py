"""The cursor of a listing: opaque to callers, and checked when it comes back."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from vectord.edge.schemas import queries
from vectord.errors import CursorInvalid, RequestInvalid
from vectord.lhv1 import params

MAX_LIMIT: Final = 1_000
_DEFAULT_LIMIT: Final = 100


def arguments(query: Mapping[str, str]) -> tuple[str, int, str | None]:
    """Return prefix, limit and the name to continue after, from a query string.

    Raises:
        RequestInvalid, CursorInvalid: a parameter is unknown or out of range.
    """
    queries.check(query, queries.Indexes)
    cursor = query.get("cursor")
    return query.get("prefix", ""), limit(query), None if cursor is None else _after(cursor)


def limit(query: Mapping[str, str]) -> int:
    """Return how many a page may have.

    Raises:
        RequestInvalid: it is out of range.
    """
    text = query.get("limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MAX_LIMIT):
        raise RequestInvalid(f"limit must be 1 to {MAX_LIMIT:,}, not {text!r}.")
    return int(text)


def cursor(after: str | None) -> str | None:
    return None if after is None else base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def _after(cursor: str) -> str:
    try:
        name = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid from error
    if not params.is_name(name):
        raise CursorInvalid
    return name
