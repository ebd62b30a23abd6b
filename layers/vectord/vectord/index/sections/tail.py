"""The tail: rows added since the graph was built, one section a commit; they are scanned, not indexed."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.sections.base import Fetch, Section
from vectord.lhv1.params import Params

if TYPE_CHECKING:
    from vectord.index.columns.model import Gathered


class Tail(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Rows `first` and on of an index.

    `ids` names all of them in row order, those that are removed too; `row_of` holds the others' rows; `pieces` are the
    sections written, `fresh` the rows of this change, which are in none yet; `metadata` is by id, of live rows.
    """

    first: int
    params: Params
    ids: tuple[str, ...] = ()
    row_of: Mapping[str, int] = msgspec.field(default_factory=dict)
    metadata: Mapping[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    pieces: Sequence[Section] = ()
    fresh: F32 | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def vectors(self, fetch: Fetch) -> F32:
        """Return the vectors of all its rows, float32 (rows, dimension).

        Raises:
            BlobCorrupt: a component is not finite.
        """
        fetch(*((piece, None) for piece in self.pieces))
        return self._vectors

    @property
    def texts(self) -> Sequence[msgspec.Raw | None]:
        """The metadata of all its rows; that of removed ones may be another's."""
        return [self.metadata.get(vector_id) for vector_id in self.ids]

    @cached_property
    def columns(self) -> "Gathered":
        """The columns of `texts`."""
        from vectord.index.columns.collect import gathered  # noqa: PLC0415  a search without a filter needs none

        return gathered(self.texts)

    @cached_property
    def scale(self) -> exact_scan.Scale:
        """The measure of its vectors, which must be here."""
        return exact_scan.scale(self._vectors, self.params.distance)

    @cached_property
    def _vectors(self) -> F32:
        parts = [piece.buffer.view("<f4").reshape(-1, self.params.dimension) for piece in self.pieces]
        if self.fresh is not None:
            parts.append(self.fresh)
        vectors: F32 = np.concatenate(parts) if parts else np.empty((0, self.params.dimension), np.float32)
        if not np.isfinite(vectors).all():
            raise BlobCorrupt("a vector of its tail is not finite")
        return vectors
