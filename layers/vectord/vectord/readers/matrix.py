"""A batch in columns: ids, one matrix of vectors, and metadata, without an object for each row."""

from collections.abc import Mapping, Sequence
from typing import overload

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BadItem
from vectord.readers.entry import Entry, NewVector

_NO_BAD_ITEMS: Mapping[int, BadItem] = {}


class EntryMatrix(Sequence[Entry]):
    """Entries in columns: `ids`, `vectors`, float32 (rows, dimension), and `metadata`, checked JSON texts or None.

    `bad` has, by their rows, the reasons for which rows could not be decoded.
    """

    def __init__(
        self,
        ids: Sequence[str],
        vectors: npt.NDArray[np.float32],
        metadata: Sequence[msgspec.Raw | None] | None = None,
        bad: Mapping[int, BadItem] = _NO_BAD_ITEMS,
    ) -> None:
        """Keep the columns, which have one length.

        Raises:
            ValueError: their lengths differ, or `vectors` is not a matrix of float32.
        """
        if vectors.ndim != 2 or vectors.dtype != np.float32:
            raise ValueError(f"vectors must be float32 (rows, dimension), not {vectors.dtype} {vectors.shape}")
        if len(ids) != len(vectors) or (metadata is not None and len(metadata) != len(ids)):
            raise ValueError("ids, vectors and metadata must have the same length")
        self.ids, self.vectors, self.metadata, self.bad = ids, vectors, metadata, bad

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Entry]: ...
    def __getitem__(self, at: int | slice) -> Entry | Sequence[Entry]:
        """Return the entry of a row, or the entries of some rows."""
        if isinstance(at, slice):
            return [self._entry(row) for row in range(len(self))[at]]
        return self._entry(range(len(self))[at])

    def _entry(self, row: int) -> Entry:
        if row in self.bad:
            return self.bad[row]
        return NewVector(self.ids[row], self.vectors[row], self.metadata[row] if self.metadata else None, row)
