"""Write the section `text` from the postings of its fields; docs/lhv1.md describes it byte by byte."""

import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec
import numpy as np

from vectord.index.sections.base import Bytes
from vectord.index.sections.text_lists import Array, NumberLists, are_numbers, encode, list_sizes, widths_of
from vectord.index.sections.text_postings import U32, Postings
from vectord.lhv1.text_layout import (
    BASE,
    BLOCK_TERMS,
    COUNTS,
    CRC32_BYTES,
    HEAD,
    LENGTH_BYTES,
    LISTED,
    MAX_DICTIONARY,
    MAX_INLINE,
    MAX_TERM,
    FieldCounts,
    TextLayout,
    number_bytes,
)


class PackedText(msgspec.Struct, frozen=True):
    """A section, and the bytes at its start that a reader of ranges reads first, which the envelope states."""

    data: bytes
    front: int


class _Field(msgspec.Struct, frozen=True):
    counts: FieldCounts
    directory: bytes
    lengths: bytes
    blocks: Sequence[bytes]
    lists: Sequence[bytes]


def pack(fields: Sequence[Postings]) -> PackedText:
    """Return the section of one or more fields, which have the same n >= 1 rows. Equal postings give equal bytes."""
    rows = len(fields[0].lengths)
    packed = [_pack_field(field, rows) for field in fields]
    layout = TextLayout(rows, tuple(field.counts for field in packed))
    counts = b"".join(COUNTS.pack(*msgspec.structs.astuple(field.counts)) for field in packed)
    crc32 = zlib.crc32(counts, zlib.crc32(HEAD.pack(rows, len(fields), 0)[:-4]))
    parts = [HEAD.pack(rows, len(fields), crc32), counts]
    for field in packed:
        parts += field.directory, field.lengths
    for field in packed:
        parts += field.blocks
    for field in packed:
        parts += field.lists
    return PackedText(b"".join([*parts, bytes(layout.size - layout.end)]), layout.front)


def _pack_field(postings: Postings, rows: int) -> _Field:
    if not all(0 < len(term) <= MAX_TERM for term in postings.terms) or len(postings.lengths) != rows:
        raise AssertionError("terms have 1 to 128 bytes, and all fields the same rows")
    blocks, lists, size = _blocks(postings, rows)
    directory = _directory(blocks, postings.terms[::BLOCK_TERMS])
    length_bytes, listed, lengths = _lengths(postings.lengths)
    dictionary = sum(map(len, blocks))
    if dictionary > MAX_DICTIONARY:
        raise AssertionError("a dictionary has less than 4 GiB")
    counts = FieldCounts(
        int(postings.lengths.sum(dtype=np.int64)),
        size,
        len(postings.terms),
        dictionary,
        sum(map(len, postings.terms[::BLOCK_TERMS])),
        length_bytes,
        listed,
        zlib.crc32(directory),
        zlib.crc32(lengths),
    )
    return _Field(counts, directory, lengths, blocks, lists)


def _directory(blocks: Sequence[bytes], first_terms: Sequence[bytes]) -> bytes:
    ends = np.array(list(accumulate(map(len, blocks))), "<u4")
    crc32s = np.array(list(map(zlib.crc32, blocks)), "<u4")
    return b"".join((ends.tobytes(), crc32s.tobytes(), bytes(map(len, first_terms)), *first_terms))


def _lengths(lengths: U32) -> tuple[int, int, bytes]:
    """Return the bytes of a length, the number of listed ones, and the bytes of all: the shortest way to write them."""
    plain = LENGTH_BYTES[int(np.searchsorted([LISTED - 1, 65_535], lengths.max()))]
    long = np.flatnonzero(lengths >= LISTED).astype("<u4")
    if 8 * len(long) > (plain - 1) * len(lengths):
        return plain, 0, lengths.astype(f"<u{plain}").tobytes()
    short = np.minimum(lengths, LISTED).astype(np.uint8)
    return 1, len(long), short.tobytes() + long.tobytes() + lengths[long].astype("<u4").tobytes()


def _blocks(postings: Postings, rows: int) -> tuple[list[bytes], list[bytes], int]:
    """Return the blocks, the lists that are not in them, each with its crc32, and the bytes of these lists."""
    terms, frequencies = postings.terms, postings.frequencies
    most = np.maximum.reduceat(postings.counts, postings.starts[:-1]) if len(terms) else np.empty(0, np.uint32)
    widths = widths_of(most.astype(np.int64))
    sizes = list_sizes(rows, frequencies, widths)
    is_short = sizes <= MAX_INLINE
    inline, inline_ends = _short_lists(postings, rows, widths, np.where(is_short, sizes, 0))
    lists = _long_lists(postings, rows, widths, np.flatnonzero(~is_short))
    bases = np.concatenate(([0], np.cumsum(np.where(is_short, 0, sizes + CRC32_BYTES))))
    lengths, of_widths, dfs = bytes(map(len, terms)), widths.astype(np.uint8).tobytes(), frequencies.astype("<u4")
    blocks = []
    for first, last in pairwise([*range(0, len(terms), BLOCK_TERMS), len(terms)]):
        start, stop = inline_ends[first], inline_ends[last]
        parts = (BASE.pack(bases[first]), lengths[first:last], of_widths[first:last], dfs[first:last].tobytes())
        blocks.append(b"".join((*parts, *terms[first:last], inline[start:stop])))
    return blocks, lists, int(bases[-1])


def _short_lists(postings: Postings, rows: int, widths: Array, sizes: Array) -> tuple[bytes, list[int]]:
    """Return the lists that are in the blocks, back to back, and where each term's starts, and where the last ends."""
    starts, frequencies = np.concatenate(([0], np.cumsum(sizes))), postings.frequencies
    data: Bytes = np.zeros(starts[-1], np.uint8)
    is_number = are_numbers(rows, frequencies)
    numbers = np.flatnonzero((sizes > 0) & is_number)
    chosen = np.repeat((sizes > 0) & is_number, frequencies)
    of_chosen = postings.rows[chosen], postings.counts[chosen]
    lists = NumberLists(starts[numbers], frequencies[numbers], widths[numbers], number_bytes(rows))
    lists.write(data, *of_chosen)
    for term in np.flatnonzero((sizes > 0) & ~is_number).tolist():
        data[starts[term] : starts[term + 1]] = np.frombuffer(_encode(postings, rows, widths, term), np.uint8)
    return data.tobytes(), starts.tolist()


def _long_lists(postings: Postings, rows: int, widths: Array, terms: Array) -> list[bytes]:
    lists = list[bytes]()
    for term in terms.tolist():
        data = _encode(postings, rows, widths, term)
        lists += data, zlib.crc32(data).to_bytes(CRC32_BYTES, "little")
    return lists


def _encode(postings: Postings, rows: int, widths: Array, term: int) -> bytes:
    start, stop = postings.starts[term], postings.starts[term + 1]
    return encode(postings.rows[start:stop], postings.counts[start:stop], rows, int(widths[term]))
