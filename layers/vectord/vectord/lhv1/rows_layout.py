"""Where the fields of packed documents and of the section `piece` are, in bytes; docs/lhv1.md has their tables."""

import struct
from typing import Final

import msgspec

HEAD: Final = struct.Struct("<II")  # rows, rows of a block
BLOCK_ROWS: Final = 16  # a block of short documents fits a page, and the directory needs half a byte per row
COUNT: Final = struct.Struct("<II")  # rows, crc32 of the head except this field
LARGEST_NORM: Final = struct.Struct("<f")
_ALIGNMENT: Final = 8


class DocumentsLayout(msgspec.Struct, frozen=True):
    """The offsets of the fields of the documents of `count` rows, which start at offset `at` of their section."""

    count: int
    at: int = 0

    @property
    def head(self) -> tuple[int, int]:
        """The range of the two counts, which a reader compares before it uses anything else."""
        return self.at, self.at + HEAD.size

    @property
    def directory(self) -> tuple[int, int]:
        """The range of the directory, which lists where each block starts."""
        return self.at + HEAD.size + 8 * self.count, self.blocks

    @property
    def blocks(self) -> int:
        return self.at + HEAD.size + 8 * self.count + 8 * (-(-self.count // BLOCK_ROWS) + 1)


class PieceLayout(msgspec.Struct, frozen=True):
    """The offsets of the fields of a piece, for a dimension and a number of rows."""

    dimension: int
    rows: int

    @property
    def words(self) -> int:
        """The number of uint64 words of a code."""
        return -(-self.dimension // 64)

    @property
    def mean(self) -> int:
        return COUNT.size

    @property
    def largest_norm(self) -> int:
        return self.mean + 4 * self.dimension

    @property
    def planes(self) -> int:
        return _aligned(self.largest_norm + LARGEST_NORM.size)

    @property
    def norms(self) -> int:
        return self.planes + 8 * self.words * self.rows

    @property
    def factors(self) -> int:
        return self.norms + 2 * self.rows

    @property
    def vectors(self) -> int:
        """The size of the head, which is where the vectors start."""
        return _aligned(self.factors + 2 * self.rows)

    @property
    def row_bytes(self) -> int:
        """The bytes of one vector."""
        return 4 * self.dimension

    @property
    def documents(self) -> int:
        return self.vectors + self.row_bytes * self.rows

    @property
    def of_documents(self) -> DocumentsLayout:
        return DocumentsLayout(self.rows, self.documents)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
