"""Check ids: 1 to 1,024 bytes of UTF-8."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from numbers import Integral
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
        return "the id is missing" if is_missing(row_id) else f"the id is {_shown(row_id)}; {_CONVERT}"
    if not row_id:
        return "the id is empty"
    try:
        size = len(row_id.encode())
    except UnicodeEncodeError:
        return "the id has half a surrogate pair, which UTF-8 cannot have"
    if size > MAX_ID_BYTES:
        return f"the id has {size:,} bytes of UTF-8, and the limit is {MAX_ID_BYTES:,}"
    return None


def column_ids(values: Sequence[Any], reasons: Reasons) -> list[Any]:
    """Return the ids of a column as text, and add the reasons for which some cannot be ids.

    An integer becomes its digits, a UUID its text in lower case, bytes the text that they are in UTF-8.
    """
    if set(map(type, values)) == {str}:
        return list(values)
    texts = [value if type(value) is str else _id_text(value) for value in values]
    for row, text in enumerate(texts):
        if not isinstance(text, str) and not is_missing(text):
            reasons.setdefault(row, f"the id is {_shown(text)}; an id is text or an integer")
    return texts


def _id_text(value: Any) -> Any:
    """Return the id that a value of a column stands for, or the value itself if it stands for none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral) or (isinstance(value, Decimal) and value == value.to_integral_value()):
        return str(int(value))
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def is_text(value: object) -> bool:
    """Return True for text that UTF-8 can have: text without halves of surrogate pairs."""
    return isinstance(value, str) and utf8_text(value) == value


def utf8_text(text: str) -> str:
    """Return a text with halves of surrogate pairs as escapes, so that a report of it can be written."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _shown(value: Any) -> str:
    """Return a value with its type, as in `5, an int`."""
    name = type(value).__name__
    return f"{value!r:.80}, {'an' if name[0] in 'aeiou' else 'a'} {name}"
