"""Read all postings of a section `text` at once, as a merge needs them; all bytes of the section must be present."""

import zlib
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Bytes
from vectord.index.sections.text import Text
from vectord.index.sections.text_block import Block
from vectord.index.sections.text_lists import Array, NumberLists, are_numbers, decode
from vectord.index.sections.text_postings import U32, Postings
from vectord.lhv1.text_layout import BLOCK_TERMS, CRC32_BYTES, MAX_INLINE, number_bytes

Mask = npt.NDArray[np.bool_]


def all_postings(text: Text) -> list[Postings]:
    """Return the postings of each field; check every byte of the section.

    Raises:
        BlobCorrupt: a byte does not match its checksum, or the section contradicts itself.
    """
    if text.section.buffer[text.front.layout.end :].any():
        raise BlobCorrupt("its texts do not end with zeros")
    return [_read(text, field) for field in range(text.fields)]


class _Lists(msgspec.Struct, frozen=True, eq=False):
    """All lists of a field: their blocks, frequencies, widths and sizes, and the rows and counts to be filled."""

    blocks: Sequence[Block]
    frequencies: Array
    widths: Array
    sizes: Array
    starts: Array
    rows: U32
    counts: U32

    def put(self, at: int, data: Bytes, total: int) -> None:
        """Decode the list of the term `at`."""
        start, stop = self.starts[at], self.starts[at + 1]
        found = decode(data, total, int(stop - start), int(self.widths[at]))
        self.rows[start:stop] = found.rows
        self.counts[start:stop] = 1 if found.counts is None else found.counts


def _read(text: Text, field: int) -> Postings:
    blocks = _blocks(text, field)
    frequencies, widths, sizes = (
        _joined([getattr(block, name) for block in blocks]) for name in ("frequencies", "widths", "sizes")
    )
    starts = np.concatenate(([0], np.cumsum(frequencies)))
    rows, counts = np.empty(starts[-1], np.uint32), np.empty(starts[-1], np.uint32)
    lists = _Lists(blocks, frequencies, widths, sizes, starts, rows, counts)
    is_short, is_number = sizes <= MAX_INLINE, are_numbers(text.rows, frequencies)
    _put_numbers(lists, is_short & is_number, text.rows)
    for at in np.flatnonzero(is_short & ~is_number).tolist():
        lists.put(at, blocks[at // BLOCK_TERMS].inline(at % BLOCK_TERMS), text.rows)
    _put_long(lists, np.flatnonzero(~is_short), text, field)
    terms = [term for block in blocks for term in block.terms]
    return Postings(terms, starts, rows, counts, text.lengths(field).astype(np.uint32))


def _blocks(text: Text, field: int) -> list[Block]:
    """Return all blocks, whose lists follow each other without gaps."""
    counts = text.front.fields[field].counts
    blocks = [text.block(field, number) for number in range(counts.blocks)]
    ends = [0, *(block.end for block in blocks)]
    if [block.base for block in blocks] != ends[:-1] or ends[-1] != counts.postings:
        raise BlobCorrupt("the lists of its texts do not follow each other")
    return blocks


def _put_numbers(lists: _Lists, chosen: Mask, total: int) -> None:
    """Decode the chosen lists, which are in the blocks and have the form `numbers`, together."""
    data = np.concatenate([np.empty(0, np.uint8), *(block.data for block in lists.blocks)])
    firsts = np.cumsum([0, *(len(block.data) for block in lists.blocks)]).tolist()
    places = _joined([block.starts + first for block, first in zip(lists.blocks, firsts, strict=False)])[chosen]
    frequencies = lists.frequencies[chosen]
    rows, counts = NumberLists(places, frequencies, lists.widths[chosen], number_bytes(total)).read(data)
    ascends = np.append(True, rows[1:] > rows[:-1])[: len(rows)]
    ascends[np.cumsum(frequencies)[:-1]] = True  # the first row of a list
    if not ascends.all() or (rows >= total).any() or not counts.all():
        raise BlobCorrupt("a term in its texts has rows that do not ascend or do not exist, or a count of 0")
    of_chosen = np.repeat(chosen, lists.frequencies)
    lists.rows[of_chosen], lists.counts[of_chosen] = rows, counts


def _put_long(lists: _Lists, chosen: Array, text: Text, field: int) -> None:
    """Decode the chosen lists, which are back to back in the postings of the field."""
    first, last = text.front.layout.postings[field]
    data, start = text.section.buffer[first:last].copy(), 0
    for at in chosen.tolist():
        stop = start + int(lists.sizes[at])
        stored, crc32 = data[start:stop], data[stop : stop + CRC32_BYTES]
        if zlib.crc32(stored) != int.from_bytes(crc32, "little"):
            raise BlobCorrupt("the list of a term in its texts does not match its checksum")
        lists.put(at, stored, text.rows)
        start = stop + CRC32_BYTES


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.empty(0, np.int64), *arrays])
