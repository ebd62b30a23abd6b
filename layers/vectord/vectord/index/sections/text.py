"""The section `text`: for each field of texts, which rows have each term, how often, and how long each text is.

A field of sparse vectors has indices as its terms, and values in place of counts.

A search reads its front, then the blocks of the dictionary that have its terms, then the lists that are not in the
blocks. docs/lhv1.md describes the section byte by byte.
"""

import zlib
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import ByteRange, Bytes, Section
from vectord.index.sections.text_block import Block, read_block
from vectord.index.sections.text_front import Front, Lengths, read_front
from vectord.index.sections.text_lists import TermList, check_values, decode
from vectord.lhv1 import text_samples
from vectord.lhv1.text_layout import BLOCK_TERMS, CRC32_BYTES, SMALL, head_size

_MOST_BLOCKS: Final = 1_024  # that stay in memory, of about 10 KB each


class _Opened:
    """What was checked in one buffer. A section that is not whole can get another buffer."""

    def __init__(self, buffer: Bytes) -> None:
        self.buffer = buffer
        self.blocks = dict[tuple[int, int], Block]()  # by field and block
        self.lists = set[int]()  # where lists start


class Text(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The texts of `rows` rows. The envelope says how many fields they have, and how many bytes the front has.

    `sparse` are the numbers of the fields of sparse vectors. `samples` are those in the envelope, empty if it has none.

    `lengths` and `block_ranges` need the bytes of `head`, `list_ranges` those of `block_ranges` as well, and `find`
    those of both.
    """

    section: Section
    rows: int
    fields: int
    front_bytes: int
    sparse: frozenset[int] = frozenset()
    samples: bytes = b""

    def __post_init__(self) -> None:
        """Check that the section is long enough for its front, before ranges of it are computed.

        Raises:
            BlobCorrupt: it is too short.
        """
        if not head_size(self.fields) <= self.front_bytes <= self.section.size:
            raise BlobCorrupt(f"its texts of {self.section.size:,} bytes are too short for their front")

    @property
    def head(self) -> ByteRange:
        """The bytes that are read first: those of the front, or all of a small section."""
        return 0, self.section.size if self.section.size <= SMALL else self.front_bytes

    @cached_property
    def front(self) -> Front:
        """The front, checked once.

        Raises:
            BlobCorrupt: it does not match its checksums, contradicts itself, or is that of another section.
        """
        return read_front(
            self.section.buffer, self.rows, self.fields, self.front_bytes, self.section.size, sparse=self.sparse
        )

    def sampled_ranges(
        self, terms: Mapping[int, Iterable[bytes]], prefixes: Iterable[tuple[int, bytes]], limit: int
    ) -> list[ByteRange]:
        """Return the bytes that by the samples have the blocks of terms of fields, and of what begins with prefixes.

        There are none without samples, or if the front, which knows more, has been read.

        Raises:
            BlobCorrupt: the samples contradict themselves.
        """
        if not self.samples or self.section.size <= SMALL or not self.section.missing([self.head]):
            return []
        fields = text_samples.unpack(self.samples, self.fields, self.front_bytes, self.section.size)
        runs = -(-limit // BLOCK_TERMS) + 1  # each of which has a block at least
        return [
            *(each for field, some in terms.items() for term in some for each in fields[field].of_term(term)),
            *(each for field, prefix in prefixes for each in fields[field].of_prefix(prefix, runs)),
        ]

    def lengths(self, field: int) -> Lengths:
        """Return the number of tokens of each row, an unsigned type (rows,)."""
        return self.front.fields[field].lengths

    def tokens(self, field: int) -> int:
        """Return the sum of the lengths."""
        return self.front.fields[field].counts.tokens

    def block_ranges(self, field: int, terms: Iterable[bytes]) -> list[ByteRange]:
        """Return the bytes of the blocks that may have `terms`, ascending; none if the section is whole.

        Raises:
            BlobCorrupt: as `front`.
        """
        if self.section.whole:
            return []
        front = self.front.fields[field]
        return [self._block_range(field, block) for block in sorted(set(map(front.block_of, terms))) if block >= 0]

    def list_ranges(self, field: int, terms: Iterable[bytes]) -> list[ByteRange]:
        """Return the bytes of the lists of `terms` that are not in a block, ascending; none if the section is whole.

        Raises:
            BlobCorrupt: a block of `terms` does not match its checksum, or contradicts itself.
        """
        if self.section.whole:
            return []
        places = (self._place(field, term) for term in sorted(set(terms)))
        return [self._list_range(field, *place) for place in places if place and not place[0].is_inline(place[1])]

    def find(self, field: int, terms: Iterable[bytes]) -> dict[bytes, TermList]:
        """Return the lists of those of `terms` that a row has.

        Raises:
            BlobCorrupt: as `list_ranges`; or a list does not match its checksum, or has rows that it cannot have.
        """
        places = {term: self._place(field, term) for term in terms}
        found = {term: self._list(field, *place) for term, place in places.items() if place}
        if field in self.sparse:
            for each in found.values():
                check_values(np.ones(1, np.uint32) if each.counts is None else each.counts)
        return found

    def prefix_ranges(self, field: int, prefix: bytes, limit: int) -> list[ByteRange]:
        """Return the bytes of the blocks that `with_prefix` needs, ascending; none if the section is whole.

        Raises:
            BlobCorrupt: as `front`.
        """
        if self.section.whole:
            return []
        return [self._block_range(field, block) for block in self.front.fields[field].blocks_of_prefix(prefix, limit)]

    def with_prefix(self, field: int, prefix: bytes, limit: int) -> list[bytes]:
        """Return the first `limit` terms that begin with `prefix`, ascending.

        Raises:
            BlobCorrupt: as `list_ranges`.
        """
        blocks = self.front.fields[field].blocks_of_prefix(prefix, limit)
        terms = [term for block in blocks for term in self.block(field, block).terms]
        return [term for term in terms if term.startswith(prefix)][:limit]

    def block(self, field: int, number: int) -> Block:
        """Return a block of the dictionary, checked once.

        Raises:
            BlobCorrupt: it does not match its checksum, or contradicts itself or the directory.
        """
        blocks = self._opened.blocks
        found = blocks.get((field, number))
        if found is None:
            start, stop = self._block_range(field, number)
            found = read_block(self._opened.buffer[start:stop], self.front.fields[field], number, self.rows)
            if len(blocks) >= _MOST_BLOCKS:
                blocks.clear()
            blocks[field, number] = found
        return found

    def _place(self, field: int, term: bytes) -> tuple[Block, int] | None:
        """Return the block of a term and its position there; None if no row has it."""
        number = self.front.fields[field].block_of(term)
        if number < 0:
            return None
        block = self.block(field, number)
        at = block.find(term)
        return None if at is None else (block, at)

    def _list(self, field: int, block: Block, at: int) -> TermList:
        frequency, width = int(block.frequencies[at]), int(block.widths[at])
        if block.is_inline(at):
            return decode(block.inline(at), self.rows, frequency, width)
        opened, (start, stop) = self._opened, self._list_range(field, block, at)
        data, checked = opened.buffer[start:stop].copy(), start in opened.lists
        data, crc32 = data[:-CRC32_BYTES], data[-CRC32_BYTES:]
        if not checked and zlib.crc32(data) != int.from_bytes(crc32, "little"):
            raise BlobCorrupt("the list of a term in its texts does not match its checksum")
        found = decode(data, self.rows, frequency, width, checked=checked)
        opened.lists.add(start)
        return found

    def _block_range(self, field: int, number: int) -> ByteRange:
        first, _ = self.front.layout.dictionaries[field]
        start, stop = self.front.fields[field].block_range(number)
        return first + start, first + stop

    def _list_range(self, field: int, block: Block, at: int) -> ByteRange:
        """Return the bytes of a list that is not in its block, with its checksum."""
        start = self.front.layout.postings[field][0] + int(block.starts[at])
        return start, start + int(block.sizes[at]) + CRC32_BYTES

    @property
    def _opened(self) -> _Opened:
        found: _Opened | None = self.__dict__.get("opened")
        if found is None or found.buffer is not self.section.buffer:
            found = self.__dict__["opened"] = _Opened(self.section.buffer)
        return found
