"""Pack vectors as little-endian float32, with numpy where it is installed and without it elsewhere."""

import base64
import binascii
import math
import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final

from vectord_client.errors import ArgumentInvalid
from vectord_client.rows.block import FLOAT_BYTES, Reasons

_REAL: Final = "fiu"  # kinds of numpy's dtypes: floats and integers
_FORMATS: Final = frozenset("efdbBhHiIlLqQnN")  # of numbers in a buffer
_FLOAT32: Final = ("f", "<f") if sys.byteorder == "little" else ("<f",)


class InvalidVector(ArgumentInvalid):
    """A vector that cannot be sent; the message says why."""


class Shape:
    """What all vectors of an input have in common.

    `dimension` is None until the first vector is known; `origin` says where it is from. A vector of zeros is valid
    unless `cosine` is set.
    """

    def __init__(self, dimension: int | None = None, *, cosine: bool = False, origin: str = "the index has") -> None:
        self.dimension, self.cosine, self.origin = dimension, cosine, origin

    def check_length(self, length: int) -> None:
        """Raise InvalidVector if a vector of `length` components does not fit; the first one sets the dimension."""
        if length == 0:
            raise InvalidVector("the vector has no components")
        if self.dimension is None:
            self.dimension, self.origin = length, "the first row has"
        elif length != self.dimension:
            raise InvalidVector(f"the vector has {length:,} components, and {self.origin} {self.dimension:,}")


def numpy_of(value: Any) -> Any:
    """Return the module numpy if `value` is one of its arrays, without importing it; else None."""
    numpy = sys.modules.get("numpy")
    return numpy if numpy is not None and isinstance(value, numpy.ndarray) else None


def pack_vector(value: Any, dimension: int | None = None) -> bytes:
    """Return one vector as the bytes of little-endian float32.

    `value`: a numpy array of floats or integers, a list, a tuple, an array.array, a memoryview, base64 text, or
    anything with `__array__`, such as a tensor on the CPU.

    Raises:
        InvalidVector: it is empty, has another length than `dimension`, or components that are not finite numbers.
    """
    packed = _one(value)
    Shape(dimension).check_length(len(packed) // FLOAT_BYTES)
    if not _is_finite(packed):
        raise InvalidVector(_not_finite(packed))
    return packed


def to_base64(packed: bytes | memoryview) -> str:
    """Return packed components as base64, the form in which requests have vectors."""
    return binascii.b2a_base64(packed, newline=False).decode()


def pack_rows(vectors: Sequence[Any], shape: Shape, reasons: Reasons) -> memoryview:
    """Return vectors one after the other as float32, and add the reasons for which some are not valid.

    An invalid row has zeros. All rows are empty if none is valid.
    """
    packed = _stacked(vectors, shape)
    if packed is None:
        packed = _each(vectors, shape, reasons)
    check_values(packed, len(vectors), shape, reasons)
    return packed


def pack_matrix(matrix: Any, shape: Shape, reasons: Reasons) -> memoryview:
    """Return the rows of a numpy matrix as float32, without a copy if it is float32 in C order already.

    Raises:
        InvalidVector: its dtype is not of real numbers, or it has not two axes.
    """
    numpy = numpy_of(matrix)
    _check_array(numpy, matrix, 2)
    rows, length = matrix.shape
    shape.check_length(length)
    packed = _as_bytes(numpy, matrix)
    check_values(packed, rows, shape, reasons)
    return packed


def check_values(packed: memoryview, rows: int, shape: Shape, reasons: Reasons) -> None:
    """Add the reasons for which rows of packed vectors are not valid: components that are not finite, or all zero."""
    if shape.dimension is None or not rows:
        return
    size = shape.dimension * FLOAT_BYTES
    if _is_finite(packed) and not (shape.cosine and _may_have_zeros(packed, rows)):
        return
    zeros = bytes(size)
    for row in range(rows):
        vector = packed[row * size : (row + 1) * size]
        if row in reasons:
            continue
        if not _is_finite(vector):
            reasons[row] = _not_finite(vector)
        elif shape.cosine and (vector == zeros or not any(_floats(vector))):
            reasons[row] = "the vector has only zeros, which have no direction: the index's distance is cosine"


def _may_have_zeros(packed: memoryview, rows: int) -> bool:
    """Return False if none of the vectors is zero; True if one is, or if numpy is not there to look at all of them."""
    numpy = sys.modules.get("numpy")
    return numpy is None or not numpy.frombuffer(packed, "<f4").reshape(rows, -1).any(axis=1).all()


def _stacked(vectors: Sequence[Any], shape: Shape) -> memoryview | None:
    """Return vectors that are numpy arrays of one length as bytes; None if they are anything else."""
    numpy = numpy_of(vectors[0]) if vectors else None
    if numpy is None:
        return None
    length, kinds = vectors[0].shape, set()
    for vector in vectors:
        if type(vector) is not numpy.ndarray or vector.shape != length:
            return None
        kinds.add(vector.dtype.kind)
    if len(length) != 1 or length[0] == 0 or not kinds <= set(_REAL):
        return None
    if shape.dimension not in (None, length[0]):
        return None
    shape.check_length(length[0])
    with numpy.errstate(over="ignore", invalid="ignore"):
        return memoryview(numpy.concatenate(vectors, dtype="<f4", casting="unsafe")).cast("B")


def _each(vectors: Sequence[Any], shape: Shape, reasons: Reasons) -> memoryview:
    parts: list[bytes | None] = []
    for row, vector in enumerate(vectors):
        packed = None
        if row not in reasons:
            try:
                packed = _one(vector)
                shape.check_length(len(packed) // FLOAT_BYTES)
            except InvalidVector as error:
                reasons[row], packed = str(error), None
        parts.append(packed)
    empty = bytes((shape.dimension or 0) * FLOAT_BYTES)
    return memoryview(b"".join(empty if part is None else part for part in parts))


def _one(value: Any) -> bytes:
    """Return the components of one vector as bytes; their values are not checked."""
    if isinstance(value, list | tuple):
        return _of_numbers(value)
    if isinstance(value, array | memoryview):
        return _of_buffer(value)
    if isinstance(value, str):
        return _of_base64(value)
    if value is None:
        raise InvalidVector("the vector is missing")
    if isinstance(value, bytes | bytearray):
        raise InvalidVector(
            "the vector is bytes; wrap float32 as memoryview(value).cast('f'), or send it as base64 text"
        )
    return _of_array(value)


def _of_numbers(values: Iterable[Any]) -> bytes:
    try:
        numbers = array("f", values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidVector(
            _not_numbers(values) or f"the vector has components that are not numbers: {error}"
        ) from error
    if any(type(value) is bool for value in values):
        raise InvalidVector("the vector has components that are booleans, not numbers")
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _not_numbers(values: Iterable[Any]) -> str | None:
    for place, value in enumerate(values):
        if isinstance(value, int | float):
            continue
        if value is None:
            return f"component {place} is missing"
        if isinstance(value, list | tuple):
            return f"component {place} is a {type(value).__name__}: this is a matrix, not a vector"
        if not hasattr(value, "__float__"):
            return f"component {place} is {value!r:.40}, a {type(value).__name__}, not a number"
    return None


def _of_buffer(value: "array[Any] | memoryview") -> bytes:
    view = memoryview(value)
    if view.ndim != 1 or view.format.lstrip("@=<>!") not in _FORMATS:
        raise InvalidVector(f"the vector is a buffer of format {view.format!r} with {view.ndim} axes, not of numbers")
    return view.tobytes() if view.format in _FLOAT32 else _of_numbers(buffer_numbers(view.format, view.tobytes()))


def buffer_numbers(form: str, data: bytes) -> tuple[Any, ...]:
    """Return the numbers of a buffer of format `form`, as the struct module writes it."""
    order = form[0] if form[0] in "@=<>!" else "@"
    kind = form.lstrip("@=<>!")
    return struct.unpack(f"{order}{len(data) // struct.calcsize(order + kind)}{kind}", data)


def _of_base64(text: str) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidVector("the vector is text, but not base64 of little-endian float32") from error
    if len(packed) % FLOAT_BYTES:
        raise InvalidVector(f"the vector is base64 of {len(packed)} bytes, and float32 has 4 a component")
    return packed


def _of_array(value: Any) -> bytes:
    """Return a numpy array, or what numpy or Python can convert to one, as bytes."""
    if numpy_of(value) is None and hasattr(value, "__array__"):
        value = array_of(value)
    numpy = numpy_of(value)
    if numpy is not None:
        _check_array(numpy, value, 1)
        return bytes(_as_bytes(numpy, value))
    if hasattr(value, "tolist"):
        return _one(value.tolist())
    try:
        return _of_numbers(list(value))
    except TypeError as error:
        raise InvalidVector(f"the vector is a {type(value).__name__}, not a sequence of numbers") from error


def array_of(value: Any) -> Any:
    """Return what has `__array__`, such as a tensor or a pandas Series, as a numpy array."""
    import numpy  # noqa: PLC0415 - heavy

    try:
        return numpy.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidVector(f"the vectors are a {type(value).__name__} that numpy cannot read: {error}") from error


def _check_array(numpy: Any, value: Any, axes: int) -> None:
    if value.ndim != axes:
        raise InvalidVector(f"the array has {value.ndim} axes, and a {'matrix' if axes == 2 else 'vector'} has {axes}")
    if isinstance(value, numpy.ma.MaskedArray) and numpy.ma.is_masked(value):
        raise InvalidVector("the array is masked: it has missing components")
    if value.dtype.kind == "O":
        return
    if value.dtype.kind not in _REAL and "float" not in value.dtype.name:  # bfloat16 of ml_dtypes has kind V
        raise InvalidVector(f"the array has dtype {value.dtype}; convert it to float32 with .astype('float32')")


def _as_bytes(numpy: Any, value: Any) -> memoryview:
    if value.dtype.kind == "O":
        packed = bytearray()
        for row in value if value.ndim == 2 else [value]:
            packed += _of_numbers(row.tolist())
        return memoryview(packed)
    with numpy.errstate(over="ignore", invalid="ignore"):
        floats = numpy.ascontiguousarray(value, dtype="<f4")
    return memoryview(floats.reshape(-1).view(numpy.uint8))


def _floats(packed: bytes | memoryview) -> Any:
    """Return packed components as numbers."""
    if sys.byteorder == "little":
        return memoryview(packed).cast("f")
    numbers = array("f", bytes(packed))
    numbers.byteswap()
    return numbers


def _is_finite(packed: bytes | memoryview) -> bool:
    if not len(packed):
        return True
    numpy = sys.modules.get("numpy") if len(packed) > 4_096 else None
    if numpy is not None:
        floats = numpy.frombuffer(packed, "<f4")
        with numpy.errstate(all="ignore"):
            # A finite sum of squares takes a third of the time; it may also be infinite for large components.
            return bool(numpy.isfinite(numpy.dot(floats, floats)) or numpy.isfinite(floats).all())
    return math.isfinite(sum(_floats(packed)))  # a sum of float32 does not overflow float64


def _not_finite(packed: bytes | memoryview) -> str:
    place, value = next((place, value) for place, value in enumerate(_floats(packed)) if not math.isfinite(value))
    return f"component {place} is {'NaN' if math.isnan(value) else 'infinite, or too large for float32'}"
