"""Rows that are all in memory: what an index is built from, and what it holds when it is laid open."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels.distance import F32


class Item(msgspec.Struct, frozen=True):
    """One vector to add: float32 (dimension,), and its metadata as JSON text, None to leave what is stored alone."""

    id: str
    vector: F32
    metadata: msgspec.Raw | None = None


class Rows(msgspec.Struct, frozen=True, dict=True):
    """ids in row order, vectors float32 (rows, dimension), metadata by id as JSON text."""

    ids: Sequence[str]
    vectors: F32
    metadata: Mapping[str, msgspec.Raw]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        return {vector_id: row for row, vector_id in enumerate(self.ids)}

    def ordered(self, order: npt.NDArray[np.int64]) -> "Rows":
        """Return the rows in another order."""
        return Rows([self.ids[row] for row in order.tolist()], self.vectors[order], self.metadata)


def no_rows(dimension: int) -> Rows:
    return Rows((), np.empty((0, dimension), np.float32), {})
