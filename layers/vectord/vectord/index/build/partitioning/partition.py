"""The partitions of an index: groups of near rows, with which a search reads only a part of the rows."""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.build.partitioning.kmeans import centroids_of, grouped, means, sample_size
from vectord.index.build.partitioning.numbering import numbered
from vectord.index.build.partitioning.paths import along_paths, short_path
from vectord.index.build.partitioning.projection import Projection, projection_of
from vectord.index.build.partitioning.spill import Assigner
from vectord.index.kernels.distance import F32
from vectord.index.sections.parts_writer import Partitioning
from vectord.lhv1.params import Distance
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]

_ROWS_PER_PARTITION: Final = 64
_ROWS: Final = 99_000  # up to this number of rows, partitions have 64 rows
_GROWTH: Final = 0.3  # above it, the rows of a partition grow with this power: 128 at a million, 256 at ten millions
_MIN_SPILL_DIMENSION: Final = 24  # below it, a second partition saves nothing
_PAGE: Final = 4  # a partition of more than this many times the usual entries is cut into pages with its centroid
_BLOCK: Final = 4_096  # rows that a thread reads at a time
_MEASURED: Final = 8_192  # rows of the sample that give the mean and the projection
_MIN_PROJECTED: Final = 512  # partitions; with fewer, products take less time than the projection
_SEED: Final = 17


class _Rows(msgspec.Struct, frozen=True, eq=False):
    """The rows to divide: of length 1 under cosine, and less the mean of a sample.

    Rows are compared with centroids in the directions of `projection`, if there is one.
    """

    vectors: F32
    distance: Distance
    mean: F32
    projection: Projection | None = None

    def __len__(self) -> int:
        return len(self.vectors)

    def of(self, rows: Array | slice) -> F32:
        """Return a copy of some of the rows, float32 (rows, dimension)."""
        copy: F32 = self.vectors[rows].astype(np.float32)
        if self.distance == "cosine":
            copy /= np.sqrt(np.vecdot(copy, copy))[:, None]
        copy -= self.mean
        return copy

    def projected(self, rows: Array | slice) -> F32:
        """Return a projection of some of the rows, float32 (rows, m)."""
        if self.projection is None:
            return self.of(rows)
        directions = self.projection.directions
        if self.distance == "euclidean":  # the mean may be much longer than what is left without it
            return self.of(rows) @ directions
        some: F32 = self.vectors[rows].astype(np.float32, copy=False)
        projected: F32 = some @ directions
        projected /= np.sqrt(np.vecdot(some, some))[:, None]
        projected -= self.mean @ directions
        return projected

    def restored(self, projected: F32) -> F32:
        """Return the vectors (n, dimension), less the mean, that have a projection and are the shortest."""
        return projected if self.projection is None else projected @ self.projection.directions.T

    @property
    def leading(self) -> int:
        """How many components of a projection order centroids nearly as all do; 0 if there are no such ones."""
        return 0 if self.projection is None else self.projection.leading


def partition(vectors: F32, distance: Distance, *, rows_per_partition: int | None = None) -> Partitioning:
    """Divide `vectors` (n, dimension), n >= 1, whose norms float32 can square, into partitions of near rows.

    Equal vectors in equal order give equal partitions. Besides the result, the memory is that of a sample of at most 48
    rows for each partition, of the centroids, and of the products of the centroids with each other.
    """
    size = rows_per_partition or round(_ROWS_PER_PARTITION * max(1.0, len(vectors) / _ROWS) ** _GROWTH)
    count = max(1, len(vectors) // size)
    chosen = np.random.default_rng(_SEED).choice(len(vectors), min(len(vectors), sample_size(count)), replace=False)
    rows = _measured(vectors, distance, chosen[:_MEASURED], count)
    sample = _sample(rows, chosen)
    centroids = centroids_of(sample, count, rows.leading)
    centroids = centroids[short_path(centroids)]
    first, second = _assigned(rows, centroids, chosen, sample)
    del sample
    order, starts = grouped(first, len(centroids))
    order = along_paths(rows.of, order, starts)
    full = means(rows.of, order, starts, rows.restored(centroids))
    return numbered(full + rows.mean, order, starts, second[order], page=2 * _PAGE * size)


def _measured(vectors: F32, distance: Distance, chosen: Array, count: int) -> _Rows:
    """Return the rows with the mean of those that are `chosen`, and a projection if there are many centroids."""
    some = _Rows(vectors, distance, np.zeros(vectors.shape[1], np.float32)).of(chosen)
    mean = some.mean(axis=0)
    some -= mean
    return _Rows(vectors, distance, mean, projection_of(some) if count >= _MIN_PROJECTED else None)


def _sample(rows: _Rows, chosen: Array) -> F32:
    """Return a projection of the rows that are `chosen`, in their order."""
    sample = np.empty((len(chosen), rows.projected(chosen[:1]).shape[1]), np.float32)

    def fill(start: int) -> None:
        block = slice(start, start + _BLOCK)
        sample[block] = rows.projected(chosen[block])

    in_two_threads(fill, range(0, len(chosen), _BLOCK))
    return sample


def _assigned(rows: _Rows, centroids: F32, chosen: Array, sample: F32) -> tuple[Array, Array]:
    """Return the first and the second partition of each row; -1 for a row without a second one.

    `sample` are the rows that are `chosen`, projected.
    """
    assigner = Assigner(centroids, spill=rows.vectors.shape[1] >= _MIN_SPILL_DIMENSION, leading=rows.leading)
    first, second = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    place_of = np.full(len(rows), -1)
    place_of[chosen] = np.arange(len(chosen))

    def assign(start: int) -> None:
        block = slice(start, start + _BLOCK)
        projected = sample[place_of[block]]
        others = np.flatnonzero(place_of[block] < 0)
        projected[others] = rows.projected(others + start)
        first[block], second[block] = assigner.assign(projected)

    in_two_threads(assign, range(0, len(rows), _BLOCK))
    return first, second
