"""The graph of an index: its vectors in place, and its trees where they are searched."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.forest.layout import Layout
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.sections.base import Section, Span
from vectord.lhv1.params import Distance, Params

if TYPE_CHECKING:
    from vectord.forest.trees import Trees


class Graph(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A graph section over `rows` vectors.

    What needs all of it asks for it whole; single vectors may be read as soon as their bytes are here.
    """

    layout: Layout
    rows: int
    section: Section

    def __post_init__(self) -> None:
        """Check that the section can hold so many vectors, before spans of it are asked for.

        Raises:
            BlobCorrupt: it cannot.
        """
        if self.section.size < self.rows * self.layout.node_size:
            raise BlobCorrupt(f"its graph of {self.section.size:,} bytes is no forest of {self.rows:,} rows")

    @property
    def distance(self) -> Distance:
        return "cosine" if self.layout.metric == "angular" else "euclidean"

    @property
    def vectors(self) -> F32:
        """The vectors, a strided (rows, dimension) view of what is here now."""
        return self.layout.vectors(self.section.buffer, self.rows)

    @cached_property
    def scale(self) -> exact_scan.Scale:
        """Measure all vectors.

        Raises:
            BlobCorrupt: they are not rows of this dimension, or a component is not finite.
        """
        self._check_items(slice(None))
        measured = exact_scan.scale(self.vectors, self.distance)
        if not np.isfinite(measured.most):
            raise BlobCorrupt("a vector of its graph is not finite")
        return measured

    @cached_property
    def forest(self) -> "Trees":
        """Check the structure of all trees, and map them.

        Raises:
            BlobCorrupt: the section is no forest over these rows.
        """
        from vectord.forest.trees import load  # noqa: PLC0415  a search by the sketch or a scan needs none

        self.check()
        return load(self.section.buffer, self.layout, self.section.path)

    def check(self) -> None:
        """Refuse a graph that Annoy could follow out of bounds.

        Raises:
            BlobCorrupt: it is no forest over these rows.
        """
        self.layout.check(self.section.buffer, self.rows)

    def take(self, rows: npt.NDArray[np.int64]) -> F32:
        """Return a copy of the vectors of `rows`, whose bytes must be here.

        Raises:
            BlobCorrupt: they are not rows of this dimension, or a component is not finite.
        """
        self._check_items(rows)
        taken = self.vectors[rows]
        if not np.isfinite(taken).all():
            raise BlobCorrupt("a vector of its graph is not finite")
        return taken

    def _check_items(self, rows: slice | npt.NDArray[np.int64]) -> None:
        # A forest of another dimension or metric shows here that other bytes than those of items lie there.
        if (self.layout.descendants(self.section.buffer)[: self.rows][rows] != 1).any():
            raise BlobCorrupt(f"its graph is no forest of {self.rows:,} rows of this dimension")

    def spans(self, rows: npt.NDArray[np.int64]) -> Sequence[Span]:
        """Return where the vectors of `rows` lie in the section, in ascending order; nothing if all of it is here."""
        if self.section.whole:
            return []
        starts = np.sort(rows) * self.layout.node_size
        return list(zip(starts.tolist(), (starts + self.layout.node_size).tolist(), strict=True))


def layout_of(params: Params) -> Layout:
    return Layout("angular" if params.distance == "cosine" else "euclidean", params.dimension)
