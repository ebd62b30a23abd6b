"""Check ids: 1 to 1,024 bytes of UTF-8."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from vectord_client.rows.block import Reasons
from vectord_client.rows.json_values import is_missing

MAX_ID_BYTES: Final = 1_024

_CONVERT: Final = (
    "an id must be text. Convert ids: str(id) for one, [str(i) for i in ids] for a list, "
    'ids.astype(str) for numpy, df["id"].astype(str) for pandas'
)


def check_ids(ids: Sequence[Any], reasons: Reasons) -> None:
    """Add the reasons for which ids are not valid."""
    if _are_short_ascii(ids):
        return
    for row, row_id in enumerate(ids):
        if (type(row_id) is not str or len(row_id) > 255 or not row_id.isascii() or not row_id) and (
            reason := id_reason(row_id)
        ):
            reasons.setdefault(row, reason)


def _are_short_ascii(ids: Sequence[Any]) -> bool:
    """Return True if all ids are text of at most 255 characters of ASCII, as most are."""
    if set(map(type, ids)) != {str}:
        return False
    lengths = set(map(len, ids))
    return 0 not in lengths and max(lengths) <= 255 and "".join(ids).isascii()


def id_reason(row_id: Any) -> str | None:
    """Return why an id is not valid, None if it is."""
    if not isinstance(row_id, str):
        shown = "missing" if is_missing(row_id) else f"{row_id!r:.80}, {_article(row_id)}"
        return f"the id is {shown}; {_CONVERT}"
    if not row_id:
        return "the id is empty"
    try:
        size = len(row_id.encode())
    except UnicodeEncodeError:
        return "the id has half a surrogate pair, which UTF-8 cannot have"
    if size > MAX_ID_BYTES:
        return f"the id has {size:,} bytes of UTF-8, and the limit is {MAX_ID_BYTES:,}"
    return None


def id_text(value: Any) -> Any:
    """Return an id of a file as text: the digits of an integer, a UUID in lower case, bytes as UTF-8."""
    if type(value) is int or (isinstance(value, Decimal) and value == value.to_integral_value()):
        return str(int(value))
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def _article(value: Any) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
