"""Cursors: where a page ended, in a form that is opaque to callers and checks itself when it comes back.

A cursor is base64url of MessagePack fields and, behind them, a digest over those and over what the pages are pages of:
one that was cut, changed or made for another request is refused. It keeps no secret, and lets nobody see more.
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from vectord.errors import CursorInvalid

_DIGEST: Final = 8  # bytes


def sealed(pages_of: Sequence[Any], fields: msgspec.Struct) -> str:
    """Return the cursor that holds `fields`, good for pages of `pages_of` alone: values that JSON can write."""
    packed = msgspec.msgpack.encode(fields)
    return base64.urlsafe_b64encode(packed + _digest(pages_of, packed)).decode().rstrip("=")


def opened[T: msgspec.Struct](cursor: str, pages_of: Sequence[Any], kind: type[T]) -> T:
    """Return the fields of a cursor.

    Raises:
        CursorInvalid: it is none of ours, or of another request.
    """
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        packed, digest = data[:-_DIGEST], data[-_DIGEST:]
        if digest == _digest(pages_of, packed):
            return msgspec.msgpack.decode(packed, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        pass  # a base64 error is a ValueError, and so is text that is not ASCII
    raise CursorInvalid


def _digest(pages_of: Sequence[Any], packed: bytes) -> bytes:
    return blake2b(
        packed, digest_size=_DIGEST, person=b"cursor", key=blake2b(msgspec.json.encode(pages_of)).digest()
    ).digest()
