"""Read columns from the section `columns`; only the directory and the blocks of the requested paths are fetched."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.columns.model import (
    EMPTY_COLUMN,
    MAX_TEXT,
    Column,
    Dictionary,
    Numbers,
    RowList,
    Texts,
    gets_column,
    utf8,
)
from vectord.index.columns.writer import ALL_ROWS, BITMAP, BLOCK, CODE_TYPES, HEAD, NUMBER_TYPES, ROW_NUMBERS, padding
from vectord.index.sections.base import ByteRange, Fetch, Section

_FIRST_READ: Final = 16 << 10  # bytes that are read before the number of paths is known; usually the whole directory
_DIRECTORY_ENTRY: Final = 16  # bytes per path


class StoredColumns:
    """The columns of `rows` rows in a section. Paths below the paths `closed` have none."""

    def __init__(self, section: Section, rows: int, closed: Collection[str] = ()) -> None:
        self.section, self.rows, self.closed = section, rows, closed

    def read(self, paths: Collection[str], fetch: Fetch) -> Mapping[str, Column | None]:
        """Return the column of each path; None if only the documents have its values.

        Raises:
            BlobCorrupt: a checksum is wrong, or the section contradicts itself.
        """
        directory = self._directory(fetch)
        blocks = {path: directory.blocks(path) for path in paths if gets_column(path, self.closed)}
        fetch((self.section, sorted({span for entries in blocks.values() for span, _ in entries})))
        absent = None if directory.incomplete else EMPTY_COLUMN
        return {path: self._column(path, blocks[path], absent) if path in blocks else None for path in paths}

    def _column(self, path: str, blocks: Sequence[tuple[ByteRange, int]], absent: Column | None) -> Column | None:
        for span, crc in blocks:
            block = self._bytes(span)
            if not self.section.whole and zlib.crc32(block) != crc:
                raise BlobCorrupt("a block in its section 'columns' does not match the checksum of the block")
            column = _BlockParser(block, self.rows).column(utf8(path))
            if column is not None:
                return column
        return absent

    def _directory(self, fetch: Fetch) -> "_Directory":
        size = self.section.size
        if size < HEAD.size:
            raise _contradiction()
        fetch((self.section, [first_read(self.section)]))
        rows, paths, incomplete, crc = HEAD.unpack(self._bytes((0, HEAD.size)))
        start = HEAD.size + _DIRECTORY_ENTRY * paths
        if rows != self.rows or incomplete > 1 or start > size:
            raise _contradiction()
        fetch((self.section, [(0, start)]))
        data = self._bytes((0, start))
        if zlib.crc32(data[HEAD.size :], zlib.crc32(data[: HEAD.size - 4])) != crc:
            raise _contradiction()
        return _Directory(data[HEAD.size :], paths, start, size, incomplete=bool(incomplete))

    def _bytes(self, span: ByteRange) -> bytes:
        # A copy, so that the bytes cannot change after their checksum was compared.
        return bytes(memoryview(self.section.buffer)[slice(*span)])


def first_read(section: Section) -> ByteRange:
    """Return the bytes of a section `columns` that are read first: those of most directories."""
    return 0, min(section.size, _FIRST_READ)


class _Directory:
    """The locations of the blocks in a section of `size` bytes, the first block at `start`."""

    def __init__(self, data: bytes, paths: int, start: int, size: int, *, incomplete: bool) -> None:
        self.incomplete = incomplete
        self._start = start
        self._path_crcs, self._block_crcs = np.frombuffer(data, "<u4", 2 * paths).reshape(2, paths)
        self._ends = np.frombuffer(data, "<u8", paths, 8 * paths)
        self._size = size - start

    def blocks(self, path: str) -> list[tuple[ByteRange, int]]:
        """Return span and checksum of each block that may be that of `path`; several if paths share a CRC-32."""
        wanted = np.uint32(zlib.crc32(utf8(path)))
        first, last = (int(np.searchsorted(self._path_crcs, wanted, side)) for side in ("left", "right"))
        return [(self._span(at), int(self._block_crcs[at])) for at in range(first, last)]

    def _span(self, at: int) -> ByteRange:
        start, stop = int(self._ends[at - 1]) if at else 0, int(self._ends[at])
        if not start < stop <= self._size:
            raise _contradiction()
        return self._start + start, self._start + stop


class _BlockParser:
    """Parses one block from its first to its last byte."""

    def __init__(self, data: bytes, rows: int) -> None:
        if len(data) < BLOCK.size:
            raise _contradiction()
        head = BLOCK.unpack_from(data)
        self._data, self._at, self._total = data, BLOCK.size, rows
        self._path_length, self._number_type, self._code_type = head[:3]
        self._encodings, self._counts = head[3:9], head[9:15]
        self._inexact, self._dictionary_size, self._dictionary_bytes = head[15:]

    def column(self, path: bytes) -> Column | None:
        """Return the column, or None if it belongs to another path."""
        if self._number_type >= len(NUMBER_TYPES) or self._code_type >= len(CODE_TYPES):
            raise _contradiction()
        values = self._array(NUMBER_TYPES[self._number_type], self._counts[4])
        inexact = self._array("<u4", self._inexact)
        _check_below(inexact, len(values))
        containers, null, false, true, numbers, texts = map(self._row_list, self._encodings, self._counts)
        codes = self._array(CODE_TYPES[self._code_type], self._counts[5])
        _check_below(codes, self._dictionary_size)
        dictionary = self._dictionary()
        own_path = self._array("<u1", self._path_length).tobytes()
        if self._at != len(self._data):
            raise _contradiction()
        if own_path != path:
            return None
        return Column(Numbers(numbers, values, inexact), Texts(texts, codes, dictionary), null, false, true, containers)

    def _dictionary(self) -> Dictionary:
        lengths = self._array("<u1", self._dictionary_size)
        ends = np.cumsum(lengths, dtype=np.int64)
        data = self._array("<u1", self._dictionary_bytes).tobytes()
        if (ends[-1] if len(ends) else 0) != len(data) or (lengths > MAX_TEXT + 1).any():
            raise _contradiction()
        return Dictionary(data, ends)

    def _row_list(self, encoding: int, count: int) -> RowList:
        if encoding == ALL_ROWS and count == self._total:
            return RowList(count, None)
        if encoding == ROW_NUMBERS:
            rows = self._array("<u4", count)
            _check_below(rows, self._total)
            return RowList(count, rows)
        bits = self._array("<u1", -(-self._total // 8))
        mask = np.unpackbits(bits, count=self._total, bitorder="little").view(np.bool_)
        if encoding != BITMAP or np.count_nonzero(mask) != count:
            raise _contradiction()
        return RowList(count, mask)

    def _array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        size = np.dtype(dtype).itemsize * count
        start, self._at = self._at, self._at + size + padding(size)
        if self._at > len(self._data):
            raise _contradiction()
        return np.frombuffer(self._data, dtype, count, start)


def _check_below(values: npt.NDArray[Any], limit: int) -> None:
    if len(values) and int(values.max()) >= limit:
        raise _contradiction()


def _contradiction() -> BlobCorrupt:
    return BlobCorrupt("its section 'columns' contradicts itself or its checksum")
