"""The section `columns`: the columns of a packed index, each in a block of its own, so that a filter reads only a few.

offset  size       field
0       4          n, the rows, uint32
4       4          p, the paths, uint32
8       4          1 if further paths have values as well, else 0, uint32
12      4          crc32 of the 12 bytes before and of the directory, uint32
16      4 * p      crc32 of each path in UTF-8, ascending, uint32
..      4 * p      crc32 of each block, uint32
..      8 * p      where each block ends, counted from the first, uint64
..      the blocks; docs/lhv1.md has what is in one
All integers are little-endian; every array in a block is followed by zeros up to a multiple of 8 bytes.
"""

import struct
import zlib
from typing import Final

import numpy as np

from vectord.index.columns.model import Column, Gathered, Places, Words, utf8

HEAD: Final = struct.Struct("<IIII")
# The path's bytes, the types of numbers and codes, how each of six lists of rows is written and what it counts, then
# the inexact numbers, the words, and the words' bytes.
BLOCK: Final = struct.Struct("<HBB6B2x6I3I")
NUMBERS: Final = ("<i1", "<i2", "<i4", "<f8")
CODES: Final = ("<u1", "<u2", "<u4")
EVERYWHERE, LISTED, BITS = 0, 1, 2


def pack(gathered: Gathered) -> bytes:
    """Return the section of these columns; nothing if no path has a value."""
    if not gathered.columns:
        return b""
    named = sorted(gathered.columns.items(), key=lambda entry: (zlib.crc32(utf8(entry[0])), entry[0]))
    blocks = [_block(utf8(path), column, gathered.rows) for path, column in named]
    directory = b"".join(
        (
            np.array([zlib.crc32(utf8(path)) for path, _ in named], "<u4").tobytes(),
            np.array([zlib.crc32(block) for block in blocks], "<u4").tobytes(),
            np.cumsum([len(block) for block in blocks]).astype("<u8").tobytes(),
        )
    )
    counts = HEAD.pack(gathered.rows, len(named), gathered.more, 0)[:-4]
    return b"".join((counts, zlib.crc32(counts + directory).to_bytes(4, "little"), directory, *blocks))


def padding(size: int) -> int:
    """Return the bytes from `size` to a multiple of 8."""
    return -size % 8


def _block(path: bytes, column: Column, rows: int) -> bytes:
    lists = [column.inside, column.null, column.false, column.true, column.numbers.places, column.texts.places]
    written = [_rows(places, rows) for places in lists]
    values = column.numbers.values
    kind = next(kind for kind, name in enumerate(NUMBERS) if values.dtype == name)
    words = column.texts.words
    coded = _code_type(len(words))
    head = BLOCK.pack(
        *(len(path), kind, coded),
        *(how for how, _ in written),
        *(places.count for places in lists),
        *(len(column.numbers.inexact), len(words), len(words.data)),
    )
    arrays = [
        values.astype(NUMBERS[kind]).tobytes(),
        column.numbers.inexact.astype("<u4").tobytes(),
        *(data for _, data in written),
        column.texts.codes.astype(CODES[coded]).tobytes(),
        _lengths(words),
        words.data,
        path,
    ]
    return head + b"".join(part + bytes(padding(len(part))) for part in arrays)


def _rows(places: Places, total: int) -> tuple[int, bytes]:
    """Return the rows of places as bytes, and how they are written: the shortest way."""
    rows = places.rows
    if rows is None:
        return EVERYWHERE, b""
    if 4 * len(rows) <= -(-total // 8) or bool((rows[1:] == rows[:-1]).any()):
        return LISTED, rows.astype("<u4").tobytes()
    bits = np.zeros(total, np.bool_)
    bits[rows] = True
    return BITS, np.packbits(bits, bitorder="little").tobytes()


def _code_type(words: int) -> int:
    return next(kind for kind, name in enumerate(CODES) if words <= 1 << (8 * np.dtype(name).itemsize))


def _lengths(words: Words) -> bytes:
    return np.diff(words.ends, prepend=0).astype(np.uint8).tobytes()
