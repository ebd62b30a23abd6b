"""The partitions of an index: groups of near rows, with which a search reads only a part of the rows."""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.build.partitioning.kmeans import centroids_of, grouped
from vectord.index.build.partitioning.spill import NO_PARTITION, Assigner
from vectord.index.kernels.distance import F32
from vectord.index.sections.parts_writer import Partitioning
from vectord.lhv1.params import Distance
from vectord.parallel import in_two_threads

Array = npt.NDArray[np.int64]

_ROWS_PER_PARTITION: Final = 64
_ROWS: Final = 99_000  # up to this number of rows, partitions have 64 rows
_GROWTH: Final = 0.6  # above it, the rows of a partition grow with this power: 128 at 300,000, 256 at a million
_SAMPLE_PER_PARTITION: Final = 32  # rows
_MIN_SPILL_DIMENSION: Final = 32  # below it, a second partition saves nothing
_PAGE: Final = 4  # a partition of more than this many times the usual entries is cut into pages with its centroid
_BLOCK: Final = 4_096  # rows that a thread assigns at a time
_SEED: Final = 17


def partition(vectors: F32, distance: Distance, *, rows_per_partition: int | None = None) -> Partitioning:
    """Divide `vectors` (n, dimension), n >= 1, whose norms float32 can square, into partitions of near rows.

    Equal vectors in equal order give equal partitions. Besides the result, the memory is that of a sample of half of
    the rows at most, of the centroids, and of the products of the centroids with each other.
    """
    rows = len(vectors)
    size = rows_per_partition or round(_ROWS_PER_PARTITION * max(1.0, rows / _ROWS) ** _GROWTH)
    rng = np.random.default_rng(_SEED)
    count = max(1, rows // size)
    chosen = np.sort(rng.choice(rows, min(rows, _SAMPLE_PER_PARTITION * count), replace=False))
    sample = _unit_rows(vectors[chosen], distance)
    mean = sample.mean(axis=0)
    sample -= mean
    centroids = centroids_of(sample, count, rng)
    del sample
    first, second = _assigned(vectors, centroids, mean, distance)
    centroids += mean
    return _numbered(centroids, first, second, _PAGE * 2 * size)


def _unit_rows(vectors: F32, distance: Distance) -> F32:
    """Return a copy of the rows, scaled to length 1 under cosine."""
    if distance == "euclidean":
        return vectors.astype(np.float32)
    scaled: F32 = vectors / np.sqrt(np.vecdot(vectors, vectors))[:, None]
    return scaled


def _assigned(vectors: F32, centroids: F32, mean: F32, distance: Distance) -> tuple[Array, Array]:
    """Return the first and the second partition of each row; -1 for a row without a second one."""
    assigner = Assigner(centroids, spill=vectors.shape[1] >= _MIN_SPILL_DIMENSION)
    first, second = np.empty(len(vectors), np.int64), np.empty(len(vectors), np.int64)

    def assign(start: int) -> None:
        block = slice(start, start + _BLOCK)
        first[block], second[block] = assigner.assign(_unit_rows(vectors[block], distance) - mean)

    in_two_threads(assign, range(0, len(vectors), _BLOCK))
    return first, second


def _numbered(centroids: F32, first: Array, second: Array, page: int) -> Partitioning:
    """Number the rows by primary partition; drop empty partitions, and cut those with more than `page` entries."""
    count = len(centroids)
    order, primary_starts = grouped(first, count)
    second = second[order]
    spilled = np.flatnonzero(second != NO_PARTITION)  # new rows, ascending
    spill_order, spill_starts = grouped(second[spilled], count)
    pages = _pages(-(-(np.diff(primary_starts) + np.diff(spill_starts)) // page))
    first_rows, first_spilled = pages.starts(primary_starts), pages.starts(spill_starts)
    first_entries = first_rows + first_spilled
    entry_rows = np.empty(first_entries[-1], np.int64)
    entry_rows[_shifted(first_rows, first_spilled[:-1])] = np.arange(len(order))
    entry_rows[_shifted(first_spilled, first_rows[1:])] = spilled[spill_order]
    return Partitioning(centroids[pages.partition], order, first_rows, entry_rows, first_entries)


class _Pages(msgspec.Struct, frozen=True):
    """For each page its partition, its place among the pages of that partition, and their number."""

    partition: Array
    place: Array
    count: Array

    def starts(self, of_partitions: Array) -> Array:
        """Return where each page starts, and the end of the last; partitions are cut evenly."""
        sizes = np.diff(of_partitions)[self.partition]
        starts = of_partitions[self.partition] + sizes * self.place // self.count
        return np.append(starts, of_partitions[-1])


def _pages(counts: Array) -> _Pages:
    """Return the pages of partitions that have `counts` pages each."""
    partition = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(partition)) - np.repeat(np.cumsum(counts) - counts, counts)
    return _Pages(partition, place, counts[partition])


def _shifted(starts: Array, offsets: Array) -> Array:
    """Return the numbers from 0 to the last of `starts`, each plus the offset of the page in which it is."""
    return np.arange(starts[-1]) + np.repeat(offsets, np.diff(starts))
