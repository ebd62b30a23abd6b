"""Arrays of numbers by simdjson: straight into one buffer of float64, with no Python object for each number."""

from typing import Final

import csimdjson
import numpy as np
import numpy.typing as npt

from vectord.formats import entry

_PARSER: Final = csimdjson.Parser()


def numbers(text: bytes) -> npt.NDArray[np.float64]:
    """Return a JSON array of numbers as float64; raises what `entry.numbers` does."""
    if text.find(b"[", 1) >= 0:
        return entry.numbers(text)  # simdjson would flatten arrays inside arrays
    try:
        return np.frombuffer(_PARSER.parse(text).as_buffer(of_type="d"), np.float64)
    except (TypeError, ValueError, AttributeError, RuntimeError):
        # RuntimeError is its error for integers beyond 64 bits and for objects in objects without end.
        return entry.numbers(text)  # for the words that name the bad one
