"""A vector as it is returned, and the form in which vectors travel: base64 of little-endian float32."""

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any, Final

from vectord_client.errors import ArgumentInvalid

_FLOAT_BYTES: Final = 4
_SHOWN: Final = 4
_REVERSED: Final = sys.byteorder == "big"


class Vector(array):  # type: ignore[type-arg] # array has type arguments only from Python 3.12 on
    """A vector of float32 components: an `array.array`, so `numpy.asarray(vector)` is a view of its memory."""

    def __repr__(self) -> str:
        shown = ", ".join(f"{component:.4g}" for component in self[:_SHOWN])
        return f"Vector([{shown}{', …' if len(self) > _SHOWN else ''}], dimension={len(self)})"


def pack(vector: Any) -> str:
    """Return base64 text of a vector: a sequence of numbers, or any object with a buffer of floats.

    Raises:
        ArgumentInvalid: It is not a vector of numbers.
    """
    components = _components(vector)
    if _REVERSED:
        components.byteswap()
    return b64encode(components).decode()


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


def _components(vector: Any) -> "array[float]":
    if isinstance(vector, str | bytes):
        raise ArgumentInvalid(f"A vector is a sequence of numbers or an array, not {type(vector).__name__}.")
    try:
        return _from_buffer(memoryview(vector))
    except TypeError:
        return _from_numbers(vector)


def _from_buffer(view: memoryview) -> "array[float]":
    if view.ndim != 1:
        raise ArgumentInvalid(f"A vector has one dimension, but this array has {view.ndim}.")
    if view.format in ("f", "<f") and view.contiguous:
        return array("f", view.tobytes())
    return array("f", view.tolist())


def _from_numbers(vector: Iterable[float]) -> "array[float]":
    try:
        return array("f", vector)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentInvalid(
            f"A vector is a sequence of numbers or an array, not {type(vector).__name__}: {error}"
        ) from error
