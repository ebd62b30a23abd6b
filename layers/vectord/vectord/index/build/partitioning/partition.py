"""The partitions of an index: groups of near rows, with which a search reads only a part of the rows."""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.index.build.partitioning.kmeans import PASSES, centroids_of, grouped
from vectord.index.build.partitioning.numbering import numbered
from vectord.index.build.partitioning.paths import along_paths, short_path
from vectord.index.build.partitioning.spill import Assigner
from vectord.index.kernels.distance import F32
from vectord.index.sections.parts_writer import Partitioning
from vectord.lhv1.params import Distance
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]

_ROWS_PER_PARTITION: Final = 64
_ROWS: Final = 99_000  # up to this number of rows, partitions have 64 rows
_GROWTH: Final = 0.6  # above it, the rows of a partition grow with this power: 128 at 300,000, 256 at a million
_MIN_SPILL_DIMENSION: Final = 24  # below it, a second partition saves nothing
_PAGE: Final = 4  # a partition of more than this many times the usual entries is cut into pages with its centroid
_BLOCK: Final = 4_096  # rows that a thread assigns at a time
_SEED: Final = 17


class _Rows(msgspec.Struct, frozen=True, eq=False):
    """The rows to divide: of length 1 under cosine, and less the mean of a sample."""

    vectors: F32
    distance: Distance
    mean: F32

    def __len__(self) -> int:
        return len(self.vectors)

    def of(self, rows: Array | slice) -> F32:
        """Return a copy of some of the rows, float32 (rows, dimension)."""
        copy: F32 = self.vectors[rows].astype(np.float32)
        if self.distance == "cosine":
            copy /= np.sqrt(np.vecdot(copy, copy))[:, None]
        copy -= self.mean
        return copy


def partition(vectors: F32, distance: Distance, *, rows_per_partition: int | None = None) -> Partitioning:
    """Divide `vectors` (n, dimension), n >= 1, whose norms float32 can square, into partitions of near rows.

    Equal vectors in equal order give equal partitions. Besides the result, the memory is that of a sample of at most 64
    rows for each partition, of the centroids, and of the products of the centroids with each other.
    """
    size = rows_per_partition or round(_ROWS_PER_PARTITION * max(1.0, len(vectors) / _ROWS) ** _GROWTH)
    rows, centroids = _centroids(vectors, distance, max(1, len(vectors) // size))
    first, second = _assigned(rows, centroids)
    order, starts = grouped(first, len(centroids))
    order = along_paths(rows.of, order, starts)
    return numbered(centroids + rows.mean, order, starts, second[order], page=2 * _PAGE * size)


def _centroids(vectors: F32, distance: Distance, count: int) -> tuple[_Rows, F32]:
    """Return the rows less the mean of a sample, and at most `count` centroids of it along a short path."""
    rows = _Rows(vectors, distance, np.zeros(vectors.shape[1], np.float32))
    chosen = np.random.default_rng(_SEED).choice(len(rows), min(len(rows), PASSES[-1] * count), replace=False)
    sample = rows.of(chosen)  # in random order
    mean = sample.mean(axis=0)
    sample -= mean
    centroids = centroids_of(sample, count)
    return structs.replace(rows, mean=mean), centroids[short_path(centroids)]


def _assigned(rows: _Rows, centroids: F32) -> tuple[Array, Array]:
    """Return the first and the second partition of each row; -1 for a row without a second one."""
    assigner = Assigner(centroids, spill=centroids.shape[1] >= _MIN_SPILL_DIMENSION)
    first, second = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)

    def assign(start: int) -> None:
        block = slice(start, start + _BLOCK)
        first[block], second[block] = assigner.assign(rows.of(block))

    in_two_threads(assign, range(0, len(rows), _BLOCK))
    return first, second
