"""Ids and metadata: listed in the envelope (plain form), or packed in the section `rows` or in a section `piece`.

offset      size     field
0           4        n, the rows, uint32
4           4        b, the rows of a block, uint32
8           4 * n    crc32 of each id, ascending, uint32
..          4 * n    the row of each of these ids, uint32
..          8 * (m + 1)  start of each of the m blocks, and end of the last one, relative to the first block, uint64
..          the blocks, each of b rows (the last may have fewer): id lengths, uint16; metadata lengths, uint32, 0 for
            none; the ids in UTF-8; the metadata as JSON text
All integers are little-endian.
"""

import struct
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, groupby
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.kernels import compiled
from vectord.index.sections.base import ByteRange, Fetch, Section
from vectord.lhv1.rows_layout import BLOCK_ROWS, HEAD, DocumentsLayout

Array = npt.NDArray[np.int64]

_SPAN = struct.Struct("<QQ")
_SPANS: Final = struct.Struct("=4q")
_check_json: Final = msgspec.json.Decoder(object).decode
_LENGTHS = struct.Struct(f"<{BLOCK_ROWS}H{BLOCK_ROWS}I")


class Document(msgspec.Struct, frozen=True):
    """The id and the metadata of a row; metadata is JSON text, or None."""

    id: str
    metadata: msgspec.Raw | None


class Documents(Protocol):
    """The documents of the rows of a base."""

    @property
    def size(self) -> int:
        """The bytes of all documents, with a directory if there is one."""

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        """Return the row of each id that exists."""

    def read(self, rows: Sequence[int], fetch: Fetch, limit: int = sys.maxsize) -> list[Document]:
        """Return the documents of `rows`, up to the one with which their metadata have more than `limit` bytes."""

    def ids(self, rows: Sequence[int], fetch: Fetch) -> list[str]:
        """Return only the ids of rows, which is faster than `read`."""

    def prefetch(self, rows: Sequence[int], fetch: Fetch) -> None:
        """Fetch the bytes of rows at once, so that later reads of them fetch nothing."""


class ListedDocuments(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Documents listed in the envelope."""

    listed: Sequence[str]
    metadata: Mapping[str, msgspec.Raw]

    @property
    def size(self) -> int:
        return sum(map(len, self.listed)) + sum(map(len, self.metadata.values()))

    @cached_property
    def _row_of(self) -> Mapping[str, int]:
        return {vector_id: row for row, vector_id in enumerate(self.listed)}

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        row_of = self._row_of
        return {vector_id: row_of[vector_id] for vector_id in ids if vector_id in row_of} if row_of else {}

    def read(self, rows: Sequence[int], fetch: Fetch, limit: int = sys.maxsize) -> list[Document]:
        """Return the documents of all `rows`, which are in memory already."""
        return [Document(self.listed[row], self.metadata.get(self.listed[row])) for row in rows]

    def ids(self, rows: Sequence[int], fetch: Fetch) -> list[str]:
        return [self.listed[row] for row in rows]

    def prefetch(self, rows: Sequence[int], fetch: Fetch) -> None:
        """Do nothing: the envelope is in memory."""


class PackedDocuments(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Documents of `count` rows, in `section` from offset `at` to its end; only the parts in use are fetched.

    They are the whole section `rows`, or the end of a section `piece`. Rows are numbered from 0.
    """

    section: Section
    count: int
    at: int = 0

    def __post_init__(self) -> None:
        """Check the size of the section before ranges of it are requested.

        Raises:
            BlobCorrupt: the section is too small for `count` rows.
        """
        if self.section.size < self._blocks_at:
            raise BlobCorrupt(f"its documents of {self.size:,} bytes are too short for {self.count:,} rows")

    @property
    def size(self) -> int:
        return self.section.size - self.at

    @property
    def head(self) -> ByteRange:
        """The range of the two counts, which a reader compares before it uses anything else."""
        return DocumentsLayout(self.count, self.at).head

    @property
    def hashes(self) -> ByteRange:
        """The range of the two counts and of the hashes of all ids with their rows."""
        return self.at, self._directory_at

    @property
    def directory(self) -> ByteRange:
        """The range of the directory, which lists where each block starts."""
        return self._directory_at, self._blocks_at

    @property
    def lookup(self) -> ByteRange:
        """The range of all that finds the documents of an id: the counts, the hashes and the directory."""
        return self.at, self._blocks_at

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        wanted = list(dict.fromkeys(ids))
        fetch((self.section, [self.lookup]))  # also what finds the documents, or they would take a round more
        positions, rows = self.candidates(crc32s(wanted))
        found = self.ids(rows, fetch)
        # The blocks are read before the checksum of the section can be compared, so compare the ids with their hashes.
        if crc32s(found).tolist() != self._stored_hashes[positions].tolist():
            raise BlobCorrupt("its documents have an id whose crc32 differs from the one listed for it")
        row_of = dict(zip(found, rows, strict=True))
        return {vector_id: row_of[vector_id] for vector_id in wanted if vector_id in row_of}

    def read(self, rows: Sequence[int], fetch: Fetch, limit: int = sys.maxsize) -> list[Document]:
        if not rows:
            return []
        self.prefetch(rows, fetch)
        data = self._data
        documents: list[Document] = []
        for start, metadata, id_size, metadata_size in self._spans(data, rows):
            documents.append(_document(data, start, start + id_size, metadata, metadata + metadata_size))
            limit -= metadata_size
            if limit < 0:
                return documents
        return documents

    def ids(self, rows: Sequence[int], fetch: Fetch) -> list[str]:
        if not rows:
            return []
        self.prefetch(rows, fetch)
        data = self._data
        found: list[str] = []
        for block, some in groupby(rows, lambda row: row // BLOCK_ROWS):
            start, lengths = self._lengths(data, block)
            ends = list(accumulate(lengths[: len(lengths) // 2], initial=start + 3 * len(lengths)))
            positions = [row % BLOCK_ROWS for row in some]
            try:
                found += [str(data[ends[at] : ends[at + 1]], "utf-8") for at in positions]
            except UnicodeDecodeError as error:
                raise BlobCorrupt("an id in its documents is not UTF-8") from error
        return found

    def by_hash(self, fetch: Fetch) -> tuple[Array, Array]:
        """Return the crc32 of all ids, ascending, and the row of each, both int64 (count,).

        Raises:
            BlobCorrupt: they do not ascend, or a row does not exist.
        """
        fetch((self.section, [self.hashes]))
        hashes, rows = np.ndarray((2, self.count), "<u4", self._data, self.at + HEAD.size).astype(np.int64)
        if rows.max() >= self.count or (np.diff(hashes) < 0).any():
            raise BlobCorrupt("its documents list a row that does not exist, or hashes that descend")
        return hashes, rows

    def prefetch(self, rows: Sequence[int], fetch: Fetch) -> None:
        if rows and not self.section.whole:
            fetch((self.section, [self.head, self.directory]))
            fetch((self.section, self.byte_ranges(rows)))

    def byte_ranges(self, rows: Sequence[int]) -> list[ByteRange]:
        """Return the ranges of the documents of `rows`, ascending; the directory must have been fetched.

        Raises:
            BlobCorrupt: the documents are those of another number of rows, or list a block outside the section.
        """
        data = self._data
        return [self._span(data, block) for block in sorted({row // BLOCK_ROWS for row in rows})]

    @property
    def _data(self) -> memoryview:
        """The bytes of the section, some of which may be missing.

        Raises:
            BlobCorrupt: the documents are those of another number of rows.
        """
        data = memoryview(self.section.buffer)
        if HEAD.unpack_from(data, self.at) != (self.count, BLOCK_ROWS):
            raise BlobCorrupt(f"its documents are not those of {self.count:,} rows")
        return data

    @property
    def _stored_hashes(self) -> npt.NDArray[np.uint32]:
        return np.ndarray((self.count,), "<u4", self._data, self.at + HEAD.size)

    def candidates(self, hashes: npt.NDArray[np.uint32]) -> tuple[list[int], list[int]]:
        """Return the positions of the stored hashes that are among `hashes`, and the row of each."""
        stored, data = self._stored_hashes, self._data
        first = np.searchsorted(stored, hashes, "left")
        last = np.searchsorted(stored, hashes, "right")
        spans = np.stack([first, last], axis=1)[last > first].tolist()
        positions = [at for start, stop in spans for at in range(start, stop)]
        return positions, [self._row(data, at) for at in positions]

    def _row(self, data: memoryview, at: int) -> int:
        (row,) = struct.unpack_from("<I", data, self.at + HEAD.size + 4 * (self.count + at))
        if row >= self.count:
            raise BlobCorrupt("its documents list a row that does not exist")
        return int(row)

    @cached_property
    def _directory_at(self) -> int:
        return DocumentsLayout(self.count, self.at).directory[0]

    @cached_property
    def _blocks_at(self) -> int:
        return DocumentsLayout(self.count, self.at).blocks

    def _span(self, data: memoryview, block: int) -> ByteRange:
        start, stop = _SPAN.unpack_from(data, self._directory_at + 8 * block)
        if not start < stop <= len(data) - self._blocks_at:
            raise BlobCorrupt("its documents list a block outside the section")
        return self._blocks_at + start, self._blocks_at + stop

    def _spans(self, data: memoryview, rows: Sequence[int]) -> Iterable[tuple[int, int, int, int]]:
        """Return for each row where its id and its metadata start, and their sizes in bytes.

        Raises:
            BlobCorrupt: the directory lists a block outside the section, or a block has another size than its rows.
        """
        if compiled.native is not None:
            found = compiled.native.document_spans(
                self.section.buffer, self._directory_at, self._blocks_at, self.count, np.array(rows, np.int64)
            )
            if found is not None:
                return _SPANS.iter_unpack(found)
        return self._spans_of_blocks(data, rows)

    def _spans_of_blocks(self, data: memoryview, rows: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
        for block, some in groupby(rows, lambda row: row // BLOCK_ROWS):
            start, lengths = self._lengths(data, block)
            ends = list(accumulate(lengths, initial=start + 3 * len(lengths)))
            for row in some:
                at = row % BLOCK_ROWS
                of_metadata = at + len(lengths) // 2
                yield ends[at], ends[of_metadata], lengths[at], lengths[of_metadata]

    def _lengths(self, data: memoryview, block: int) -> tuple[int, tuple[int, ...]]:
        """Return where a block starts, and the lengths of its ids and then of its metadata."""
        start, stop = self._span(data, block)
        last = (block + 1) * BLOCK_ROWS > self.count
        rows = self.count - block * BLOCK_ROWS if last else BLOCK_ROWS
        if stop - start < 6 * rows:
            raise BlobCorrupt("a block of its documents is too short")
        lengths = (struct.Struct(f"<{rows}H{rows}I") if last else _LENGTHS).unpack_from(data, start)
        if 6 * rows + sum(lengths) != stop - start:
            raise BlobCorrupt("a block of its documents does not have the length of its documents")
        return start, lengths


def _document(data: memoryview, start: int, stop: int, metadata_start: int, metadata_stop: int) -> Document:
    """Return the document whose id and metadata are at these places."""
    metadata = bytes(data[metadata_start:metadata_stop])
    try:
        if metadata:
            _check_json(metadata)  # answers contain the text as it is, and a section may not be verified
        vector_id = str(data[start:stop], "utf-8")
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise BlobCorrupt("an id in its documents is not UTF-8, or metadata is not JSON") from error
    return Document(vector_id, msgspec.Raw(metadata) if metadata else None)


def crc32s(ids: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Return the hash of each id."""
    return np.array([zlib.crc32(vector_id.encode()) for vector_id in ids], np.uint32)
