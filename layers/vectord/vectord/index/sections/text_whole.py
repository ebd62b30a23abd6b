"""Read all postings of a section `text` at once, as a merge needs them; all bytes of the section must be present."""

import zlib
from collections.abc import Sequence

import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.sections.text import Text
from vectord.index.sections.text_block import Block
from vectord.index.sections.text_lists import Array, ManyLists, check_values, chunks, decode
from vectord.index.sections.text_postings import Postings
from vectord.lhv1.text_layout import CRC32_BYTES, INDEX_BYTES, MAX_INLINE


def all_postings(text: Text) -> list[Postings]:
    """Return the postings of each field; check every byte of the section.

    Raises:
        BlobCorrupt: a byte does not match its checksum, or the section contradicts itself.
    """
    if text.section.buffer[text.front.layout.end :].any():
        raise BlobCorrupt("its texts do not end with zeros")
    return [_read(text, field) for field in range(text.fields)]


def _read(text: Text, field: int) -> Postings:
    blocks = _blocks(text, field)
    terms = [term for block in blocks for term in block.terms]
    frequencies, widths, sizes = (
        _joined([getattr(block, name) for block in blocks]) for name in ("frequencies", "widths", "sizes")
    )
    starts = np.concatenate(([0], np.cumsum(frequencies)))
    rows, counts = np.empty(starts[-1], np.uint32), np.empty(starts[-1], np.uint32)
    at, data = _places(text, field, blocks, sizes), text.section.buffer
    has_bits = 16 * frequencies > text.rows
    for term in np.flatnonzero(has_bits).tolist():
        start, stop = starts[term], starts[term + 1]
        stored = data[at[term] : at[term] + sizes[term]]
        found = decode(stored, text.rows, int(frequencies[term]), int(widths[term]))
        rows[start:stop], counts[start:stop] = found.rows, 1 if found.counts is None else found.counts
    for first, last in chunks(starts):
        chosen = np.flatnonzero(~has_bits[first:last]) + first
        of_chosen = np.flatnonzero(np.repeat(~has_bits[first:last], frequencies[first:last])) + starts[first]
        lists = ManyLists(at[chosen], frequencies[chosen], widths[chosen], text.rows)
        rows[of_chosen], counts[of_chosen] = lists.read(data)
    if field in text.sparse:
        check_values(counts)
        if any(len(term) != INDEX_BYTES for term in terms):
            raise BlobCorrupt("a term of its sparse vectors is not an index")
    return Postings(terms, starts, rows, counts, text.lengths(field).astype(np.uint32), field in text.sparse)


def _blocks(text: Text, field: int) -> list[Block]:
    """Return all blocks, whose lists follow each other without gaps."""
    counts = text.front.fields[field].counts
    blocks = [text.block(field, number) for number in range(counts.blocks)]
    ends = [0, *(block.end for block in blocks)]
    if [block.base for block in blocks] != ends[:-1] or ends[-1] != counts.postings:
        raise BlobCorrupt("the lists of its texts do not follow each other")
    return blocks


def _places(text: Text, field: int, blocks: Sequence[Block], sizes: Array) -> Array:
    """Return where each list starts in the section, after a check of those that are not in a block."""
    starts, is_inline = _joined([block.starts for block in blocks]), sizes <= MAX_INLINE
    front, (dictionary, _), (postings, _) = (
        text.front.fields[field],
        text.front.layout.dictionaries[field],
        text.front.layout.postings[field],
    )
    of_blocks = np.repeat(front.ends - np.diff(front.ends, prepend=0), [len(block.terms) for block in blocks])
    places = starts + np.where(is_inline, of_blocks + dictionary, postings)
    stored, long = memoryview(text.section.buffer), places[~is_inline]
    for start, stop in zip(long.tolist(), (long + sizes[~is_inline]).tolist(), strict=True):
        if zlib.crc32(stored[start:stop]) != int.from_bytes(stored[stop : stop + CRC32_BYTES], "little"):
            raise BlobCorrupt("the list of a term in its texts does not match its checksum")
    return places


def _joined(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.empty(0, np.int64), *arrays])
