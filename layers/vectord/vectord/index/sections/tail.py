"""The tail: rows added since the last build, one section per commit. A search scans them."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.sections.base import Fetch, Section
from vectord.lhv1.params import Params


class Tail(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows of an index from row `first` on.

    `ids` lists all of them in row order, including removed ones; `row_of` maps the live ids to their rows in the index;
    `metadata` is that of live rows. `pieces` are the written sections, `fresh` the rows of the present change, which
    are not in a section yet.
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
        """Fetch and return the vectors of all its rows, float32 (rows, dimension).

        Raises:
            BlobCorrupt: a component is not finite.
        """
        missing = [piece for piece in self.pieces if not piece.whole]
        if missing:
            fetch(*((piece, None) for piece in missing))
        return self._vectors

    @property
    def texts(self) -> Sequence[msgspec.Raw | None]:
        """The metadata of each row; for a removed row whose id was added again, that of the new row."""
        return [self.metadata.get(vector_id) for vector_id in self.ids]

    @cached_property
    def norms(self) -> RowNorms:
        """The norms of its vectors, which must have been fetched."""
        return exact_scan.measure_norms(self._vectors, self.params.distance)

    @cached_property
    def _vectors(self) -> F32:
        parts = [piece.buffer.view("<f4").reshape(-1, self.params.dimension) for piece in self.pieces]
        if self.fresh is not None:
            parts.append(self.fresh)
        vectors: F32 = np.concatenate(parts) if parts else np.empty((0, self.params.dimension), np.float32)
        if not np.isfinite(vectors).all():
            raise BlobCorrupt("a vector of its tail is not finite")
        return vectors
