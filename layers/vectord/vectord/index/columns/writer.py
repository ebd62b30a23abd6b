"""Write the section `columns`: one block per column of a packed index, so that a filter reads only a few blocks.

offset  size       field
0       4          n, the rows, uint32
4       4          p, the paths, uint32
8       4          1 if further paths have values as well, else 0, uint32
12      4          crc32 of the 12 bytes before and of the directory, uint32
16      4 * p      crc32 of each path in UTF-8, ascending, uint32
..      4 * p      crc32 of each block, uint32
..      8 * p      end of each block, relative to the first block, uint64
..      the blocks; docs/lhv1.md specifies them
All integers are little-endian. Zeros after each array of a block fill it up to a multiple of 8 bytes.
"""

import struct
import zlib
from typing import Final

import numpy as np

from vectord.index.columns.model import CollectedColumns, Column, Dictionary, RowList, utf8

HEAD: Final = struct.Struct("<IIII")
# The length of the path; the types of numbers and codes; the encoding and the count of each of six row lists; the
# counts of inexact numbers, of texts in the dictionary, and of their bytes.
BLOCK: Final = struct.Struct("<HBB6B2x6I3I")
NUMBER_TYPES: Final = ("<i1", "<i2", "<i4", "<f8")
CODE_TYPES: Final = ("<u1", "<u2", "<u4")
ALL_ROWS, ROW_NUMBERS, BITMAP = 0, 1, 2


def pack_columns(collected: CollectedColumns) -> bytes:
    """Return the section; no bytes if no path has a value."""
    if not collected.columns:
        return b""
    by_hash = sorted(collected.columns.items(), key=lambda item: (zlib.crc32(utf8(item[0])), item[0]))
    blocks = [_block(utf8(path), column, collected.rows) for path, column in by_hash]
    directory = b"".join(
        (
            np.array([zlib.crc32(utf8(path)) for path, _ in by_hash], "<u4").tobytes(),
            np.array([zlib.crc32(block) for block in blocks], "<u4").tobytes(),
            np.cumsum([len(block) for block in blocks]).astype("<u8").tobytes(),
        )
    )
    counts = HEAD.pack(collected.rows, len(by_hash), collected.incomplete, 0)[:-4]
    return b"".join((counts, zlib.crc32(counts + directory).to_bytes(4, "little"), directory, *blocks))


def padding(size: int) -> int:
    """Return the number of bytes from `size` to a multiple of 8."""
    return -size % 8


def _block(path: bytes, column: Column, rows: int) -> bytes:
    row_lists = [column.containers, column.null, column.false, column.true, column.numbers.rows, column.texts.rows]
    encoded = [_encode_rows(row_list, rows) for row_list in row_lists]
    values = column.numbers.values
    number_type = next(position for position, name in enumerate(NUMBER_TYPES) if values.dtype == name)
    dictionary = column.texts.dictionary
    code_type = _code_type(len(dictionary))
    head = BLOCK.pack(
        *(len(path), number_type, code_type),
        *(encoding for encoding, _ in encoded),
        *(row_list.count for row_list in row_lists),
        *(len(column.numbers.inexact), len(dictionary), len(dictionary.data)),
    )
    arrays = [
        values.astype(NUMBER_TYPES[number_type]).tobytes(),
        column.numbers.inexact.astype("<u4").tobytes(),
        *(data for _, data in encoded),
        column.texts.codes.astype(CODE_TYPES[code_type]).tobytes(),
        _text_lengths(dictionary),
        dictionary.data,
        path,
    ]
    return head + b"".join(array + bytes(padding(len(array))) for array in arrays)


def _encode_rows(row_list: RowList, total: int) -> tuple[int, bytes]:
    """Return the shortest encoding of a row list, and its bytes."""
    rows = row_list.rows
    if rows is None:
        return ALL_ROWS, b""
    if 4 * len(rows) <= -(-total // 8) or bool((rows[1:] == rows[:-1]).any()):
        return ROW_NUMBERS, rows.astype("<u4").tobytes()
    bits = np.zeros(total, np.bool_)
    bits[rows] = True
    return BITMAP, np.packbits(bits, bitorder="little").tobytes()


def _code_type(texts: int) -> int:
    return next(position for position, name in enumerate(CODE_TYPES) if texts <= 1 << (8 * np.dtype(name).itemsize))


def _text_lengths(dictionary: Dictionary) -> bytes:
    return np.diff(dictionary.ends, prepend=0).astype(np.uint8).tobytes()
