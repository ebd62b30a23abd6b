"""The section `sketch`: one bit a dimension, by which a search finds its candidates without the vectors.

offset  size       field
0       4          n, the rows, uint32
4       4          p, the planes: dimension / 64 rounded up, uint32
8       4 * d      the mean of the rows (unit rows under cosine), float32
..                 zeros up to a multiple of 8
..      8 * p * n  planes: p runs of n uint64, little-endian; bit b of plane j is component 64 * j + b of the rotated
                   difference from the mean, 1 where it is positive
"""

import struct
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels.distance import F32
from vectord.index.kernels.hadamard import rotate
from vectord.index.sections.base import Section
from vectord.lhv1.params import Distance

Array = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_HEAD = struct.Struct("<II")
_BLOCK: Final = 2_048  # rows rotated at a time, so that they stay in the processor's caches
_SHARE: Final = 32  # one row in so many survives the first planes
_SAMPLE: Final = 4_096  # values whose histogram stands for all
_IN_A_BYTE: Final = 4  # planes whose differing bits a byte can count, but for a row opposite in all but one of them


def build(vectors: F32, distance: Distance) -> bytes:
    """Return the sketch of `vectors` (n, dimension), n >= 1."""
    count, dimension = vectors.shape
    planes = -(-dimension // 64)
    mean = _mean(vectors, distance)
    words = np.zeros((planes, count), "<u8")
    for start in range(0, count, _BLOCK):
        bits = np.zeros((min(_BLOCK, count - start), planes * 64), bool)
        bits[:, :dimension] = _rotated(vectors[start : start + _BLOCK], mean, distance) > 0
        words[:, start : start + _BLOCK] = np.packbits(bits, axis=1, bitorder="little").view("<u8").T
    head = _HEAD.pack(count, planes) + mean.tobytes()
    return head.ljust(_planes_at(dimension), b"\0") + words.tobytes()


class Sketch(msgspec.Struct, frozen=True, eq=False):
    """The sketch of `rows` rows; `section` must be here, whole, before anything is asked."""

    section: Section
    rows: int
    dimension: int
    distance: Distance

    @property
    def _mean(self) -> F32:
        return np.ndarray((self.dimension,), "<f4", self.section.buffer, _HEAD.size)

    @property
    def _planes(self) -> U64:
        shape = (-(-self.dimension // 64), self.rows)
        return np.ndarray(shape, "<u8", self.section.buffer, _planes_at(self.dimension))

    def _check(self) -> None:
        """Check what the section says of itself.

        Raises:
            BlobCorrupt: it is no sketch of these rows.
        """
        planes = -(-self.dimension // 64)
        if (
            self.section.size != _planes_at(self.dimension) + 8 * planes * self.rows
            or _HEAD.unpack_from(self.section.buffer) != (self.rows, planes)
            or not np.isfinite(self._mean).all()
        ):
            raise BlobCorrupt(f"its sketch is not one of {self.rows:,} rows of this dimension")

    def nearest(self, query: F32, count: int, gone: Array) -> Array:
        """Return about `count` rows, at least that many if there are, whose bits differ least from those of `query`.

        They come in ascending order of that difference, without those in `gone`. All rows are judged by the first
        planes, the better ones by all.
        """
        self._check()
        planes, word = self._planes, self._word(query)
        # Two planes in three judge as well as all, where so few of the rows are wanted.
        first = -(-len(planes) * 2 // 3) if len(planes) > 2 and self.rows > _SHARE * count else 0
        differing = _differing(planes[: first or None], word)
        if len(gone):
            differing[gone] = _gone(differing)
        if not first:
            return _smallest(differing, count)
        few = _about(differing, max(2 * count, self.rows // _SHARE))
        total: Counts = differing[few].astype(np.uint16)
        for plane, bits in zip(planes[first:], word[first:], strict=True):
            total += np.bitwise_count(plane.take(few) ^ bits)
        return few[_smallest(total, count)]

    def _word(self, query: F32) -> U64:
        bits = np.zeros(64 * len(self._planes), bool)
        bits[: self.dimension] = _rotated(query[None, :], self._mean, self.distance)[0] > 0
        word: U64 = np.packbits(bits, bitorder="little").view("<u8")
        return word


def _planes_at(dimension: int) -> int:
    return -(-(_HEAD.size + 4 * dimension) // 8) * 8


def _mean(vectors: F32, distance: Distance) -> F32:
    total = np.zeros(vectors.shape[1])
    for start in range(0, len(vectors), _BLOCK):
        total += _scaled(vectors[start : start + _BLOCK], distance).sum(axis=0, dtype=np.float64)
    mean: F32 = (total / len(vectors)).astype("<f4")
    return mean


def _scaled(vectors: F32, distance: Distance) -> F32:
    if distance == "euclidean":
        return vectors
    scaled: F32 = vectors / np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return scaled


def _rotated(vectors: F32, mean: F32, distance: Distance) -> F32:
    return rotate(_scaled(vectors, distance) - mean)


def _differing(planes: U64, word: U64) -> Counts:
    """Return for each row how many bits differ from the first of `word`, in a few long vector operations."""
    count = planes.shape[1]
    mixed, bits = np.empty(count, np.uint64), np.empty(count, np.uint8)
    total: Counts = np.zeros(count, np.uint8) if len(planes) <= _IN_A_BYTE else np.zeros(count, np.uint16)
    for plane, bits_of_plane in zip(planes, word, strict=False):
        np.bitwise_xor(plane, bits_of_plane, out=mixed)
        np.bitwise_count(mixed, out=bits)
        total += bits
    return total


def _gone(values: Counts) -> int:
    """Return what stands for a row that is gone: more than any number of bits that can differ."""
    return 255 if values.dtype == np.uint8 else 8_191


def _about(values: Counts, count: int) -> Array:
    """Return the positions of the smallest values, `count` or some more, as a sample tells; none that is gone."""
    step = max(1, len(values) // _SAMPLE)
    found = np.flatnonzero(values <= _limit(values[::step], count // step + 2))
    if len(found) >= count or step == 1:
        return found
    # The sample was unlucky: a histogram of all values takes ten times as long.
    return np.flatnonzero(values <= _limit(values, count))


def _smallest(values: Counts, count: int) -> Array:
    """Return the positions of the `count` smallest values and of some that tie with the last, in ascending order."""
    found = _about(values, count)
    near = values[found]
    kept = near <= _limit(near, count)
    found, near = found[kept], near[kept]
    return found[np.argsort(near, kind="stable")[: 4 * count]]


def _limit(values: Counts, count: int) -> int:
    """Return the least value that `count` values do not exceed; the largest, gone ones aside, if there are fewer."""
    below = np.cumsum(np.bincount(values))
    return min(int(np.searchsorted(below, count)), _gone(values) - 1)
