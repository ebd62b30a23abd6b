"""The head of the section `parts`: where its fields are, its checks, and the centroids; docs/lhv1.md has its bytes."""

from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels import compiled
from vectord.index.kernels.distance import F32
from vectord.index.kernels.hadamard import rotate
from vectord.index.kernels.ranking import Array, Mask, largest
from vectord.index.sections.base import Bytes, crc32_without
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_layout import COUNTS, PartsLayout, signs

U32 = npt.NDArray[np.uint32]

CRC32_FIELD: Final = slice(12, 16)
MAX_NORM: Final = 2.0**30  # of a row, so that float32 products of two norms stay in range
TOP_LEVEL: Final = 15  # a component of a centroid is a level from 0 to this one, in 4 bits
ROUNDING: Final = 1.001  # by how much rounding to float32 or float16 may exceed a bound, and some more

_LEAST_SQUARE: Final = np.float32(1e-12)  # of the length of a unit row's centroid; below it every order is right
# The two levels of each byte: the first is in its low half.
_LEVEL_PAIRS: Final = np.stack([np.arange(256) & TOP_LEVEL, np.arange(256) >> 4], axis=1)


class PartsHead(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A checked head, in memory of its own.

    `mean` (dimension,) and the norms are those of unit rows under cosine. `scales` and `norms` (partitions,) are those
    of the centroids' residuals, and `levels` (partitions, bytes) their components.
    """

    largest_norm: float
    mean: F32
    first_rows: U32
    first_entries: U32
    checksums: U32
    scales: F32
    norms: F32
    levels: Bytes

    @cached_property
    def components(self) -> F32:
        """The residuals of the centroids without their scales, float32 (partitions, dimension)."""
        values = (np.arange(TOP_LEVEL + 1, dtype=np.float32) - np.float32(TOP_LEVEL / 2))[_LEVEL_PAIRS]
        # Two float32 are looked up as one number of 8 bytes, which takes a tenth of the time.
        pairs = np.ascontiguousarray(values).view(np.float64).reshape(-1).take(self.levels)
        components: F32 = pairs.view(np.float32).reshape(len(self.levels), -1)[:, : len(self.mean)]
        return components

    @property
    def residuals(self) -> F32:
        """The residuals of the centroids, float32 (partitions, dimension)."""
        residuals: F32 = self.components * self.scales[:, None]
        return residuals

    def rank(self, residual: F32, distance: Distance, count: int, allowed: Mask | None = None) -> Array:
        """Return the `count` partitions with the largest scores, largest first; only those that are True in `allowed`.

        The compiled kernel is also what a cold start ranks the partitions with, before numpy is imported.
        """
        if compiled.native is None:
            return largest(self.scores(residual, distance), count, allowed)
        ranked, of_rotation = np.empty(count, np.int64), signs(len(self.mean))
        centroids = self.levels, self.scales, self.norms
        found = compiled.native.rank(
            *centroids, self.mean, of_rotation, residual, distance == "cosine", allowed, ranked
        )
        return ranked[:found]

    def scores(self, residual: F32, distance: Distance) -> F32:
        """Return the scores of one query's residual (dimension,), as `ranking` defines them: float32 (partitions,).

        It does not make the matrix of `ranking`, which takes some milliseconds and is worth it for several queries.
        """
        squares = self.norms * self.norms
        if distance == "euclidean":
            scores: F32 = (self.components @ residual) * self.scales - squares / np.float32(2)
            return scores
        mean = self._rotated_mean
        target = residual + mean
        products = (self.components @ target) * self.scales + mean @ target
        squares = squares + 2 * (self.components @ mean) * self.scales + mean @ mean
        by_length: F32 = products / np.sqrt(np.maximum(squares, _LEAST_SQUARE))
        return by_length

    @cached_property
    def _rotated_mean(self) -> F32:
        rotated: F32 = rotate(self.mean[None, :])[0]
        return rotated

    def ranking(self, distance: Distance) -> tuple[F32, F32]:
        """Return a matrix (partitions, dimension) and offsets (partitions,): matrix @ residual + offsets are scores.

        The larger the score of a query's residual, the nearer the partition. Under cosine it is the product of the
        query with the unit centroid; under euclidean it is half of the negative squared distance, up to a constant.
        """
        squares = self.norms * self.norms
        if distance == "euclidean":
            return self.residuals, squares / np.float32(-2)
        residuals, rotated_mean = self.residuals, self._rotated_mean
        squares = squares + 2 * (residuals @ rotated_mean) + rotated_mean @ rotated_mean
        matrix: F32 = (residuals + rotated_mean) / np.sqrt(np.maximum(squares, _LEAST_SQUARE))[:, None]
        return matrix, matrix @ rotated_mean


def read_head(data: Bytes, layout: PartsLayout, rows: int, entries: int) -> PartsHead:
    """Return the head whose bytes `data` starts with, after a check of its checksum and its values.

    Raises:
        BlobCorrupt: it is not the head of a section of `layout` with these counts.
    """
    data, partitions = data[: layout.codes].copy(), layout.partitions
    *counts, crc32, largest_norm = COUNTS.unpack_from(data)
    if crc32 != crc32_without(data, CRC32_FIELD):
        raise BlobCorrupt("the head of its parts does not match its checksum")
    if counts != [rows, partitions, entries]:
        raise BlobCorrupt("the head of its parts does not have the counts of its envelope")
    head = PartsHead(
        largest_norm,
        np.ndarray((layout.dimension,), "<f4", data, layout.mean),
        np.ndarray((partitions + 1,), "<u4", data, layout.first_rows),
        np.ndarray((partitions + 1,), "<u4", data, layout.first_entries),
        np.ndarray((partitions,), "<u4", data, layout.checksums),
        np.ndarray((partitions,), "<f4", data, layout.scales),
        np.ndarray((partitions,), "<f4", data, layout.norms),
        np.ndarray((partitions, layout.level_bytes), np.uint8, data, layout.levels),
    )
    _check_directory(head, rows, entries)
    _check_numbers(head)
    return head


def _check_directory(head: PartsHead, rows: int, entries: int) -> None:
    for first, count in ((head.first_rows, rows), (head.first_entries, entries)):
        if first[0] or first[-1] != count or (first[1:] < first[:-1]).any():
            raise BlobCorrupt("the directory of its parts does not ascend to the counts of its envelope")
    if (np.diff(head.first_entries.astype(np.int64)) < np.diff(head.first_rows.astype(np.int64))).any():
        raise BlobCorrupt("a partition of its parts has fewer entries than rows")


def _check_numbers(head: PartsHead) -> None:
    limit = 2 * MAX_NORM * ROUNDING
    positive = (np.float32(head.largest_norm), head.scales, head.norms)
    # `all` of a comparison is also False for NaN.
    if not all(((values >= 0) & (values <= limit)).all() for values in positive):
        raise BlobCorrupt("a norm or a scale in the head of its parts is out of range")
    if not np.abs(head.mean).max() <= MAX_NORM * ROUNDING:
        raise BlobCorrupt("the mean of its parts is out of range")
