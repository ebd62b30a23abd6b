"""How old the state may be that a read answers from: `consistency` and `max_staleness` of a request."""

from collections.abc import Mapping
from typing import Final, Literal

from vectord.errors import RequestInvalid

Consistency = Literal["strong", "eventual"]

DEFAULT_STALENESS: Final = 10.0  # seconds
MAX_STALENESS: Final = 3_600.0


def staleness(consistency: str, max_staleness: float | None) -> float | None:
    """Return the seconds that an answer may be old, None where it must be of the present state.

    Raises:
        RequestInvalid: one of them is out of range, or the second stands without the first.
    """
    if consistency not in {"strong", "eventual"}:
        raise RequestInvalid(f"consistency must be 'strong' or 'eventual', not {consistency!r}.")
    if max_staleness is None:
        return DEFAULT_STALENESS if consistency == "eventual" else None
    if consistency == "strong":
        raise RequestInvalid("max_staleness needs a consistency of 'eventual'; a strong read is never stale.")
    if not 0 <= max_staleness <= MAX_STALENESS:
        raise RequestInvalid(f"max_staleness must be 0 to {MAX_STALENESS:,.0f} seconds, not {max_staleness}.")
    return max_staleness


def of_query(query: Mapping[str, str]) -> float | None:
    """Return the same of a query string."""
    text = query.get("max_staleness")
    return staleness(query.get("consistency", "strong"), None if text is None else _number(text))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RequestInvalid(f"max_staleness must be a number of seconds, not {text!r}.") from error
