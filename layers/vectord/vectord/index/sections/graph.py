"""The section `graph`: the vectors of the base, and the forest of Annoy over them."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.forest import forest
from vectord.forest.forest import Layout, Metric, Trees
from vectord.index.kernels import compiled, exact_scan
from vectord.index.kernels.distance import F32, F64, distances
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.sections.base import ByteRange, Section
from vectord.lhv1.params import Distance, Params

Rows = npt.NDArray[np.int64]

# Up to here an exact scan takes about half a millisecond, with recall 1 (docs/decisions/search.md).
_CHEAP_SCAN_COMPONENTS: Final = 4_000_000
_COPIED_ROWS: Final = 4_096  # at a time


class Graph(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A graph section over `rows` vectors.

    `vectors` and `take` need only the bytes of the rows that are read; `norms`, `forest` and `check` need all.
    """

    layout: Layout
    rows: int
    section: Section

    def __post_init__(self) -> None:
        """Check that the section is long enough for the rows, before ranges of it are computed.

        Raises:
            BlobCorrupt: it is too short.
        """
        if self.section.size < self.rows * self.layout.node_size:
            raise BlobCorrupt(f"its graph of {self.section.size:,} bytes is not a forest of {self.rows:,} rows")

    @cached_property
    def distance(self) -> Distance:
        return "cosine" if self.layout.metric == "angular" else "euclidean"

    @property
    def vectors(self) -> F32:
        """All vectors, as a strided (rows, dimension) view; the content of rows that were not fetched is undefined.

        If the section is not whole, the next fetch may replace its buffer, and the view must not be used any more.
        """
        return self.layout.vectors(self.section.buffer, self.rows)

    @cached_property
    def whole_vectors(self) -> F32:
        """The vectors of a section that is whole, as a view that stays valid; a copy if BLAS would copy them each time.

        That is if the section is mapped from the middle of a file, and its components are not aligned there.
        """
        return self.vectors if self.vectors.flags.aligned else self.vectors.copy()

    @cached_property
    def scan_is_cheap(self) -> bool:
        return exact_scan_is_cheap(self.rows, self.layout.dimension)

    @cached_property
    def norms(self) -> RowNorms:
        """The norms of all vectors.

        Raises:
            BlobCorrupt: the rows do not have this dimension, or a component is not finite.
        """
        self.layout.check_items(self.section.buffer, self.rows)
        measured = exact_scan.measure_norms(self.vectors, self.distance)
        if not np.isfinite(measured.largest):
            raise BlobCorrupt("a vector of its graph is not finite")
        return measured

    @cached_property
    def forest(self) -> Trees:
        """The trees, mapped from the section after a check of their structure.

        Raises:
            BlobCorrupt: the section is not a forest over these rows.
        """
        self.check()
        return forest.load(self.section.buffer, self.layout, self.section.path)

    def check(self) -> None:
        """Refuse a graph in which Annoy could read out of bounds.

        Raises:
            BlobCorrupt: it is not a forest over these rows.
        """
        self.layout.check(self.section.buffer, self.rows)

    def check_all(self) -> None:
        """Check the structure as `check` does, and each vector.

        Raises:
            BlobCorrupt: it is not a forest over these rows, or a component is not finite.
        """
        self.layout.check(self.section.buffer, self.rows)
        if not np.isfinite(self.layout.vectors(self.section.buffer, self.rows)).all():
            raise BlobCorrupt("a vector of its graph is not finite")

    def take(self, rows: Rows) -> F32:
        """Return a copy of the vectors of `rows`, whose bytes must have been fetched.

        Raises:
            BlobCorrupt: they are not rows of this dimension, or a component is not finite.
        """
        taken = self.layout.take(self.section.buffer, self.rows, rows)
        if not np.isfinite(taken).all():
            raise BlobCorrupt("a vector of its graph is not finite")
        return taken

    def copy(self, rows: Rows, to: F32) -> None:
        """Copy the vectors of many `rows` into `to` (rows, dimension), without another copy of all of them.

        Raises:
            BlobCorrupt: as `take`.
        """
        for start in range(0, len(rows), _COPIED_ROWS):
            part = slice(start, start + _COPIED_ROWS)
            to[part] = self.take(rows[part])

    def take_whole(self, rows: Rows) -> tuple[F32, RowNorms]:
        """Return copies of the vectors of `rows` (at least one) of a section that is whole, and their float32 norms.

        Raises:
            BlobCorrupt: as `take`.
        """
        norms = exact_scan.row_norms(self._checked_norms[rows], self.distance)
        if np.isnan(norms.largest):
            new = rows[np.isnan(norms.norms)]
            self._checked_norms[new] = exact_scan.float32_norms(self.take(new))
            norms = exact_scan.row_norms(self._checked_norms[rows], self.distance)
        return self.whole_vectors[rows], norms

    def nearest(self, rows: Rows, query: F32, target: F32, k: int) -> tuple[Rows, F64]:
        """Return those of `rows` of a section that is whole that can be among their `k` nearest, with exact distances.

        `target` is the query, of length 1 under cosine; both are float32-safe.

        Raises:
            BlobCorrupt: as `take`, or under cosine, a row is zero.
        """
        if compiled.native is None or not len(rows):
            vectors, norms = self.take_whole(rows) if len(rows) else (self.take(rows), None)
            near = exact_scan.prune(vectors, query, k, self.distance, norms=norms, target=target)
            return rows[near], distances(vectors, near, query, self.distance)
        found, exact = np.empty(len(rows), np.int64), np.empty(len(rows))
        for _ in range(2):
            is_cosine = self.distance == "cosine"
            count = compiled.native.nearest(
                self.whole_vectors, self._checked_norms, rows, query, target, k, is_cosine, found, exact
            )
            if count >= 0:
                return found[:count], exact[:count]
            self.take_whole(rows)  # there are rows whose norms are not known
        raise BlobCorrupt("a vector of it has no direction")

    @cached_property
    def _checked_norms(self) -> F32:
        """The norms of the rows that `take_whole` has checked, and NaN for the other rows."""
        return np.full(self.rows, np.nan, np.float32)

    def byte_ranges(self, rows: Rows) -> Sequence[ByteRange]:
        """Return the byte ranges of the vectors of `rows` in the section, ascending; none if the section is whole."""
        if self.section.whole:
            return []
        starts = np.sort(rows) * self.layout.node_size
        return list(zip(starts.tolist(), (starts + self.layout.node_size).tolist(), strict=True))


def exact_scan_is_cheap(rows: int, dimension: int) -> bool:
    """Return True if the exact scan of `rows` rows is so fast that other strategies would save little."""
    return rows * (dimension + 64) <= _CHEAP_SCAN_COMPONENTS  # 64: the cost of a row besides its components


def layout_of(params: Params) -> Layout:
    """Return the node layout of an index's graph."""
    return _layout("angular" if params.distance == "cosine" else "euclidean", params.dimension)


@lru_cache(maxsize=64)  # a layout computes its offsets once
def _layout(metric: Metric, dimension: int) -> Layout:
    return Layout(metric, dimension)
