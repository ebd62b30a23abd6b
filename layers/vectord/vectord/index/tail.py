"""The tail of an index: the rows that were added since the last build."""

from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.rows import Array
from vectord.index.sections import pieces
from vectord.index.sections.base import Fetch, Section, SectionRanges
from vectord.index.sections.piece import Piece
from vectord.lhv1.params import Params

if TYPE_CHECKING:  # an index without texts does not import them
    from vectord.index.sections.text import Text


class Tail(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows that were added since the last build, from row `first` on: `pieces`, and then rows listed in memory.

    `pieces` are the sections `piece`, oldest first, and `texts` the texts of each, or none if there are none. `ids` has
    the ids of the listed rows in order, including removed ones; `metadata` is that of live ones. `sections` have the
    vectors of the first of them, if an earlier vectord wrote them as sections `tail`, and `fresh` those of the others,
    which no commit has written yet.
    """

    first: int
    params: Params
    pieces: tuple[Piece, ...] = ()
    ids: tuple[str, ...] = ()
    metadata: Mapping[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    fresh: F32 | None = None
    texts: "tuple[Text, ...]" = ()

    def __len__(self) -> int:
        return self.starts[-1] + len(self.ids)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first row of each piece, and that of the listed rows, numbered from the tail's first."""
        return tuple(accumulate((piece.rows for piece in self.pieces), initial=0))

    @property
    def needed(self) -> list[SectionRanges]:
        """All of its sections."""
        return [(section, None) for section in (*(piece.section for piece in self.pieces), *self.sections)]

    def vectors(self, fetch: Fetch) -> F32:
        """Return the vectors of all its rows, float32 (rows, dimension); fetch missing bytes first.

        Raises:
            BlobCorrupt: a component is not finite.
        """
        if missing := [each for each in self.needed if not each[0].whole]:
            fetch(*missing)
        return self._vectors

    def ranges_of(self, rows: Array) -> list[SectionRanges]:
        """Return the bytes of the vectors of `rows`, numbered from the tail's first."""
        listed = self.sections if (rows >= self.starts[-1]).any() else ()
        return [*pieces.ranges_of(self.pieces, self.starts, rows), *((section, None) for section in listed)]

    def take(self, rows: Array) -> F32:
        """Return copies of the vectors of `rows`, float32 (len(rows), dimension); it needs the bytes of `ranges_of`.

        Raises:
            BlobCorrupt: as `vectors`.
        """
        taken = np.empty((len(rows), self.params.dimension), np.float32)
        pieces.take(self.pieces, self.starts, rows, taken)
        if (listed := rows >= self.starts[-1]).any():
            taken[listed] = self.listed_vectors[rows[listed] - self.starts[-1]]
        return taken

    @cached_property
    def norms(self) -> RowNorms:
        """The norms of its vectors, which must have been fetched."""
        return exact_scan.measure_norms(self._vectors, self.params.distance)

    @cached_property
    def listed_vectors(self) -> F32:
        """The vectors of the listed rows, which must have been fetched."""
        return self._joined([])

    @cached_property
    def _vectors(self) -> F32:
        return self._joined([piece.vectors for piece in self.pieces])

    def _joined(self, parts: list[F32]) -> F32:
        """Return `parts` and the vectors of the listed rows."""
        # Pieces check their vectors at each call; `fresh` ones were checked as rows of a request, a file or a base.
        stored = [section.buffer.view("<f4").reshape(-1, self.params.dimension) for section in self.sections]
        if not all(np.isfinite(vectors).all() for vectors in stored):
            raise BlobCorrupt("a vector of its tail is not finite")
        parts += stored
        if self.fresh is not None:
            parts.append(self.fresh)
        if len(parts) == 1 and parts[0].flags.aligned:
            return parts[0]
        return np.concatenate([np.empty((0, self.params.dimension), np.float32), *parts])
