"""Parse the header of a `.npy` file strictly, so that a damaged or hostile one fails in known ways.

numpy's own parser tokenizes and evaluates what it cannot read, and raises whatever that raises. Here a header must
consist of the tokens that numpy writes before it is evaluated: without operators, which can be nested until the stack
of Python's parser overflows. Only plain types become a dtype. Format: NEP 1.
"""

import ast
import re
from collections.abc import Collection
from typing import Any, Final

import msgspec
import numpy as np

from vectord.errors import FileRefused

_MAGIC: Final = b"\x93NUMPY"
_LENGTH_BYTES: Final = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}  # by version
_MAX_HEADER: Final = 10_000  # bytes; numpy's own limit
_MAX_ITEM: Final = (1 << 31) - 1  # bytes; numpy's limit
_MAX_AXES: Final = 32  # numpy allows 64, of an array and a field together
_MAX_LENGTH: Final = (1 << 63) - 1  # of an axis; numpy's limit
_TOKENS: Final = re.compile(r"(?:'[^'\\]*'|\"[^\"\\]*\"|[0-9]++L?|True|False|[(),:{}\[\] \n])*+")
_LONG: Final = re.compile(r"(?<=[0-9])L(?=[,)])")  # Python 2 wrote integers such as 3L
_TYPE: Final = re.compile(r"([<>|=]?)([a-zA-Z?])([0-9]{0,9})(\[.*\])?")
_SIZES: Final = {"f": (2, 4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8)}  # "f16" differs between processors
_MALFORMED: Final = "its header is not one that numpy writes"

# The documentation of `ast.literal_eval` lists these.
_EVALUATION_ERRORS: Final = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


class ArrayHeader(msgspec.Struct, frozen=True):
    """The shape, order and dtype of an array, and the position of its first byte in the file."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: "np.dtype[Any]"
    start: int


def parse_header(data: bytes, fields: Collection[str]) -> ArrayHeader:
    """Return the header at the start of `data`; a structured array may have the named `fields`.

    Raises:
        FileRefused: it is damaged, or has a type that is not text or numbers, or has other fields.
    """
    width = _LENGTH_BYTES.get(data[6:8])
    if data[:6] != _MAGIC or width is None:
        raise FileRefused("it is not a numpy file of version 1, 2 or 3")
    start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    if start > len(data):
        raise FileRefused("it is truncated")
    if start > _MAX_HEADER:
        raise FileRefused(f"its header has more than {_MAX_HEADER:,} bytes")
    described = _evaluated(data[8 + width : start].decode("latin-1"))
    if not isinstance(described, dict) or described.keys() != {"descr", "fortran_order", "shape"}:
        raise FileRefused(_MALFORMED)
    fortran = described["fortran_order"]
    if type(fortran) is not bool:
        raise FileRefused(_MALFORMED)
    return ArrayHeader(_shape(described["shape"]), fortran, _dtype(described["descr"], fields), start)


def _evaluated(text: str) -> Any:
    if not _TOKENS.fullmatch(text):
        raise FileRefused(_MALFORMED)
    try:
        return ast.literal_eval(_LONG.sub("", text.strip()))
    except _EVALUATION_ERRORS as error:
        raise FileRefused(_MALFORMED) from error


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or any(type(length) is not int or length < 0 for length in value):
        raise FileRefused(_MALFORMED)
    if len(value) > _MAX_AXES or any(length > _MAX_LENGTH for length in value):
        raise FileRefused("its header describes an array that numpy cannot have")
    return value


def _dtype(described: Any, fields: Collection[str]) -> "np.dtype[Any]":
    if isinstance(described, str):
        return _plain_dtype(described, "")
    if not isinstance(described, list):
        raise FileRefused(_MALFORMED)
    names: list[str] = []
    formats: list[tuple[np.dtype[Any], tuple[int, ...]]] = []
    offsets: list[int] = []
    end = 0
    for field in described:
        name, kind, shape = _field(field)
        if name == "":  # padding that aligns the next field
            end += _padding(kind)
            continue
        if name not in fields or name in names:
            raise FileRefused(f"it may have the fields {', '.join(fields)}, each once, and has {name!r}")
        if 0 in shape:
            raise FileRefused(f"field {name!r} of its array is empty")
        dtype = _plain_dtype(kind, f"field {name!r} of ")
        names.append(name)
        formats.append((dtype, shape))
        offsets.append(end)
        end += dtype.itemsize * _product(shape)
        if end > _MAX_ITEM:
            raise FileRefused("its header describes rows of more than 2 GB")
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})


def _field(field: Any) -> tuple[str, Any, tuple[int, ...]]:
    """Return name, type and shape of a field."""
    if not isinstance(field, tuple) or len(field) not in {2, 3} or not isinstance(field[0], str):
        raise FileRefused(_MALFORMED)
    return field[0], field[1], _shape(field[2]) if len(field) == 3 else ()


def _padding(kind: Any) -> int:
    match = _TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if match is None or match[2] != "V" or not match[3]:
        raise FileRefused(_MALFORMED)
    return int(match[3])


def _plain_dtype(kind: Any, where: str) -> "np.dtype[Any]":
    """Return the dtype of text or numbers that `kind` names, such as `<f4`."""
    match = _TYPE.fullmatch(kind) if isinstance(kind, str) else None
    if match is None:
        raise FileRefused(f"{where}its array has fields of fields" if isinstance(kind, list) else _MALFORMED)
    code, size = match[2], int(match[3] or 0)
    if code == "O":
        raise FileRefused(f"{where}its array has Python objects, which are never loaded; save text and numbers")
    is_text = code in "SU" and 0 < size <= _MAX_ITEM // 4
    if match[4] or not (is_text or size in _SIZES.get(code, ())):
        raise FileRefused(f"{where}its array has the type {kind!r}; it must have text or real numbers of up to 64 bits")
    return np.dtype(match[1] + code + str(size))


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product
