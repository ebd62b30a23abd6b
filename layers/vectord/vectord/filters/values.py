"""The order of scalar values: false, true, numbers, texts by code point, null. 1 equals 1.0, and true does not equal 1.

A key stands for a value: keys compare, and are equal, as the values do in a filter.
"""

from enum import IntEnum
from typing import Final

from vectord.filters.tree import Scalar


class Kind(IntEnum):
    """The types of values in their order. `MISSING` stands for no value."""

    FALSE = 0
    TRUE = 1
    NUMBER = 2
    TEXT = 3
    NULL = 4
    MISSING = 5


type Key = tuple[int, int | float | str]  # a `Kind` and the value; 0 if the kind has one value

FALSE: Final[Key] = (Kind.FALSE, 0)
TRUE: Final[Key] = (Kind.TRUE, 0)
NULL: Final[Key] = (Kind.NULL, 0)
_WHOLE: Final = 2.0**63  # a whole number below is written without a fraction or an exponent


def key_of(value: Scalar) -> Key:
    """Return the key of a value."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if value is None:
        return NULL
    return (Kind.TEXT, value) if isinstance(value, str) else (Kind.NUMBER, value)


def value_of(key: Key) -> Scalar:
    """Return the value of a key, the same for all equal keys: a whole number is an integer."""
    kind, payload = key
    match kind:
        case Kind.FALSE | Kind.TRUE:
            return kind == Kind.TRUE
        case Kind.NUMBER if isinstance(payload, float) and payload.is_integer() and abs(payload) < _WHOLE:
            return int(payload)
        case Kind.NULL | Kind.MISSING:
            return None
        case _:
            return payload
