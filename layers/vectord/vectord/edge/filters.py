"""The filter of a request as JSON text, and as a value that is the same for equal filters."""

from typing import Any, Final

import msgspec

from vectord.errors import FilterInvalid

MAX_FILTER: Final = 6 << 20  # characters; the values of a longer filter could fill the memory


def filter_text(raw: msgspec.Raw) -> str | None:
    """Return the JSON text of a filter in a body, None if the field is absent or null.

    Raises:
        FilterInvalid: it is longer than MAX_FILTER.
    """
    text = bytes(raw).decode()
    if len(text) > MAX_FILTER:
        raise FilterInvalid("filter", f"has more than {MAX_FILTER >> 20} MB. Send several requests.")
    return None if text in {"", "null"} else text


def canonical(filter_: msgspec.Raw) -> Any:
    """Return the JSON of a filter as a value that is the same for equal filters.

    A cursor is valid for one such value: the request for the next page may write the filter in another way.
    """
    text = filter_text(filter_)
    if text is None:
        return None
    try:
        value = msgspec.json.Decoder(float_hook=_number).decode(text)
        return msgspec.json.encode(value, order="sorted")
    except (msgspec.DecodeError, RecursionError):
        return text  # the filter is not valid, so no cursor was made for it


def _number(text: str) -> float:
    """Return a number of JSON as an int if it is one: 1.0 and 1e0 equal 1."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value
