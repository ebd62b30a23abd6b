"""Columns out of the section `columns`, of which only the directory and the blocks of some paths are brought here."""

import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.columns.model import MAX_WORD, NOTHING, Column, Numbers, Places, Texts, Words, is_kept, utf8
from vectord.index.columns.writer import BITS, BLOCK, CODES, EVERYWHERE, HEAD, LISTED, NUMBERS, padding
from vectord.index.sections.base import ByteRange, Fetch, Section

_FIRST: Final = 16 << 10  # bytes that are read before it is known how many paths there are: most often all of them
_ENTRY: Final = 16


class Stored:
    """The columns of `rows` rows in a section."""

    def __init__(self, section: Section, rows: int) -> None:
        self.section, self.rows = section, rows

    def read(self, paths: Collection[str], fetch: Fetch) -> Mapping[str, Column | None]:
        """Return the column of each of `paths`, None where only the documents can tell.

        Raises:
            BlobCorrupt: it is no section of such columns, or what it says does not fit together.
        """
        directory = self._directory(fetch)
        spans = {path: directory.spans(path) for path in paths if is_kept(path)}
        fetch((self.section, sorted({span for some in spans.values() for span, _ in some})))
        absent = None if directory.more else NOTHING
        return {path: self._column(path, spans[path], absent) if path in spans else None for path in paths}

    def _column(self, path: str, found: Sequence[tuple[ByteRange, int]], absent: Column | None) -> Column | None:
        for span, crc in found:
            block = self._bytes(span)
            if not self.section.whole and zlib.crc32(block) != crc:
                raise BlobCorrupt("a block of its section 'columns' does not match the block's crc32")
            column = _Block(block, self.rows).column(utf8(path))
            if column is not None:
                return column
        return absent

    def _directory(self, fetch: Fetch) -> "_Directory":
        size = self.section.size
        if size < HEAD.size:
            raise _corrupt()
        fetch((self.section, [(0, min(size, _FIRST))]))
        rows, paths, more, crc = HEAD.unpack(self._bytes((0, HEAD.size)))
        start = HEAD.size + _ENTRY * paths
        if rows != self.rows or more > 1 or start > size:
            raise _corrupt()
        fetch((self.section, [(0, start)]))
        data = self._bytes((0, start))
        if zlib.crc32(data[HEAD.size :], zlib.crc32(data[: HEAD.size - 4])) != crc:
            raise _corrupt()
        return _Directory(data[HEAD.size :], paths, start, size, more=bool(more))

    def _bytes(self, span: ByteRange) -> bytes:
        # A copy: nothing that is checked changes afterwards, whatever becomes of the section.
        return bytes(memoryview(self.section.buffer)[slice(*span)])


class _Directory:
    """Where the blocks of a section of `size` bytes are, the first at `start`."""

    def __init__(self, data: bytes, paths: int, start: int, size: int, *, more: bool) -> None:
        self.more = more
        self._start = start
        self._paths, self._blocks = np.frombuffer(data, "<u4", 2 * paths).reshape(2, paths)
        self._ends = np.frombuffer(data, "<u8", paths, 8 * paths)
        self._size = size - start

    def spans(self, path: str) -> list[tuple[ByteRange, int]]:
        """Return the block that `path` may have, more than one if paths share a crc32, each with its own crc32."""
        wanted = np.uint32(zlib.crc32(utf8(path)))
        first, last = (int(np.searchsorted(self._paths, wanted, side)) for side in ("left", "right"))
        return [(self._span(at), int(self._blocks[at])) for at in range(first, last)]

    def _span(self, at: int) -> ByteRange:
        start, stop = int(self._ends[at - 1]) if at else 0, int(self._ends[at])
        if not start < stop <= self._size:
            raise _corrupt()
        return self._start + start, self._start + stop


class _Block:
    """One block, taken apart from its first byte to its last."""

    def __init__(self, data: bytes, rows: int) -> None:
        if len(data) < BLOCK.size:
            raise _corrupt()
        head = BLOCK.unpack_from(data)
        self._data, self._at, self._total = data, BLOCK.size, rows
        self._path, self._number, self._code = head[:3]
        self._ways, self._counts = head[3:9], head[9:15]
        self._inexact, self._words, self._letters = head[15:]

    def column(self, path: bytes) -> Column | None:
        """Return what it holds if it is the block of `path`."""
        if self._number >= len(NUMBERS) or self._code >= len(CODES):
            raise _corrupt()
        values = self._array(NUMBERS[self._number], self._counts[4])
        inexact = self._array("<u4", self._inexact)
        _check_below(inexact, len(values))
        inside, null, false, true, numbers, texts = map(self._places, self._ways, self._counts)
        codes = self._array(CODES[self._code], self._counts[5])
        _check_below(codes, self._words)
        words = self._read_words()
        found = self._array("<u1", self._path).tobytes()
        if self._at != len(self._data):
            raise _corrupt()
        if found != path:
            return None
        return Column(Numbers(numbers, values, inexact), Texts(texts, codes, words), null, false, true, inside)

    def _read_words(self) -> Words:
        lengths = self._array("<u1", self._words)
        ends = np.cumsum(lengths, dtype=np.int64)
        data = self._array("<u1", self._letters).tobytes()
        if (ends[-1] if len(ends) else 0) != len(data) or (lengths > MAX_WORD + 1).any():
            raise _corrupt()
        return Words(data, ends)

    def _places(self, way: int, count: int) -> Places:
        if way == EVERYWHERE and count == self._total:
            return Places(count, None)
        if way == LISTED:
            rows = self._array("<u4", count)
            _check_below(rows, self._total)
            return Places(count, rows)
        bits = self._array("<u1", -(-self._total // 8))
        held = np.unpackbits(bits, count=self._total, bitorder="little").view(np.bool_)
        if way != BITS or np.count_nonzero(held) != count:
            raise _corrupt()
        return Places(count, held)

    def _array(self, kind: str, count: int) -> npt.NDArray[Any]:
        size = np.dtype(kind).itemsize * count
        start, self._at = self._at, self._at + size + padding(size)
        if self._at > len(self._data):
            raise _corrupt()
        return np.frombuffer(self._data, kind, count, start)


def _check_below(values: npt.NDArray[Any], limit: int) -> None:
    if len(values) and int(values.max()) >= limit:
        raise _corrupt()


def _corrupt() -> BlobCorrupt:
    return BlobCorrupt("its section 'columns' does not fit together")
