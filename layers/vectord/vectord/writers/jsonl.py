"""Write rows as lines of JSON, `{"id", "vector", "metadata"?}`, which an upload reads back bit for bit.

A float32 is written with the fewest decimal digits that read as the same float32. A JSON encoder writes float64, so
each float32 is replaced by the float64 whose shortest text is that decimal: an integer of up to 9 digits over a power
of ten. Both are exact in float64, so that IEEE division rounds correctly.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32, F64
from vectord.index.rows import Rows
from vectord.readers.entry import VectorEncoding, encode_base64

_NEWLINES: Final = bytes.maketrans(b"\r\n", b"  ")
_DIGITS: Final = (6, 7, 8, 9)  # float32 keeps any decimal of 6 digits, and 9 digits identify any float32
_MAX_EXACT_POWER: Final = 22  # 10**22 is the largest power of ten that float64 represents exactly
_POWERS: Final = 10.0 ** np.arange(_MAX_EXACT_POWER + 1)


def lines(batches: Iterable[Rows], encoding: VectorEncoding = "array") -> Iterator[bytes]:
    """Yield the lines of each batch as one block of bytes."""
    encode = msgspec.json.Encoder().encode
    for rows in batches:
        yield b"".join(
            b'{"id":%b,"vector":%b%b}\n' % (encode(vector_id), vector, _metadata(rows.metadata.get(vector_id)))
            for vector_id, vector in zip(rows.ids, _vectors(rows.vectors, encoding), strict=True)
        )


def _vectors(vectors: F32, encoding: VectorEncoding) -> Iterator[bytes]:
    """Yield the JSON text of each row of `vectors`."""
    if encoding == "base64":
        return (b'"%b"' % encode_base64(vector) for vector in vectors)
    return map(msgspec.json.Encoder().encode, shortest_decimals(vectors).tolist())


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `chunks` as one gzip file."""
    from isal import isal_zlib  # noqa: PLC0415  installed only in the functions that read and write files

    compressor = isal_zlib.compressobj(level=2, wbits=31)
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()


def shortest_decimals(vectors: F32) -> F64:
    """Return float64 of the same shape, equal to `vectors` as float32, whose shortest texts have the fewest digits."""
    flat = vectors.reshape(-1)
    wide = flat.astype(np.float64)
    with np.errstate(divide="ignore"):
        exponents = np.floor(np.log10(np.abs(wide)))
    in_range = (exponents >= _DIGITS[-1] - 1 - _MAX_EXACT_POWER) & (exponents <= _DIGITS[0] - 1 + _MAX_EXACT_POWER)
    remaining = np.flatnonzero(in_range)
    for digits in _DIGITS:
        remaining = _shorten(flat, wide, exponents, remaining, digits)
    for position in np.concatenate([np.flatnonzero(~in_range & (flat != 0)), remaining]).tolist():
        short = float(str(flat[position]))
        if np.float32(short) == flat[position]:
            wide[position] = short
    return wide.reshape(vectors.shape)


def _shorten(
    flat: F32, wide: F64, exponents: F64, positions: npt.NDArray[np.int64], digits: int
) -> npt.NDArray[np.int64]:
    """Store in `wide` the numbers at `positions` that `digits` digits represent; return the other positions."""
    exact, shift = flat[positions].astype(np.float64), (digits - 1 - exponents[positions]).astype(np.int64)
    power, down = _POWERS[np.abs(shift)], shift < 0
    scaled = np.rint(np.where(down, exact / power, exact * power))
    short = np.where(down, scaled * power, scaled / power)
    same = short.astype(np.float32) == flat[positions]
    wide[positions[same]] = short[same]
    others: npt.NDArray[np.int64] = positions[~same]
    return others


def _metadata(text: msgspec.Raw | None) -> bytes:
    if text is None:
        return b""
    # A newline in JSON text is whitespace; inside a string it is escaped.
    return b',"metadata":' + bytes(text).translate(_NEWLINES)
