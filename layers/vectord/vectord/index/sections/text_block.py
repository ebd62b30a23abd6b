"""A block of the dictionary of texts: some terms, how many rows have each, and where its list is."""

import zlib
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import lt

import msgspec
import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Bytes
from vectord.index.sections.text_front import FieldFront
from vectord.index.sections.text_lists import Array, list_sizes
from vectord.lhv1.text_layout import BASE, COUNT_BYTES, CRC32_BYTES, MAX_INLINE, MAX_TERM, block_terms, frequency_bytes


class Block(msgspec.Struct, frozen=True, eq=False):
    """A checked block, in memory of its own.

    `frequencies`, `widths`, `starts` and `sizes` (terms,) are those of the lists, `sizes` without a checksum. A list of
    up to MAX_INLINE bytes starts there in `data`, another one in the postings of the field. `base` and `end` are where
    the latter start and end.
    """

    data: Bytes
    terms: Sequence[bytes]
    frequencies: Array
    widths: Array
    starts: Array
    sizes: Array
    base: int
    end: int

    def find(self, term: bytes) -> int | None:
        """Return the position of a term, or None."""
        at = bisect_left(self.terms, term)
        return at if at < len(self.terms) and self.terms[at] == term else None

    def is_inline(self, at: int) -> bool:
        """Return True if the list of a term is in the block."""
        return bool(self.sizes[at] <= MAX_INLINE)

    def inline(self, at: int) -> Bytes:
        """Return the bytes of a list that is in the block."""
        return self.data[self.starts[at] : self.starts[at] + self.sizes[at]]


def read_block(data: Bytes, front: FieldFront, block: int, rows: int) -> Block:
    """Return a block, whose bytes `data` are, after a check of all but its lists.

    Raises:
        BlobCorrupt: it does not match its checksum, contradicts itself or the directory, or has lists outside the
            postings.
    """
    data = data.copy()
    if zlib.crc32(data) != front.crc32s[block]:
        raise BlobCorrupt("a block of its texts does not match its checksum")
    count = block_terms(front.counts.terms, block)
    entry_bytes = frequency_bytes(rows)
    at = BASE.size + (2 + entry_bytes) * count
    if len(data) < at:
        raise BlobCorrupt("a block of its texts is too short for its terms")
    (base,) = BASE.unpack_from(data)
    lengths, widths = data[BASE.size : BASE.size + 2 * count].reshape(2, count).astype(np.int64)
    frequencies = np.ndarray((count,), f"<u{entry_bytes}", data, BASE.size + 2 * count).astype(np.int64)
    if lengths.max() > MAX_TERM or widths.max() >= len(COUNT_BYTES):
        raise BlobCorrupt("a block of its texts has a term that is too long, or counts of an unknown type")
    if frequencies.min() < 1 or frequencies.max() > rows:
        raise BlobCorrupt("a block of its texts has a term of no row, or of more rows than there are")
    stored, positions = data.tobytes(), list(accumulate(lengths.tolist(), initial=at))
    terms = [stored[start:stop] for start, stop in pairwise(positions)]
    sizes = list_sizes(rows, frequencies, widths)
    is_inline = sizes <= MAX_INLINE
    inline_ends = positions[-1] + np.cumsum(np.where(is_inline, sizes, 0))
    long = np.where(is_inline, 0, sizes + CRC32_BYTES)
    if inline_ends[-1] != len(data) or base + int(long.sum()) > front.counts.postings:
        raise BlobCorrupt(
            "a block of its texts does not have the length of its terms, or has lists outside the section"
        )
    _check_terms(terms, front, block)
    starts = np.where(is_inline, inline_ends - sizes, base + np.cumsum(long) - long)
    return Block(data, terms, frequencies, widths, starts, sizes, base, base + int(long.sum()))


def _check_terms(terms: Sequence[bytes], front: FieldFront, block: int) -> None:
    """Check that terms ascend from the first one that the directory has, to below that of the next block."""
    is_below_next = block + 1 == front.counts.blocks or terms[-1] < front.first_term(block + 1)
    if terms[0] != front.first_term(block) or not is_below_next or not all(map(lt, terms, terms[1:])):
        raise BlobCorrupt("the terms of a block of its texts do not ascend, or are not those of its directory")
