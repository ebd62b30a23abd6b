"""The section `parts`: partitions of near rows, each with a centroid and the codes of its rows.

A search ranks the partitions by their centroids and probes the nearest: it examines only their codes. An entry is the
code of one row in one partition; a spilled row has entries in two. docs/lhv1.md describes the section byte by byte.
"""

import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels import codes, compiled, likely
from vectord.index.kernels.codes import U16, U64, RotatedQuery
from vectord.index.kernels.distance import F32
from vectord.index.kernels.entries import Compared, Partition, Places, compared
from vectord.index.kernels.likely import Estimates
from vectord.index.kernels.ranking import Ranking
from vectord.index.sections.base import ByteRange, Bytes, Section
from vectord.index.sections.parts_head import MAX_NORM, ROUNDING, U32, PartsHead, read_head
from vectord.lhv1.params import Distance
from vectord.lhv1.parts_layout import PartsLayout
from vectord.lhv1.parts_shape import PartsShape

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
F16 = npt.NDArray[np.float16]

_NO_ROWS: Final[Array] = np.empty(0, np.int64)


class _Opened:
    """The partitions of one buffer that were checked. A section that is not whole can get another buffer."""

    def __init__(self, buffer: Bytes, partitions: int) -> None:
        self.buffer = buffer
        self.partitions: list[Partition | None] = [None] * partitions
        self.checked = np.zeros(partitions, np.bool_)


class Parts(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The partitions of `rows` rows. `shape` is what the envelope says about them.

    Everything but `head` needs the bytes of `head`. `nearest` and `estimated` need those of `code_ranges` as well.
    """

    section: Section
    rows: int
    dimension: int
    distance: Distance
    shape: PartsShape

    def __post_init__(self) -> None:
        """Check that the section has the size of its partitions, before ranges of it are computed.

        Raises:
            BlobCorrupt: it has another size.
        """
        if self.section.size != self.layout.size(self.shape.entries):
            raise BlobCorrupt(f"its parts of {self.section.size:,} bytes do not have the entries of its envelope")

    @cached_property
    def layout(self) -> PartsLayout:
        return PartsLayout(self.dimension, self.shape.partitions)

    @property
    def head(self) -> ByteRange:
        """The bytes of the head: counts, mean, directory and centroids."""
        return 0, self.layout.codes

    @property
    def mean_range(self) -> ByteRange:
        """The bytes of the mean, which `stored_mean` needs."""
        return self.layout.mean, self.layout.first_rows

    @property
    def stored_mean(self) -> F32:
        """The mean that the codes are about, float32 (dimension,), without the checksum of the head.

        Raises:
            BlobCorrupt: it is out of range.
        """
        start, stop = self.mean_range
        mean: F32 = self.section.buffer[start:stop].copy().view("<f4")
        if not np.abs(mean).max() <= MAX_NORM * ROUNDING:  # False for NaN
            raise BlobCorrupt("the mean of its parts is out of range")
        return mean

    @cached_property
    def first_rows(self) -> Array:
        """The first row of each primary partition, and the number of rows: int64 (partitions + 1,)."""
        return self._head.first_rows.astype(np.int64)

    @cached_property
    def first_entries(self) -> Array:
        """The first entry of each partition, and the number of entries: int64 (partitions + 1,)."""
        return self._head.first_entries.astype(np.int64)

    @cached_property
    def code_starts(self) -> Array:
        """Where the codes of each partition start, and where the last ones end, in bytes: int64 (partitions + 1,)."""
        return self.layout.codes + self.first_entries * self.layout.entry_bytes

    def code_ranges(self, partitions: Array) -> list[ByteRange]:
        """Return the bytes of the codes of `partitions`, ascending; none if the section is whole."""
        if self.section.whole:
            return []
        starts, ordered = self.code_starts, np.sort(partitions)
        return list(zip(starts[ordered].tolist(), starts[ordered + 1].tolist(), strict=True))

    def entry_counts(self, partitions: Array) -> Array:
        """Return the number of entries of each of `partitions`."""
        return self.first_entries[partitions + 1] - self.first_entries[partitions]

    def query(self, vector: F32) -> RotatedQuery:
        """Return the residual of a query vector (dimension,), which the other methods need."""
        return codes.rotated_query(vector, self._head.mean, self.distance)

    def queries(self, vectors: Sequence[F32]) -> list[RotatedQuery]:
        """Return what `query` returns for each vector, in less time."""
        return codes.rotated_queries(vectors, self._head.mean, self.distance)

    def rank(self, query: RotatedQuery, count: int, allowed: Mask | None = None) -> Array:
        """Return the `count` partitions nearest to the query, nearest first; only those that are True in `allowed`."""
        return self._head.rank(query.residual, self.distance, count, allowed)

    def rank_all(self, queries: Sequence[RotatedQuery], count: int, allowed: Mask | None = None) -> list[Array]:
        """Return what `rank` returns for each query, from one product."""
        return self._ranking.exactly_all(np.array([query.residual for query in queries]), count, allowed)

    def near(self, query: RotatedQuery, count: int, allowed: Mask | None = None) -> Array:
        """Return nearly the same partitions as `rank`, ascending.

        The first call takes some milliseconds more than `rank`, and later ones a small part of its time.
        """
        return self._ranking.about(query.residual, count, allowed)

    def near_all(self, queries: Sequence[RotatedQuery], count: int, allowed: Mask | None = None) -> list[Array]:
        """Return what `near` returns for each query, or what `rank` does, but ascending."""
        return self._ranking.about_all(np.array([query.residual for query in queries]), count, allowed)

    def nearest(
        self, query: RotatedQuery, partitions: Array, count: int, hidden: Mask | None = None
    ) -> tuple[Array, int]:
        """Return the rows of the `count` entries of `partitions` that differ least, and the number of entries examined.

        The rows are distinct and ascending. Entries that tie with the last are among them. Rows that are True
        in `hidden` (rows,) are left out.

        Raises:
            BlobCorrupt: a partition does not match its checksum, or has rows that it cannot have.
        """
        if not len(partitions):
            return _NO_ROWS, 0
        if compiled.native is not None:
            places = self._places(partitions)
            near = compiled.native.least_different(
                places.section, places.starts, places.first_entries, partitions, query.residual, hidden, count
            )
            return np.frombuffer(near, np.uint32).astype(np.int64), int(self.entry_counts(partitions).sum())
        rows, differing = self.differing(query, partitions)
        most = 64 * self.layout.words  # bits that can differ
        if hidden is not None:
            differing[hidden[rows]] = most + 1
        return codes.least_different(differing, rows, count, most), len(rows)

    def differing(self, query: RotatedQuery, partitions: Array) -> tuple[U32, U16]:
        """Return the row of each entry of `partitions` (at least one), and in how many bits its code differs.

        The entries are in the order of `partitions`. A spilled row may be there twice.

        Raises:
            BlobCorrupt: as `nearest`.
        """
        found = self._compared(partitions, query.words)
        return found.rows, found.differing

    def estimated(
        self,
        query: RotatedQuery,
        partitions: Array,
        count: int,
        hidden: Mask | None = None,
        *,
        k: int | None = None,
        errors: float = likely.STANDARD_ERRORS_OF_PARTITIONS,
        removed: Mask | None = None,
    ) -> tuple[Array, int]:
        """Return up to `count` rows of `partitions` by estimated distance, and the number of entries examined.

        The rows are distinct and ordered, nearest first. With `k`, they are only those that may be among the `k`
        nearest rows without the `removed` ones, and the next one: a distance may be `errors` standard errors less than
        its estimate. It is slower than `nearest`, and needs fewer rows.

        Raises:
            BlobCorrupt: as `nearest`.
        """
        if not len(partitions):
            return _NO_ROWS, 0
        rows, found = self.estimates(query, partitions)
        visible = np.arange(len(rows)) if hidden is None else np.flatnonzero(~hidden[rows])
        if k is not None:
            counted = visible if removed is None else visible[~removed[rows[visible]]]
            nearest = likely.smallest_of_rows(rows[counted], found.values[counted], k)
            kth = float(nearest[-1]) if len(nearest) == k else np.inf
            visible = visible[likely.entries_of_nearest(found, visible, kth, errors)]
        return likely.nearest_rows(found.values[visible], rows[visible], count), len(rows)

    def estimates(self, query: RotatedQuery, partitions: Array) -> tuple[U32, Estimates]:
        """Return the row of each entry of `partitions` (at least one), and its estimated distance with its error.

        The entries are in the order of `partitions`. A spilled row may be there twice.

        Raises:
            BlobCorrupt: as `nearest`.
        """
        found = self._compared(partitions, np.zeros(self.layout.words, np.uint64), query.levels.planes)
        norms = found.norms * np.float64(self._head.largest_norm)
        values = codes.estimates_of_sums(found.differing, found.sums, norms, found.factors, query)
        return found.rows, Estimates(values, likely.standard_errors(norms, found.factors, query))

    def _compared(self, partitions: Array, code: U64, levels: U64 | None = None) -> Compared:
        """Return the entries of `partitions`, in their order, compared with a code and with levels."""
        if compiled.native is not None:
            return self._places(partitions).compared(partitions, code, levels)
        return compared(self._probed(partitions), code, levels)

    def _places(self, partitions: Array) -> Places:
        """Return where the partitions are; `partitions` are checked."""
        opened = self._opened
        if not opened.checked[partitions].all():
            self._probed(partitions)
        return Places(opened.buffer, self.code_starts, self.first_entries)

    def _probed(self, partitions: Array) -> list[Partition]:
        opened = self._opened
        known = opened.partitions
        return [known[number] or self._open(opened, number) for number in partitions.tolist()]

    @property
    def _opened(self) -> _Opened:
        found: _Opened | None = self.__dict__.get("opened")
        if found is None or found.buffer is not self.section.buffer:
            found = self.__dict__["opened"] = _Opened(self.section.buffer, self.shape.partitions)
        return found

    def _open(self, opened: _Opened, number: int) -> Partition:
        """Check a partition, and store it as views of the buffer, which are copies if it is not aligned."""
        first, last = int(self.first_entries[number]), int(self.first_entries[number + 1])
        start, stop = self.layout.codes_range(first, last)
        data = opened.buffer[start:stop]
        if zlib.crc32(data) != self._head.checksums[number]:
            raise BlobCorrupt("the codes of a partition do not match their checksum")
        if data.ctypes.data % 8:
            data = data.copy()
        count, words = last - first, self.layout.words
        after_planes = 8 * words * count
        partition = Partition(
            np.ndarray((words, count), "<u8", data),
            np.ndarray((count,), "<f2", data, after_planes),
            np.ndarray((count,), "<f2", data, after_planes + 2 * count),
            np.ndarray((count,), "<u4", data, after_planes + 4 * count),
        )
        _check_partition(partition, int(self.first_rows[number]), int(self.first_rows[number + 1]), self.rows)
        opened.partitions[number] = partition
        opened.checked[number] = True
        return partition

    @cached_property
    def _head(self) -> PartsHead:
        """The head, checked once.

        Raises:
            BlobCorrupt: it is not the head of a section of this shape.
        """
        return read_head(self.section.buffer, self.layout, self.rows, self.shape.entries)

    @cached_property
    def _ranking(self) -> Ranking:
        return Ranking(*self._head.ranking(self.distance))


def _check_partition(partition: Partition, first: int, last: int, rows: int) -> None:
    """Check the rows of a partition: `first` to `last` (exclusive), then ascending ones of other partitions."""
    primary, spilled = partition.rows[: last - first], partition.rows[last - first :]
    in_order = (primary == np.arange(first, last)).all() and (spilled[1:] > spilled[:-1]).all()
    if not in_order or (len(spilled) and (spilled[-1] >= rows or ((spilled >= first) & (spilled < last)).any())):
        raise BlobCorrupt("a partition of its parts has rows that it cannot have")
    norms, factors = partition.norms, partition.factors
    # `all` of a comparison is also False for NaN.
    if not (((norms >= 0) & (norms <= ROUNDING)).all() and ((factors > 0) & (factors <= ROUNDING)).all()):
        raise BlobCorrupt("a norm or a factor in a partition of its parts is out of range")
