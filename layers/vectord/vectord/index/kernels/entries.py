"""Entries of partitions: the fields of each, and how their codes compare with a query."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled
from vectord.index.kernels.codes import I32, U16, U32, U64, hamming_distances_to, sums_of_levels

Array = npt.NDArray[np.int64]
F16 = npt.NDArray[np.float16]


class Partition(msgspec.Struct, frozen=True, eq=False):
    """The entries of a partition: planes (words, n), and norms, factors and rows (n,)."""

    planes: U64
    norms: F16
    factors: F16
    rows: U32


class Compared(msgspec.Struct, frozen=True, eq=False):
    """Row, norm and factor of each entry, in how many bits its code differs, and its sum of levels; all (n,)."""

    rows: U32
    norms: F16
    factors: F16
    differing: U16
    sums: I32


def compared(partitions: Sequence[Partition], code: U64, levels: U64 | None = None) -> Compared:
    """Return the entries of `partitions`, at least one, compared with a code and, if given, with levels.

    `code` is uint64 (words,), `levels` (bits, words). Without levels there are no sums.
    """
    planes = np.concatenate([each.planes for each in partitions], axis=1)
    sums = np.empty(0, np.int32) if levels is None else sums_of_levels(planes, levels)
    return Compared(
        np.concatenate([each.rows for each in partitions]),
        np.concatenate([each.norms for each in partitions]),
        np.concatenate([each.factors for each in partitions]),
        hamming_distances_to(planes, code),
        sums,
    )


class Places(msgspec.Struct, frozen=True, eq=False):
    """Partitions in a section: where the codes of each start, and the first entry of each; both (partitions + 1,)."""

    section: npt.NDArray[np.uint8]
    starts: Array
    first_entries: Array

    def compared(self, partitions: Array, code: U64, levels: U64 | None = None) -> Compared:
        """Return what `compared` returns for the numbers of partitions; there is a compiled kernel."""
        assert compiled.native is not None
        count = int((self.first_entries[partitions + 1] - self.first_entries[partitions]).sum())
        found = Compared(
            np.empty(count, np.uint32),
            np.empty(count, np.float16),
            np.empty(count, np.float16),
            np.empty(count, np.uint16),
            np.empty(0 if levels is None else count, np.int32),
        )
        outputs = found.rows, found.norms, found.factors, found.differing, found.sums
        compiled.native.compare(self.section, self.starts, self.first_entries, partitions, code, levels, *outputs)
        return found
