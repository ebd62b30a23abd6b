"""How old the state may be that answers a read: `consistency` and `max_staleness` of a request."""

from collections.abc import Mapping
from typing import Final, Literal

from vectord.errors import RequestInvalid

Consistency = Literal["strong", "eventual"]

DEFAULT_STALENESS: Final = 10.0  # seconds
MAX_STALENESS: Final = 3_600.0  # seconds


def staleness(consistency: str, max_staleness: float | None) -> float | None:
    """Return the age in seconds that a read allows; None if it must see the present state.

    Raises:
        RequestInvalid: a value is out of range, or `max_staleness` came with a strong read.
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


def staleness_in(query: Mapping[str, str]) -> float | None:
    """Return the age in seconds that the read with this query string allows, as `staleness` does.

    Raises:
        RequestInvalid
    """
    text = query.get("max_staleness")
    return staleness(query.get("consistency", "strong"), None if text is None else _seconds(text))


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RequestInvalid(f"max_staleness must be a number of seconds, not {text!r}.") from error
