"""The section `sketch`: one bit per dimension, with which a search finds candidates without reading the vectors.

offset  size       field
0       4          n, the rows, uint32
4       4          p, the planes: dimension / 64 rounded up, uint32
8       4 * d      the mean of the rows (unit rows under cosine), float32
..                 zeros up to a multiple of 8
..      8 * p * n  planes: p runs of n uint64, little-endian; bit b of plane j is component 64 * j + b of the rotated
                   difference from the mean, 1 where it is positive
"""

import struct
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels import codes
from vectord.index.kernels.distance import F32
from vectord.index.sections.base import Section
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_HEAD: Final = struct.Struct("<II")
_SURVIVORS: Final = 32  # the first planes select one row in this many
_SAMPLE: Final = 4_096  # values in the sample from which a limit is estimated
_PLANES_IN_UINT8: Final = 4  # uint8 takes a third of the time of uint16
# 4 planes have 256 bits, but 255 marks a hidden row and 256 wraps to 0. So 255 and 256 count as 254.
_MOST_IN_UINT8: Final = 254


class Sketch(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The sketch of `rows` rows; `section` must be whole before a search uses it."""

    section: Section
    rows: int
    dimension: int
    distance: Distance

    def candidates(self, query: F32, count: int, hidden: Array) -> Array:
        """Return about `count` rows whose bits differ least from those of `query`, least different first.

        At least `count` rows are returned, unless fewer are visible; none of them is in `hidden`. The first planes rank
        all rows; the remaining planes rank only the best of them.

        Raises:
            BlobCorrupt: the section is not a sketch of these rows.
        """
        mean, planes = self._checked
        word = codes.rotated_query(query, mean, self.distance).words
        # If few of the rows are requested, two thirds of the planes select them as well as all planes do.
        first = -(-len(planes) * 2 // 3) if len(planes) > 2 and self.rows > _SURVIVORS * count else 0
        differing = _hamming_distances(planes[: first or None], word)
        if len(hidden):
            differing[hidden] = _hidden_value(differing)
        if not first:
            return _smallest(differing, count)
        survivors = _about_smallest(differing, max(2 * count, self.rows // _SURVIVORS))
        total: Counts = differing[survivors].astype(np.uint16)
        for plane, bits in zip(planes[first:], word[first:], strict=True):
            total += np.bitwise_count(plane.take(survivors) ^ bits)
        return survivors[_smallest(total, count)]

    @cached_property
    def _checked(self) -> tuple[F32, U64]:
        """The mean, float32 (dimension,), and the planes, uint64 (planes, rows), as views of the whole section."""
        planes, buffer = -(-self.dimension // 64), self.section.buffer
        offset = _planes_offset(self.dimension)
        if self.section.size == offset + 8 * planes * self.rows and _HEAD.unpack_from(buffer) == (self.rows, planes):
            mean: F32 = np.ndarray((self.dimension,), "<f4", buffer, _HEAD.size)
            if np.isfinite(mean).all():
                return mean, np.ndarray((planes, self.rows), "<u8", buffer, offset)
        raise BlobCorrupt(f"its sketch is not one of {self.rows:,} rows of this dimension")


def _planes_offset(dimension: int) -> int:
    return -(-(_HEAD.size + 4 * dimension) // 8) * 8


def _hamming_distances(planes: U64, word: U64) -> Counts:
    """Return for each row the number of bits in which `planes` differ from the first words of `word`.

    The counts are uint8, and at most 254, for up to 4 planes; uint16 for more.
    """
    count = planes.shape[1]
    mixed, bits = np.empty(count, np.uint64), np.empty(count, np.uint8)
    total: Counts = np.zeros(count, np.uint8) if len(planes) <= _PLANES_IN_UINT8 else np.zeros(count, np.uint16)
    for number, (plane, bits_of_plane) in enumerate(zip(planes, word, strict=False)):
        np.bitwise_xor(plane, bits_of_plane, out=mixed)
        np.bitwise_count(mixed, out=bits)
        if number == _PLANES_IN_UINT8 - 1 and total.dtype == np.uint8:
            np.minimum(bits, _MOST_IN_UINT8 - total, out=bits)
        total += bits
    return total


def _hidden_value(values: Counts) -> int:
    """Return the value that marks a hidden row: more than any number of bits that can differ."""
    return _MOST_IN_UINT8 + 1 if values.dtype == np.uint8 else 8_191


def _about_smallest(values: Counts, count: int) -> Array:
    """Return the positions of the `count` smallest values, or of some more, estimated from a sample; no hidden row."""
    step = max(1, len(values) // _SAMPLE)
    positions = np.flatnonzero(values <= _limit(values[::step], count // step + 2))
    if len(positions) >= count or step == 1:
        return positions
    # The sample gave too few rows. A histogram of all values takes ten times as long.
    return np.flatnonzero(values <= _limit(values, count))


def _smallest(values: Counts, count: int) -> Array:
    """Return the positions of the `count` smallest values and of some that tie with the last, in ascending order."""
    positions = _about_smallest(values, count)
    selected_values = values[positions]
    kept = selected_values <= _limit(selected_values, count)
    positions, selected_values = positions[kept], selected_values[kept]
    return positions[np.argsort(selected_values, kind="stable")[: 4 * count]]


def _limit(values: Counts, count: int) -> int:
    """Return the smallest value that at least `count` values do not exceed, at most the largest of a visible row."""
    cumulative = np.cumsum(np.bincount(values))
    return min(int(np.searchsorted(cumulative, count)), _hidden_value(values) - 1)
