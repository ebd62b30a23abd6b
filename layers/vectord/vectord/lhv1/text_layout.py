"""Where the parts of the section `text` are, in bytes, and the form of a list of postings; see docs/lhv1.md.

Nothing here needs numpy, so that a cold start can plan its reads while numpy is imported.
"""

import struct
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final, Literal

import msgspec

type ByteRange = tuple[int, int]  # start and stop, in bytes of the section
type Form = Literal["bits", "numbers", "containers"]

HEAD: Final = struct.Struct("<III")  # rows, fields, crc32 of the head except this field
# Tokens, bytes of postings, terms, bytes of the dictionary, bytes of first terms, bytes of a length, listed lengths,
# crc32 of the directory, crc32 of the lengths.
COUNTS: Final = struct.Struct("<QQ7I")
BASE: Final = struct.Struct("<Q")  # where the lists of a block start that are not in the block itself
CRC32_BYTES: Final = 4  # behind each list that is not in a block

BLOCK_TERMS: Final = 64
MAX_TERM: Final = 128  # bytes of a term
INDEX_BYTES: Final = 4  # of a term in a field of sparse vectors: an index, big-endian
MAX_INLINE: Final = 32  # bytes of a list that is in the block of its term
COUNT_BYTES: Final = (0, 1, 2, 4)  # of a count, by the width that a block has for the term; 0 if all counts are 1
LENGTH_BYTES: Final = (1, 2, 4)
NO_LENGTHS: Final = 0  # bytes of a length in a field of sparse vectors, whose rows have none
LISTED: Final = 255  # a length in one byte that stands for one of the listed lengths
MAX_DICTIONARY: Final = 2**32 - 1  # bytes, as the ends of blocks are uint32
SMALL: Final = 32 << 10  # bytes of a section that is read whole: its rounds would take longer

_CONTAINER_ROWS: Final = 1 << 16
_ENTRY: Final = 2  # bytes of a term in its block, without its frequency: its length, and the width of its counts
_DIRECTORY_ENTRY: Final = 9  # bytes of a block in the directory: end, crc32 and length of its first term
_ALIGNMENT: Final = 64


class FieldCounts(msgspec.Struct, frozen=True, array_like=True):
    """The counts and checksums of one field, in the order of the head."""

    tokens: int
    postings: int
    terms: int
    dictionary: int
    first_terms: int
    length_bytes: int
    listed: int
    directory_crc32: int
    lengths_crc32: int

    @property
    def blocks(self) -> int:
        return -(-self.terms // BLOCK_TERMS)

    @property
    def directory(self) -> int:
        """The bytes of the directory."""
        return _DIRECTORY_ENTRY * self.blocks + self.first_terms

    def lengths(self, rows: int) -> int:
        """Return the bytes of the lengths of `rows` rows."""
        return self.length_bytes * rows + 8 * self.listed

    def invalid_reason(self, rows: int) -> str | None:
        """Return why a field of `rows` rows cannot have these counts, or None if it can."""
        if self.length_bytes not in (NO_LENGTHS, *LENGTH_BYTES):
            return "lengths of an unknown type"
        if self.length_bytes == NO_LENGTHS and self.tokens:
            return "tokens without lengths"
        if self.listed > (rows if self.length_bytes == 1 else 0):
            return "listed lengths of more rows than there are"
        if not self.blocks <= self.first_terms <= MAX_TERM * self.blocks:
            return "first terms that are too short or too long"
        if self.dictionary < BASE.size * self.blocks + (_ENTRY + frequency_bytes(rows) + 1) * self.terms:
            return "a dictionary that is too short for its terms"
        return None


class TextLayout(msgspec.Struct, frozen=True, dict=True):
    """The offsets of the parts of a section, for a number of rows and the counts of each field."""

    rows: int
    fields: tuple[FieldCounts, ...]

    @cached_property
    def front(self) -> int:
        """The bytes of the head and of the directories and lengths of all fields."""
        sizes = (field.directory + field.lengths(self.rows) for field in self.fields)
        return head_size(len(self.fields)) + sum(sizes)

    @cached_property
    def end(self) -> int:
        """The bytes of the section without the zeros at its end."""
        return self.front + sum(field.dictionary + field.postings for field in self.fields)

    @cached_property
    def size(self) -> int:
        """The bytes of the section."""
        return -(-self.end // _ALIGNMENT) * _ALIGNMENT

    @cached_property
    def directories(self) -> list[ByteRange]:
        """The bytes of the directory of each field; the lengths of its rows follow."""
        sizes = [field.directory + field.lengths(self.rows) for field in self.fields]
        starts = accumulate(sizes, initial=head_size(len(self.fields)))
        return [(start, start + field.directory) for start, field in zip(starts, self.fields, strict=False)]

    @cached_property
    def dictionaries(self) -> list[ByteRange]:
        """The bytes of the blocks of each field."""
        return _back_to_back(self.front, [field.dictionary for field in self.fields])

    @cached_property
    def postings(self) -> list[ByteRange]:
        """The bytes of the lists of each field that are not in its blocks."""
        start = self.front + sum(field.dictionary for field in self.fields)
        return _back_to_back(start, [field.postings for field in self.fields])


def head_size(fields: int) -> int:
    """Return the bytes of the head of a section with this number of fields."""
    return HEAD.size + COUNTS.size * fields


def block_terms(terms: int, block: int) -> int:
    """Return how many of the `terms` of a field are in a block."""
    return min(BLOCK_TERMS, terms - block * BLOCK_TERMS)


def containers(rows: int) -> int:
    """Return the number of containers of 65,536 rows; the last may have fewer."""
    return -(-rows // _CONTAINER_ROWS)


def form(rows: int, frequency: int) -> Form:
    """Return how the list of a term writes `frequency` of `rows` rows: the shortest form, and bits in case of doubt."""
    if 16 * frequency > rows:
        return "bits"
    many = containers(rows)
    return "containers" if many > 1 and frequency > 2 * many else "numbers"


def number_bytes(rows: int) -> int:
    """Return the bytes of a row in the form `numbers`."""
    return 1 if rows <= 1 << 8 else 2 if rows <= _CONTAINER_ROWS else 4


def frequency_bytes(rows: int) -> int:
    """Return the bytes of a frequency, which is at most `rows`."""
    return 1 if rows < 1 << 8 else 2 if rows < 1 << 16 else 4


def row_bytes(rows: int, frequency: int) -> int:
    """Return the bytes of the rows of a list, without its counts and its checksum."""
    match form(rows, frequency):
        case "bits":
            return -(-rows // 8)
        case "numbers":
            return number_bytes(rows) * frequency
        case "containers":
            return 4 * containers(rows) + 2 * frequency


def _back_to_back(start: int, sizes: Sequence[int]) -> list[ByteRange]:
    ends = list(accumulate(sizes, initial=start))
    return list(pairwise(ends))
