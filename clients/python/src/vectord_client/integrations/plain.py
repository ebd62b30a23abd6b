"""Convert the metadata of a framework's documents to plain JSON values, and dates to numbers that have an order."""

import math
import re
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime, time
from enum import Enum
from typing import Any, Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ].*)?", re.ASCII)


def plain(value: object, where: str) -> Any:
    """Return `value` as JSON values; error messages call it `where`.

    Dates and times become ISO 8601 text, UUIDs text, enum members their values, and tuples, sets and NumPy arrays lists.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value or a key cannot be written as JSON.
    """
    match value:
        case Enum():
            return plain(value.value, where)
        case None | bool() | str() | int():
            return value
        case float():
            return _finite(value, where)
        case datetime() | date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case Mapping():
            return {_key(key, where): plain(inner, f"{where}.{key}") for key, inner in value.items()}
        case bytes() | bytearray() | memoryview():
            raise TypeError(f"{where} has bytes, which JSON cannot hold. Encode them as text, for example in base64.")
        case Sequence() | Set():
            return [plain(inner, f"{where}[{position}]") for position, inner in enumerate(value)]
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy
        return plain(value.tolist(), where)
    raise TypeError(
        f"{where} has a value of type {type(value).__name__}, which JSON cannot hold. "
        "Convert it to a text, a number, a list or a dict."
    )


def seconds(text: object) -> float | None:
    """Return the seconds from 1970 to a date in ISO 8601, such as `1979-05-25` or `1979-05-25T18:00:00+02:00`.

    A date without a time zone is read as UTC. None stands for anything that is not such a text.
    """
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH).total_seconds()


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{where} is {value}, which JSON cannot hold. Leave it out, or store a text.")
    return value


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where} has a key of type {type(key).__name__}. The keys of metadata are texts.")
    return key
