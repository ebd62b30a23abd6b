"""Which JSON values an index stores as the metadata of a vector."""

from collections.abc import Sequence
from typing import Final

import msgspec

from vectord.errors import RequestInvalid

MAX_NESTING: Final = 100  # levels; the envelope adds a few, and JSON readers recurse once per level

METADATA_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError, RequestInvalid)
"""The exceptions that `metadata_of_text` raises."""


def checked_metadata(text: msgspec.Raw) -> msgspec.Raw | None:
    """Return metadata as a copy of its JSON text, None for null.

    Raises:
        RequestInvalid: it is nested too deeply.
        msgspec.DecodeError: it is not JSON, or a number in it is out of range.
    """
    # Decode the text now: later readers of the blob and of answers must not fail on it.
    value = msgspec.json.decode(text)
    if value is None:
        return None
    if _is_nested_deeper(value, MAX_NESTING):
        raise RequestInvalid(f"metadata is nested deeper than {MAX_NESTING} levels")
    return text.copy()  # a view would keep the whole request body in memory


def metadata_of_text(text: str | bytes | None) -> msgspec.Raw | None:
    """Check metadata given as JSON text; None and empty text mean that there is no metadata.

    Raises:
        METADATA_ERRORS: the text is not valid metadata.
    """
    if not text:
        return None
    return checked_metadata(msgspec.Raw(text.encode() if isinstance(text, str) else text))


def _is_nested_deeper(value: object, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer for inner in _children(outer)]
        if not layer:
            return False
    return True


def _children(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()
