"""Arrays of numbers by simdjson: straight into one buffer of float64, with no Python object for each number."""

from typing import Final

import csimdjson
import numpy as np
import numpy.typing as npt

from vectord.readers import entry

_PARSER: Final = csimdjson.Parser()


def numbers(text: bytes) -> npt.NDArray[np.float64]:
    """Return a JSON array of numbers as float64; raises what `entry.numbers` does."""
    return np.frombuffer(packed(text), np.float64)


def packed(text: bytes) -> bytes:
    """Return the bytes of what `numbers` returns; they join sooner than arrays do."""
    if text.find(b"[", 1) >= 0:
        return entry.numbers(text).tobytes()  # simdjson would flatten arrays inside arrays
    try:
        return bytes(_PARSER.parse(text).as_buffer(of_type="d"))
    except (TypeError, ValueError, AttributeError, RuntimeError):
        # RuntimeError is its error for integers beyond 64 bits and for objects in objects without end.
        return entry.numbers(text).tobytes()  # for the words that name the bad one
