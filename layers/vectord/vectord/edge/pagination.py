"""Page sizes and cursors of listings.

A cursor holds the position at which a page ended. It is base64url of MessagePack fields and a digest of these fields
and of the request parameters that all pages share. A cursor that was cut, changed or made for another request is
refused. The digest is not a secret: a cursor grants no access.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from vectord.edge.schemas import queries
from vectord.errors import CursorInvalid, RequestInvalid
from vectord.lhv1 import params

MAX_LIMIT: Final = 1_000  # results on a page
_DEFAULT_LIMIT: Final = 100
_DIGEST_SIZE: Final = 8  # bytes


class _After(msgspec.Struct, array_like=True, frozen=True):
    """Where a page of names or version ids ended."""

    name: str


def encode_cursor(request: Sequence[Any], fields: msgspec.Struct) -> str:
    """Return a cursor that holds `fields` and is valid for `request`: JSON values that all pages have in common."""
    packed = msgspec.msgpack.encode(fields)
    return _base64(packed + _digest(request, packed))


def decode_cursor[T: msgspec.Struct](cursor: str, request: Sequence[Any], fields: type[T]) -> T:
    """Return the fields of a cursor.

    Raises:
        CursorInvalid: the cursor was not made by `encode_cursor`, or was made for another request.
    """
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        packed, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
        # Several texts decode to the same bytes, because the last character has unused bits.
        if cursor == _base64(data) and digest == _digest(request, packed):
            return msgspec.msgpack.decode(packed, type=fields)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # text that is not ASCII raises ValueError
    raise CursorInvalid


def encode_name_cursor(request: Sequence[Any], after: str | None) -> str | None:
    """Return the cursor of the page after the name `after`; None if there is no further page."""
    return None if after is None else encode_cursor(request, _After(after))


def decode_name_cursor(request: Sequence[Any], query: Mapping[str, str]) -> str | None:
    """Return the name after which the requested page starts; None for the first page.

    Raises:
        CursorInvalid
    """
    cursor = query.get("cursor")
    return None if cursor is None else decode_cursor(cursor, request, _After).name


def page_size(query: Mapping[str, str]) -> int:
    """Return the `limit` of a query string.

    Raises:
        RequestInvalid: it is out of range.
    """
    text = query.get("limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MAX_LIMIT):
        raise RequestInvalid(f"limit must be 1 to {MAX_LIMIT:,}, not {text!r}.")
    return int(text)


def read_index_page(query: Mapping[str, str]) -> tuple[str, int, str | None]:
    """Return prefix, page size and the name to start after, for a listing of indexes.

    Raises:
        RequestInvalid, CursorInvalid: a parameter is unknown or out of range.
    """
    queries.check(query, queries.Indexes)
    prefix = query.get("prefix", "")
    after = decode_name_cursor(_indexes(prefix), query)
    if after is not None and not (params.is_index_name(after) and after.startswith(prefix)):
        raise CursorInvalid
    return prefix, page_size(query), after


def index_cursor(prefix: str, after: str | None) -> str | None:
    """Return the cursor of the page of indexes after the name `after`; None if there is no further page."""
    return encode_name_cursor(_indexes(prefix), after)


def _indexes(prefix: str) -> tuple[str, str]:
    return "indexes", prefix


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _digest(request: Sequence[Any], packed: bytes) -> bytes:
    key = blake2b(msgspec.json.encode(request)).digest()
    return blake2b(packed, digest_size=_DIGEST_SIZE, person=b"cursor", key=key).digest()
