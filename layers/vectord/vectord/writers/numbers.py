"""float32 to the fewest decimal digits that read as the same float32, many at a time.

A number of JSON is written from float64. So each float32 is replaced by that float64 whose own shortest text is the
short decimal: an integer of up to 9 digits over a power of ten, both exact, so that IEEE division rounds right.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32, F64

_DIGITS: Final = (6, 7, 8, 9)  # any decimal of 6 survives float32, and 9 tell any two float32 apart
_EXACT: Final = 22  # 10**22 is the largest power of ten that float64 holds
_POWERS: Final = 10.0 ** np.arange(_EXACT + 1)


def shortest(vectors: F32) -> F64:
    """Return float64 of the same shape that read as `vectors` once narrowed, and whose texts are as short as can be."""
    flat = vectors.reshape(-1)
    wide = flat.astype(np.float64)
    with np.errstate(divide="ignore"):
        exponents = np.floor(np.log10(np.abs(wide)))
    inside = (exponents >= _DIGITS[-1] - 1 - _EXACT) & (exponents <= _DIGITS[0] - 1 + _EXACT)
    left = np.flatnonzero(inside)
    for digits in _DIGITS:
        left = _shortened(flat, wide, exponents, left, digits)
    for place in np.concatenate([np.flatnonzero(~inside & (flat != 0)), left]).tolist():
        short = float(str(flat[place]))
        if np.float32(short) == flat[place]:
            wide[place] = short
    return wide.reshape(vectors.shape)


def _shortened(
    flat: F32, wide: F64, exponents: F64, places: npt.NDArray[np.int64], digits: int
) -> npt.NDArray[np.int64]:
    """Write those of `places` that `digits` can tell into `wide`, and return the others."""
    exact, shift = flat[places].astype(np.float64), (digits - 1 - exponents[places]).astype(np.int64)
    power, down = _POWERS[np.abs(shift)], shift < 0
    scaled = np.rint(np.where(down, exact / power, exact * power))
    short = np.where(down, scaled * power, scaled / power)
    same = short.astype(np.float32) == flat[places]
    wide[places[same]] = short[same]
    others: npt.NDArray[np.int64] = places[~same]
    return others
