"""Sets of rows: vectors to add, all rows of an index in memory, and masks that select rows of an index."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One vector to add: float32 (dimension,), and its metadata as JSON text, None to keep the stored metadata."""

    id: str
    vector: F32
    metadata: msgspec.Raw | None = None


class Rows(msgspec.Struct, frozen=True, dict=True):
    """Rows in memory: ids in row order, vectors float32 (rows, dimension), metadata by id as JSON text."""

    ids: Sequence[str]
    vectors: F32
    metadata: Mapping[str, msgspec.Raw]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        return {vector_id: row for row, vector_id in enumerate(self.ids)}


class RowMask(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows of an index that may be in an answer: True in `base`, bool (base rows,), and `tail`, bool (tail rows,).

    `filtered` is True if the mask is the result of a metadata filter.
    """

    base: Mask
    tail: Mask
    filtered: bool = False

    @cached_property
    def base_count(self) -> int:
        return int(np.count_nonzero(self.base))

    @cached_property
    def tail_count(self) -> int:
        return int(np.count_nonzero(self.tail))

    @cached_property
    def count(self) -> int:
        return self.base_count + self.tail_count

    @cached_property
    def base_rows(self) -> Array:
        """The rows of the base that may be in an answer, ascending."""
        return np.flatnonzero(self.base)

    @cached_property
    def hidden_base(self) -> Array:
        """The rows of the base that may not be in an answer, ascending."""
        return np.flatnonzero(~self.base)

    @cached_property
    def hidden_in_base(self) -> Mask | None:
        """Which rows of the base may not be in an answer, bool (base rows,); None if all of them may be."""
        return None if self.base_count == len(self.base) else ~self.base

    @cached_property
    def hidden_tail(self) -> Array:
        """The rows of the tail that may not be in an answer, ascending, numbered from the first row of the tail."""
        return np.flatnonzero(~self.tail)

    @property
    def rows(self) -> Array:
        """All rows that may be in an answer, ascending; those of the tail are numbered after the base's."""
        return np.concatenate([self.base_rows, np.flatnonzero(self.tail) + len(self.base)])

    def without(self, rows: Iterable[int]) -> "RowMask":
        """Return the mask without some rows of the index."""
        base, tail = self.base.copy(), self.tail.copy()
        hidden = np.fromiter(rows, np.int64)
        base[hidden[hidden < len(base)]] = False
        tail[hidden[hidden >= len(base)] - len(base)] = False
        return RowMask(base, tail, self.filtered)
