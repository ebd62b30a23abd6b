"""The front of the section `text`: the counts of each field, where its blocks are, and the lengths of all rows."""

import zlib
from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import Bytes
from vectord.lhv1.text_layout import (
    BLOCK_TERMS,
    COUNTS,
    HEAD,
    LISTED,
    MAX_TERM,
    NO_LENGTHS,
    FieldCounts,
    TextLayout,
    head_size,
)

Array = npt.NDArray[np.int64]
Lengths = npt.NDArray[Any]  # uint8, uint16 or uint32


class FieldFront(msgspec.Struct, frozen=True, eq=False):
    """The checked front of one field, in memory of its own.

    `ends` and `crc32s` (blocks,) are those of its blocks, the ends counted from the first block. `term_ends` has where
    the first term of each block ends in `first_terms`. `lengths` (rows,) has the tokens of each row; they are 0 in a
    field of sparse vectors.
    """

    counts: FieldCounts
    ends: Array
    crc32s: Array
    term_ends: list[int]
    first_terms: bytes
    lengths: Lengths

    def first_term(self, block: int) -> bytes:
        return self.first_terms[self.term_ends[block - 1] if block else 0 : self.term_ends[block]]

    def block_of(self, term: bytes) -> int:
        """Return the block that has `term` if any has it; negative if none can have it."""
        return bisect_right(range(self.counts.blocks), term, key=self.first_term) - 1

    def blocks_of_prefix(self, prefix: bytes, limit: int) -> range:
        """Return the blocks that have the first `limit` terms that begin with `prefix`, and perhaps others."""
        first = max(0, self.block_of(prefix))
        end = bisect_right(range(self.counts.blocks), prefix, key=lambda block: self.first_term(block)[: len(prefix)])
        return range(first, min(end, first + -(-limit // BLOCK_TERMS) + 1))

    def block_range(self, block: int) -> tuple[int, int]:
        """Return the bytes of a block, counted from the first block."""
        return int(self.ends[block - 1]) if block else 0, int(self.ends[block])


class Front(msgspec.Struct, frozen=True, eq=False):
    """The checked front of a section: where its parts are, and the front of each field."""

    layout: TextLayout
    fields: Sequence[FieldFront]


def read_front(data: Bytes, rows: int, fields: int, front: int, size: int, *, sparse: Collection[int] = ()) -> Front:
    """Return the front, the first `front` bytes of a section of `size` bytes, after a check of all of it.

    `sparse` are the numbers of the fields that have sparse vectors.

    Raises:
        BlobCorrupt: it does not match its checksums, contradicts itself, or is that of another section.
    """
    data = data[:front].copy()
    layout = _read_head(data, rows, fields)
    if layout.front != front or layout.size != size:
        raise BlobCorrupt("its texts do not have the size of their counts")
    if [number for number, field in enumerate(layout.fields) if field.length_bytes == NO_LENGTHS] != sorted(sparse):
        raise BlobCorrupt("its texts do not have the fields of sparse vectors of the envelope")
    return Front(
        layout,
        [
            _read_field(data[start : stop + counts.lengths(rows)], counts, rows)
            for counts, (start, stop) in zip(layout.fields, layout.directories, strict=True)
        ],
    )


def _read_head(data: Bytes, rows: int, fields: int) -> TextLayout:
    *found, crc32 = HEAD.unpack_from(data)
    counts = data[HEAD.size : head_size(fields)]
    if zlib.crc32(counts, zlib.crc32(data[: HEAD.size - 4])) != crc32:
        raise BlobCorrupt("the head of its texts does not match its checksum")
    if found != [rows, fields]:
        raise BlobCorrupt("its texts do not have the rows and fields of the envelope")
    layout = TextLayout(rows, tuple(FieldCounts(*each) for each in COUNTS.iter_unpack(counts)))
    for field in layout.fields:
        if reason := field.invalid_reason(rows):
            raise BlobCorrupt(f"a field of its texts has {reason}")
    return layout


def _read_field(data: Bytes, counts: FieldCounts, rows: int) -> FieldFront:
    """Return the front of one field, whose bytes `data` are."""
    directory, of_lengths, blocks = data[: counts.directory], data[counts.directory :], counts.blocks
    if zlib.crc32(directory) != counts.directory_crc32 or zlib.crc32(of_lengths) != counts.lengths_crc32:
        raise BlobCorrupt("the directory or the lengths of its texts do not match their checksum")
    ends, crc32s = np.ndarray((2, blocks), "<u4", directory).astype(np.int64)
    sizes = directory[8 * blocks : 9 * blocks]
    term_ends = np.cumsum(sizes, dtype=np.int64)
    if not _ascend(ends, counts.dictionary) or not _ascend(term_ends, counts.first_terms) or (sizes > MAX_TERM).any():
        raise BlobCorrupt("the directory of its texts does not ascend to its counts")
    return FieldFront(
        counts,
        ends,
        crc32s,
        term_ends.tolist(),
        directory[9 * blocks :].tobytes(),
        _read_lengths(of_lengths, counts, rows),
    )


def _ascend(ends: Array, last: int) -> bool:
    """Return True if ends ascend from above 0 to `last`."""
    return bool((np.diff(ends, prepend=0) > 0).all()) and (int(ends[-1]) if len(ends) else 0) == last


def _read_lengths(data: Bytes, counts: FieldCounts, rows: int) -> Lengths:
    if counts.length_bytes == NO_LENGTHS:
        return np.broadcast_to(np.zeros(1, np.uint8), (rows,))
    lengths: Lengths = np.ndarray((rows,), f"<u{counts.length_bytes}", data)
    if counts.length_bytes == 1:
        listed, long = np.ndarray((2, counts.listed), "<u4", data, rows)
        if not np.array_equal(np.flatnonzero(lengths == LISTED), listed) or (long < LISTED).any():
            raise BlobCorrupt("the listed lengths of its texts are not those of the rows that need one")
        if len(listed):
            lengths = lengths.astype(np.uint16 if long.max() < 1 << 16 else np.uint32)
            lengths[listed] = long
    if lengths.sum(dtype=np.uint64) != counts.tokens:
        raise BlobCorrupt("the lengths of its texts do not add up to its tokens")
    return np.require(lengths, None, "A")  # kernels need aligned numbers
