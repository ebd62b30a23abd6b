"""The ids and metadata of the graph's rows: listed in the envelope, or packed in the section `rows`.

offset      size     field
0           4        n, the rows, uint32
4           4        b, the rows of a block, uint32
8           4 * n    crc32 of each id, ascending, uint32
..          4 * n    the row of each of those, uint32
..          8 * (m + 1)  where each of the m blocks of documents starts, and where the last ends, uint64 from here on
..          the blocks, each of b rows (the last of fewer): id lengths, uint16; metadata lengths, uint32, 0 for none;
            the ids in UTF-8; the metadata as JSON text
All integers are little-endian.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.base import ByteRange, Fetch, Section

Array = npt.NDArray[np.int64]

_HEAD = struct.Struct("<II")
_SPAN = struct.Struct("<QQ")
_BLOCK: Final = 16  # rows: a block of short documents fits a page, and the directory takes half a byte a row
_SIZES = struct.Struct(f"<{_BLOCK}H{_BLOCK}I")


class Document(msgspec.Struct, frozen=True):
    """What a row carries besides its vector; metadata as JSON text."""

    id: str
    metadata: msgspec.Raw | None


class Documents(Protocol):
    """The documents of rows 0 to n."""

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        """Return the rows of those of `ids` that are here."""

    def read(self, rows: Sequence[int], fetch: Fetch) -> list[Document]: ...


class Listed(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Documents as the envelope lists them."""

    ids: Sequence[str]
    metadata: Mapping[str, msgspec.Raw]

    @cached_property
    def _row_of(self) -> Mapping[str, int]:
        return {vector_id: row for row, vector_id in enumerate(self.ids)}

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        return {vector_id: self._row_of[vector_id] for vector_id in ids if vector_id in self._row_of}

    def read(self, rows: Sequence[int], fetch: Fetch) -> list[Document]:
        return [Document(self.ids[row], self.metadata.get(self.ids[row])) for row in rows]


class Packed(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Documents of `count` rows in a section, of which only what is asked for is brought here."""

    section: Section
    count: int

    def __post_init__(self) -> None:
        """Check that the section can hold so many rows, before spans of it are asked for.

        Raises:
            BlobCorrupt: it cannot.
        """
        if self.section.size < self._blocks_at:
            raise BlobCorrupt(f"its section 'rows' is not one of {self.count:,} rows")

    @property
    def directory(self) -> ByteRange:
        """The bytes that lead to a row's document."""
        return self._directory_at, self._blocks_at

    def find(self, ids: Iterable[str], fetch: Fetch) -> dict[str, int]:
        wanted = list(dict.fromkeys(ids))
        hashes = np.array([zlib.crc32(vector_id.encode()) for vector_id in wanted], np.uint32)
        fetch((self.section, [(0, 8 + 8 * self.count)]))
        held_hashes = self._hashes
        first = np.searchsorted(held_hashes, hashes, "left").tolist()
        last = np.searchsorted(held_hashes, hashes, "right").tolist()
        data = self._data
        places = [at for start, stop in zip(first, last, strict=True) for at in range(start, stop)]
        rows = [self._row(data, at) for at in places]
        documents = self.read(rows, fetch)
        # The blocks are read before the section's checksum can be.
        if [zlib.crc32(document.id.encode()) for document in documents] != [int(held_hashes[at]) for at in places]:
            raise BlobCorrupt("its section 'rows' lists an id under another one's crc32")
        held = {document.id: row for row, document in zip(rows, documents, strict=True)}
        return {vector_id: held[vector_id] for vector_id in wanted if vector_id in held}

    def read(self, rows: Sequence[int], fetch: Fetch) -> list[Document]:
        if not rows:
            return []
        if not self.section.whole:
            fetch((self.section, [(0, _HEAD.size), self.directory]))
            fetch((self.section, [self._span(self._data, block) for block in sorted({row // _BLOCK for row in rows})]))
        data = self._data
        return [self._document(data, *divmod(row, _BLOCK)) for row in rows]

    @property
    def _data(self) -> memoryview:
        """The section as far as it is here, once what it says of itself was checked.

        Raises:
            BlobCorrupt: it is not one of these rows.
        """
        data = memoryview(self.section.buffer)
        if _HEAD.unpack_from(data) != (self.count, _BLOCK):
            raise BlobCorrupt(f"its section 'rows' is not one of {self.count:,} rows")
        return data

    @property
    def _hashes(self) -> npt.NDArray[np.uint32]:
        return np.ndarray((self.count,), "<u4", self._data, 8)

    def _row(self, data: memoryview, at: int) -> int:
        (row,) = struct.unpack_from("<I", data, 8 + 4 * (self.count + at))
        if row >= self.count:
            raise BlobCorrupt("its section 'rows' names a row that the graph does not have")
        return int(row)

    @cached_property
    def _directory_at(self) -> int:
        return 8 + 8 * self.count

    @cached_property
    def _blocks_at(self) -> int:
        return self._directory_at + 8 * (-(-self.count // _BLOCK) + 1)

    def _span(self, data: memoryview, block: int) -> ByteRange:
        start, stop = _SPAN.unpack_from(data, self._directory_at + 8 * block)
        if not start < stop <= len(data) - self._blocks_at:
            raise BlobCorrupt("its section 'rows' points outside itself")
        return self._blocks_at + start, self._blocks_at + stop

    def _document(self, data: memoryview, block: int, place: int) -> Document:
        start, stop = self._span(data, block)
        rows = min(_BLOCK, self.count - block * _BLOCK)
        if stop - start < 6 * rows:
            raise BlobCorrupt("a block of its section 'rows' is too short")
        sizes = (_SIZES if rows == _BLOCK else struct.Struct(f"<{rows}H{rows}I")).unpack_from(data, start)
        if 6 * rows + sum(sizes) != stop - start:
            raise BlobCorrupt("a block of its section 'rows' has another length than its documents")
        id_at = start + 6 * rows + sum(sizes[:place])
        metadata_at = start + 6 * rows + sum(sizes[: rows + place])
        metadata = bytes(data[metadata_at : metadata_at + sizes[rows + place]])
        try:
            if metadata:
                msgspec.json.decode(metadata)  # an answer carries it as it is, right checksum or not
            vector_id = str(data[id_at : id_at + sizes[place]], "utf-8")
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
            raise BlobCorrupt("a document of its section 'rows' is not text and JSON") from error
        return Document(vector_id, msgspec.Raw(metadata) if metadata else None)


def pack(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw]) -> bytes:
    """Return the section `rows` of these documents, in row order."""
    texts = [vector_id.encode() for vector_id in ids]
    documents = [bytes(metadata[vector_id]) if vector_id in metadata else b"" for vector_id in ids]
    hashes = np.fromiter(map(zlib.crc32, texts), np.uint32, len(texts))
    by_hash = np.argsort(hashes, kind="stable")
    blocks = [_packed(texts[at : at + _BLOCK], documents[at : at + _BLOCK]) for at in range(0, len(texts), _BLOCK)]
    ends = np.cumsum([0, *map(len, blocks)])
    return b"".join(
        (
            _HEAD.pack(len(texts), _BLOCK),
            hashes[by_hash].astype("<u4").tobytes(),
            by_hash.astype("<u4").tobytes(),
            ends.astype("<u8").tobytes(),
            *blocks,
        )
    )


def _packed(ids: Sequence[bytes], documents: Sequence[bytes]) -> bytes:
    sizes = struct.pack(f"<{len(ids)}H{len(ids)}I", *map(len, ids), *map(len, documents))
    return b"".join((sizes, *ids, *documents))
