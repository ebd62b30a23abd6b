"""A vector as it is returned. It travels as base64 of little-endian float32."""

import sys
from array import array
from base64 import b64decode
from typing import Final

_FLOAT_BYTES: Final = 4
_SHOWN: Final = 4
_REVERSED: Final = sys.byteorder == "big"


class Vector(array):  # type: ignore[type-arg] # array has type arguments only from Python 3.12 on
    """A vector of float32 components: an `array.array`, so `numpy.asarray(vector)` is a view of its memory."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{component:.4g}" for component in self[:_SHOWN])
        return f"Vector([{shown}{', …' if len(self) > _SHOWN else ''}], dimension={len(self)})"


def unpack(text: str) -> Vector:
    """Return the vector of base64 text.

    Raises:
        ValueError: It is not base64 of float32 components.
    """
    data = b64decode(text, validate=True)
    if len(data) % _FLOAT_BYTES:
        raise ValueError("the length of a vector is not a multiple of four bytes")
    vector = Vector("f", data)
    if _REVERSED:
        vector.byteswap()
    return vector
