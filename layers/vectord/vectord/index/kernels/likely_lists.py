"""Likely lists: the rows that a search by ranges may want, best first, for several sets of partitions at once."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled
from vectord.index.kernels.codes import U32
from vectord.index.kernels.distance import F64

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Ranked(msgspec.Struct, frozen=True, eq=False):
    """Entries by ascending estimate: the place of the partition, the row, the estimate, and the least likely distance.

    The two entries of a row have the same estimate.
    """

    places: Array
    rows: U32
    values: F64
    least: F64

    def lists(self, read: Mask, ks: Sequence[int], most: int, limit: int) -> list[list[Array]]:
        """Return for each of `ks` and each set of partitions the rows that may be as near as the k-th estimate.

        The sets are the rows of `read`, bool (sets, partitions). Of a set, the first `most` entries are considered. A
        list has up to `limit` rows.
        """
        if compiled.native is None:
            return [[self._list(of_set, k, most, limit) for of_set in read] for k in ks]
        lists, counts = np.empty((len(read) * len(ks), limit), np.int64), np.empty(len(read) * len(ks), np.int64)
        compiled.native.likely_lists(
            read, self.places, self.rows, self.values, self.least, most, np.array(ks, np.int64), lists, counts
        )
        of_sets = [rows[:count] for rows, count in zip(lists, counts.tolist(), strict=True)]
        return [of_sets[which :: len(ks)] for which in range(len(ks))]

    def _list(self, of_set: Mask, k: int, most: int, limit: int) -> Array:
        found = np.flatnonzero(of_set[self.places])[:most]
        found = found[np.diff(self.rows[found].astype(np.int64), prepend=-1) != 0]
        kth = self.values[found[k - 1]] if k <= len(found) else np.inf
        likely: Array = self.rows[found[self.least[found] <= kth][:limit]].astype(np.int64)
        return likely
