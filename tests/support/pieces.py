"""Small sections `piece` over drawn rows."""

import json
from typing import NamedTuple

import msgspec
import numpy as np

from tests.support.datasets import gaussian
from tests.support.hostile import resealed_piece
from tests.support.vectors import F32
from vectord.index.sections.base import MemorySection
from vectord.index.sections.piece import Piece
from vectord.index.sections.piece_writer import pack
from vectord.lhv1.params import Distance
from vectord.lhv1.rows_layout import PieceLayout


class Case(NamedTuple):
    """The rows of a piece, and the section that has them."""

    ids: list[str]
    metadata: dict[str, msgspec.Raw]
    vectors: F32
    distance: Distance
    data: bytes

    def opened(self, data: bytes | memoryview | None = None) -> Piece:
        """Return the piece, or one of as many rows with other bytes."""
        return Piece(MemorySection(self.data if data is None else data), *self.vectors.shape, self.distance)

    def opened_of(self, data: bytes, rows: int) -> Piece:
        """Return a piece of another number of rows."""
        return Piece(MemorySection(data), rows, self.vectors.shape[1], self.distance)

    @property
    def layout(self) -> PieceLayout:
        rows, dimension = self.vectors.shape
        return PieceLayout(dimension, rows)

    def resealed(self, data: bytes | bytearray) -> bytes:
        """Return changed bytes with a correct checksum of the head."""
        return resealed_piece(data, self.layout)


def case_of(
    rows: int = 40, dimension: int = 70, distance: Distance = "cosine", *, vectors: F32 | None = None, seed: int = 0
) -> Case:
    """Return a piece of drawn rows, about the mean of these rows; two of three have metadata."""
    drawn = gaussian(rows, dimension, seed) + np.float32(0.5) if vectors is None else vectors
    ids = [f"row-{row:02} é" for row in range(len(drawn))]
    metadata = {each: msgspec.Raw(json.dumps({"row": row}).encode()) for row, each in enumerate(ids) if row % 3}
    return Case(ids, metadata, drawn, distance, pack(ids, metadata, drawn, None, distance))
