"""Number the rows and the entries of partitions; cut large partitions into pages."""

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.build.partitioning.kmeans import grouped
from vectord.index.build.partitioning.spill import NO_PARTITION
from vectord.index.kernels.distance import F32
from vectord.index.sections.parts_writer import Partitioning

Array = npt.NDArray[np.int64]


def numbered(centroids: F32, order: Array, starts: Array, second: Array, *, page: int) -> Partitioning:
    """Return the partitions without empty ones; those of more than `page` entries are cut into equal pages.

    `order` (n,) has the rows by primary partition, `starts` (k + 1,) where each partition starts in it, and n. `second`
    (n,) has the other partition of each row of `order`; -1 if it has none. A page has the centroid of its partition.
    """
    spilled = np.flatnonzero(second != NO_PARTITION)  # new rows, ascending
    spill_order, spill_starts = grouped(second[spilled], len(centroids))
    pages = _pages(-(-(np.diff(starts) + np.diff(spill_starts)) // page))
    first_rows, first_spilled = pages.starts(starts), pages.starts(spill_starts)
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
