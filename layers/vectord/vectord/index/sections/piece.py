"""The section `piece`: rows that were added since the last build, with codes, vectors and documents to read in part.

A search reads its head, which has the code of every row, and then the vectors of a few rows and the documents of its
matches. docs/lhv1.md describes the section byte by byte.
"""

from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels import codes
from vectord.index.kernels.codes import U64, RotatedQuery, RowCodes
from vectord.index.kernels.distance import F32
from vectord.index.sections.base import ByteRange, Bytes, Section, crc32_without
from vectord.index.sections.documents import PackedDocuments
from vectord.index.sections.parts_head import MAX_NORM, ROUNDING
from vectord.lhv1.params import Distance
from vectord.lhv1.rows_layout import COUNT, LARGEST_NORM, PieceLayout

Array = npt.NDArray[np.int64]

CRC32_FIELD: Final = slice(4, 8)
NO_CODES: Final = float("inf")  # the largest norm of a piece without codes


class Piece(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A piece of `rows` rows. `rows` is what the envelope says; the methods number them from 0.

    `mean` and `codes` need the bytes of `head`. `take` needs those of its `byte_ranges`, and `vectors` those of
    `vector_range`. `documents` fetches its own.
    """

    section: Section
    rows: int
    dimension: int
    distance: Distance

    def __post_init__(self) -> None:
        """Check that the section is long enough for its rows, before ranges of it are computed.

        Raises:
            BlobCorrupt: it is too short.
        """
        if self.documents.count != self.rows:
            raise AssertionError("the documents have the rows of the piece")

    @cached_property
    def layout(self) -> PieceLayout:
        return PieceLayout(self.dimension, self.rows)

    @property
    def head(self) -> ByteRange:
        """The bytes of the head: count, mean and codes."""
        return 0, self.layout.vectors

    @property
    def vector_range(self) -> ByteRange:
        """The bytes of all vectors."""
        return self.layout.vectors, self.layout.documents

    @property
    def document_range(self) -> ByteRange:
        """The bytes of all documents."""
        return self.layout.documents, self.section.size

    @cached_property
    def documents(self) -> PackedDocuments:
        """The ids and metadata of its rows.

        Raises:
            BlobCorrupt: the section is too short for them.
        """
        return PackedDocuments(self.section, self.rows, self.layout.documents)

    @property
    def mean(self) -> F32:
        """The vector that the codes are about, float32 (dimension,).

        Raises:
            BlobCorrupt: the head does not match its checksum, or a value in it is out of range.
        """
        return self._checked_head[0]

    @property
    def codes(self) -> RowCodes | None:
        """The codes of all rows; None if it has none and the rows must be scanned.

        Raises:
            BlobCorrupt: as `mean`.
        """
        return self._checked_head[1]

    def codes_about(self, mean: F32) -> RowCodes | None:
        """Return the codes if they are about exactly `mean`, as others that they are compared with; else None.

        Raises:
            BlobCorrupt: as `mean`.
        """
        return self.codes if np.array_equal(self.mean, mean) else None

    def query(self, vector: F32) -> RotatedQuery:
        """Return a query vector (dimension,) as it is compared with the codes.

        Raises:
            BlobCorrupt: as `mean`.
        """
        return codes.rotated_query(vector, self.mean, self.distance)

    @property
    def vectors(self) -> F32:
        """All vectors, float32 (rows, dimension): a view of the section, or a copy if it is not aligned there.

        Every call checks them. If the section is not whole, the next fetch may replace its buffer, and the view must
        not be used any more.

        Raises:
            BlobCorrupt: a component is not finite.
        """
        return _finite(self._stored if self._stored.flags.aligned else self._stored.copy())

    def take(self, rows: Array) -> F32:
        """Return copies of the vectors of `rows`, float32 (len(rows), dimension).

        Raises:
            BlobCorrupt: a component is not finite.
        """
        return _finite(self._stored[rows])

    def byte_ranges(self, rows: Array) -> list[ByteRange]:
        """Return the bytes of the vectors of `rows`, ascending; none if the section is whole."""
        if self.section.whole:
            return []
        starts = self.layout.vectors + np.sort(rows) * self.layout.row_bytes
        return list(zip(starts.tolist(), (starts + self.layout.row_bytes).tolist(), strict=True))

    @property
    def _stored(self) -> F32:
        """The vectors as a view that may not be aligned."""
        stored: F32 = np.ndarray((self.rows, self.dimension), "<f4", self.section.buffer, self.layout.vectors)
        return stored

    @cached_property
    def _checked_head(self) -> tuple[F32, RowCodes | None]:
        """The mean and the codes, in memory of their own, checked once.

        Raises:
            BlobCorrupt: the head does not match its checksum, or a value in it is out of range.
        """
        return _read_head(self.section.buffer, self.layout)


def _read_head(buffer: Bytes, layout: PieceLayout) -> tuple[F32, RowCodes | None]:
    """Return copies of the mean and the codes at the start of `buffer`, after a check of checksum and values."""
    data = buffer[: layout.vectors].copy()
    rows, crc32 = COUNT.unpack_from(data)
    if crc32 != crc32_without(data, CRC32_FIELD):
        raise BlobCorrupt("the head of a piece of its tail does not match its checksum")
    if rows != layout.rows:
        raise BlobCorrupt("a piece of its tail does not have the rows of the envelope")
    mean: F32 = np.ndarray((layout.dimension,), "<f4", data, layout.mean)
    # `max` of NaN is NaN, and every comparison with it is False.
    if not np.abs(mean).max() <= MAX_NORM * ROUNDING:
        raise BlobCorrupt("the mean of a piece of its tail is out of range")
    (largest,) = LARGEST_NORM.unpack_from(data, layout.largest_norm)
    return mean, None if largest == NO_CODES else _codes(data, layout, largest)


def _codes(data: Bytes, layout: PieceLayout, largest: float) -> RowCodes:
    shares = np.ndarray((layout.rows,), "<f2", data, layout.norms)
    factors = np.ndarray((layout.rows,), "<f2", data, layout.factors)
    # `all` of a comparison is also False for NaN.
    if not (
        0 <= largest <= 2 * MAX_NORM * ROUNDING
        and ((shares >= 0) & (shares <= ROUNDING)).all()
        and ((factors > 0) & (factors <= ROUNDING)).all()
    ):
        raise BlobCorrupt("a norm or a factor in a piece of its tail is out of range")
    planes: U64 = np.ndarray((layout.words, layout.rows), "<u8", data, layout.planes)
    planes.flags.writeable = False
    return RowCodes(planes, shares.astype(np.float32) * np.float32(largest), factors.astype(np.float32))


def _finite(vectors: F32) -> F32:
    if not np.isfinite(vectors).all():
        raise BlobCorrupt("a vector of its tail is not finite")
    return vectors
