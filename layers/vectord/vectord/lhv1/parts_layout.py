"""Where the fields of the section `parts` are, in bytes, and the signs that rotate its residuals; see docs/lhv1.md."""

import hashlib
import struct
from array import array
from functools import cache
from typing import Final

import msgspec

COUNTS: Final = struct.Struct("<4If")  # rows, partitions, entries, crc32 of the head except this field, largest norm
ROUNDS: Final = 2  # of a rotation
_ALIGNMENT: Final = 8


class PartsLayout(msgspec.Struct, frozen=True):
    """The offsets of the head's arrays, and of the codes, for a dimension and a number of partitions."""

    dimension: int
    partitions: int

    @property
    def words(self) -> int:
        """The number of uint64 words of a code."""
        return -(-self.dimension // 64)

    @property
    def entry_bytes(self) -> int:
        """The bytes of one entry: its words, norm, factor and row."""
        return 8 * self.words + 8

    @property
    def mean(self) -> int:
        return COUNTS.size

    @property
    def first_rows(self) -> int:
        return self.mean + 4 * self.dimension

    @property
    def first_entries(self) -> int:
        return self.first_rows + 4 * (self.partitions + 1)

    @property
    def checksums(self) -> int:
        return self.first_entries + 4 * (self.partitions + 1)

    @property
    def scales(self) -> int:
        return self.checksums + 4 * self.partitions

    @property
    def norms(self) -> int:
        return self.scales + 4 * self.partitions

    @property
    def levels(self) -> int:
        return self.norms + 4 * self.partitions

    @property
    def level_bytes(self) -> int:
        """The bytes of the components of one centroid."""
        return -(-self.dimension // 2)

    @property
    def codes(self) -> int:
        """The size of the head, which is where the codes of the first partition start."""
        return -(-(self.levels + self.partitions * self.level_bytes) // _ALIGNMENT) * _ALIGNMENT

    def size(self, entries: int) -> int:
        return self.codes + entries * self.entry_bytes

    def codes_range(self, first: int, last: int) -> tuple[int, int]:
        """Return the bytes of the entries `first` to `last` (exclusive), those of whole partitions."""
        return self.codes + first * self.entry_bytes, self.codes + last * self.entry_bytes


@cache
def signs(dimension: int) -> "memoryview[float]":
    """Return the pseudo-random signs of each round of a rotation, float32 (rounds, dimension) of 1 and -1.

    They are bits of SHAKE-256, so that any language can compute them.
    """
    found = array("f")
    for number in range(ROUNDS):
        size = -(-dimension // 8)
        bits = hashlib.shake_256(f"LHV1 sketch {dimension} {number}".encode()).digest(size)
        text = f"{int.from_bytes(bits):0{8 * size}b}"  # the highest bit of a byte comes first
        found.extend([-1.0 if bit == "1" else 1.0 for bit in text[:dimension]])
    return memoryview(found).cast("B").cast("f", (ROUNDS, dimension))
