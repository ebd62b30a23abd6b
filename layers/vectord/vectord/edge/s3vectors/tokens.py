"""Tokens of further pages. A token is bound to the request that it continues; a changed one is refused."""

from collections.abc import Sequence
from typing import Any

import msgspec

from vectord.edge import pagination
from vectord.errors import CursorInvalid, RequestInvalid


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
