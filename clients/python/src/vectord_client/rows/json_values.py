"""Values that JSON has no form for: converted where nothing is lost, and otherwise named with their path."""

import math
import sys
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final

_PLAIN: Final = (str, bool, int, bytes)
_LISTS: Final = (list, tuple, set, frozenset)


class NotJson(ValueError):
    """A value that JSON cannot represent; the message has its path."""


class Unreadable:
    """Stands for a value of a table that Python cannot represent, such as a time in the year 300,000."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __repr__(self) -> str:
        return f"unreadable ({self._reason})"


def converted(value: Any) -> Any:
    """Return a value of a type that msgspec does not encode as one that it does.

    Raises:
        NotJson: there is none, as for NaT.
    """
    if isinstance(value, Unreadable):
        raise NotJson(f"metadata has a value that is {value!r}")
    found = value
    if not is_missing(value):
        found = _of_numpy(value)
    if found is value and not is_missing(value):
        found = _of_subclass(value)
    if found is value:
        raise NotJson(not_json_reason(value) or f"metadata has a {type(value).__name__}, which JSON cannot represent")
    return found


def is_missing(value: Any) -> bool:
    """Return True for None, NaN, NaT and pandas.NA."""
    pandas = sys.modules.get("pandas")
    if value is None or (pandas is not None and value is pandas.NA):
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - NaN and NaT are not equal to themselves
    except (TypeError, ValueError):  # an array has no single truth value
        return False


def not_json_reason(value: Any, path: str = "metadata", levels: int = 120) -> str | None:
    """Return the first reason, with its path, for which a value is not JSON; None if none is found."""
    if levels == 0 or value is None or type(value) in _PLAIN:
        return None
    if isinstance(value, Mapping):
        return _reason_in_object(value, path, levels)
    if isinstance(value, _LISTS) or (type(value).__name__ == "ndarray" and value.ndim):
        found = (not_json_reason(member, f"{path}[{place}]", levels - 1) for place, member in enumerate(value))
        return next((reason for reason in found if reason), None)
    if is_missing(value):
        kind = "NaN" if isinstance(value, float | Decimal) or "float" in type(value).__name__ else "a missing value"
        return f"{path} is {kind} ({value!r}), which JSON cannot represent; leave it out or use None"
    if _is_infinite(value):
        return f"{path} is infinite, which JSON cannot represent"
    return None


def _of_numpy(value: Any) -> Any:
    """Return an array or a scalar of numpy as Python's values, anything else as it is."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.ndarray | numpy.generic):
        return value
    if isinstance(value, numpy.ndarray):
        return list(value) if value.dtype.kind in "mM" else value.tolist()
    if isinstance(value, numpy.datetime64):
        return str(value)
    if isinstance(value, numpy.timedelta64):
        return value.astype("timedelta64[us]").item()
    return value.item() if value.dtype.kind in "biufUS" else value


def _of_subclass(value: Any) -> Any:
    """Return an object of a subclass, such as pandas.Timestamp, as one that msgspec knows."""
    if isinstance(value, date | time):
        text = value.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, _LISTS) and type(value) not in _LISTS else value


def _reason_in_object(value: Mapping[Any, Any], path: str, levels: int) -> str | None:
    for key, member in value.items():
        if not isinstance(key, str | int | float):
            return f"{path} has the key {key!r:.80}, and keys of JSON are text"
        if reason := not_json_reason(member, f"{path}.{key}", levels - 1):
            return reason
    return None


def _is_infinite(value: Any) -> bool:
    try:
        return math.isinf(value)
    except (TypeError, ValueError, OverflowError):
        return False
