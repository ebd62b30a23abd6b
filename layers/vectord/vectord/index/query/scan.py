"""List rows by the crc32 of the id and then by the id: no build changes this order, so a page can continue another."""

import sys
import zlib
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.memory import documents_within
from vectord.index.rows import RowMask
from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Index

Array = npt.NDArray[np.int64]

HASHES: Final = 1 << 32
_NONE: Final[Array] = np.empty(0, np.int64)
MAX_READ: Final = 50_000  # rows whose ids one page reads if few of them have the prefix
_CHUNK: Final = 1_024  # rows fetched at a time if the number of rows to read is unknown
_CHUNK_BYTES: Final = 16 << 20  # of the documents that are fetched at a time, about
_FEW: Final = 16  # documents that are read at a time, because some may be much longer than the others

type Hash = int  # the crc32 of an id in UTF-8
type Position = tuple[Hash, str]  # of a row in the order: hash and id


class Row(msgspec.Struct, frozen=True):
    """A row and its position in the order; metadata as JSON text."""

    hash: Hash
    id: str
    row: int
    metadata: msgspec.Raw | None

    @property
    def position(self) -> Position:
        return self.hash, self.id


class Span(msgspec.Struct, frozen=True):
    """Rows with hashes from `start` to below `stop`, after the position `after`, with ids that start with `prefix`."""

    start: Hash = 0
    stop: Hash = HASHES
    after: Position | None = None
    prefix: str = ""


class Limit(msgspec.Struct, frozen=True):
    """The end of a page: after `rows` rows, or once they have `size` bytes.

    A row has `row_size` bytes, and those of its metadata if `metadata` is True; otherwise its metadata is left out.
    """

    rows: int
    size: int = sys.maxsize
    row_size: int = 0
    metadata: bool = True


class Page(msgspec.Struct, frozen=True):
    """Rows in order, and the position after which the next page starts, None on the last page."""

    rows: list[Row]
    after: Position | None


def segment(number: int, segments: int) -> tuple[Hash, Hash]:
    """Return the hashes at which segment `number` of `segments` starts and stops; together they cover all hashes."""
    return number * HASHES // segments, (number + 1) * HASHES // segments


def page(
    index: Index, span: Span, limit: Limit, matching: RowMask | None = None, check: DeadlineCheck = no_deadline
) -> Page:
    """Return the first rows of `span`, of those in `matching` if given; at least one if there are any.

    A page that read many rows without the prefix ends early, although more rows may follow. `check` is called after
    each chunk of rows.
    """
    rows: list[Row] = []
    read = size = 0
    for chunk in _chunks(index, span, matching or index.live, _chunk_rows(index, span, limit)):
        check()
        read += len(chunk)
        for row in chunk:
            if (span.after is not None and row.position <= span.after) or not row.id.startswith(span.prefix):
                continue
            if len(rows) == limit.rows or size >= limit.size:
                return Page(rows, rows[-1].position)
            rows.append(row if limit.metadata else structs.replace(row, metadata=None))
            size += limit.row_size + len(rows[-1].metadata or b"")
        if read >= MAX_READ:
            return Page(rows, chunk[-1].position)
    return Page(rows, None)


def _chunk_rows(index: Index, span: Span, limit: Limit) -> int:
    """Return how many rows to read at a time, so that large documents do not fill the memory."""
    return min(_CHUNK if span.prefix else limit.rows + 1, documents_within(index, _CHUNK_BYTES))


def _chunks(index: Index, span: Span, mask: RowMask, size: int) -> Iterator[list[Row]]:
    """Yield the rows of a span in order, a few at a time; rows with the same hash are in the same chunk.

    The documents of about `size` rows are fetched at a time.
    """
    start = max(span.start, span.after[0]) if span.after else span.start
    hashes, rows = _rows_by_hash(index, start, span.stop, mask)
    at = fetched = 0
    while at < len(rows):
        if at >= fetched:
            fetched = min(at + size, len(rows))
            _prefetch(index, rows[at:fetched])
        end = int(np.searchsorted(hashes, hashes[min(at + _FEW, fetched) - 1], "right"))
        yield sorted(_read(index, hashes[at:end], rows[at:end]), key=lambda row: row.position)
        at = end


def _rows_by_hash(index: Index, start: Hash, stop: Hash, mask: RowMask) -> tuple[Array, Array]:
    """Return the hashes from `start` to below `stop` of the rows of `mask`, ascending, and their row numbers."""
    packed = packed_documents(index)
    index.fetch(*((each.section, [each.hashes]) for _, each in packed))
    found = [_between(*documents.by_hash(index.fetch), start, stop, first) for first, documents in packed]
    if index.base and not isinstance(index.base.documents, PackedDocuments):
        found.append(_between(*_by_hash(index, range(index.base_rows)), start, stop, 0))
    if index.tail.ids:
        first = index.base_rows + index.tail.starts[-1]
        found.append(_between(*_by_hash(index, range(first, first + len(index.tail.ids))), start, stop, first))
    hashes = np.concatenate([_NONE, *(each for each, _ in found)])
    rows = np.concatenate([_NONE, *(each for _, each in found)])
    listed = np.concatenate([mask.base, mask.tail])[rows]
    hashes, rows = hashes[listed], rows[listed]
    if len(found) > 1:
        order = np.argsort(hashes, kind="stable")
        hashes, rows = hashes[order], rows[order]
    return hashes, rows


def packed_documents(index: Index) -> list[tuple[int, PackedDocuments]]:
    """Return the documents of the base and of the pieces, as far as they are packed, each with its first row."""
    starts = zip(index.tail.starts, index.tail.pieces, strict=False)
    packed = [(index.base_rows + start, piece.documents) for start, piece in starts]
    if index.base and isinstance(index.base.documents, PackedDocuments):
        packed.append((0, index.base.documents))
    return packed


def _between(hashes: Array, rows: Array, start: Hash, stop: Hash, first: int) -> tuple[Array, Array]:
    """Return the hashes from `start` to below `stop`, and their rows, which are numbered from the row `first`."""
    begin, end = np.searchsorted(hashes, [start, stop], "left").tolist()
    return hashes[begin:end], rows[begin:end] + first


def _by_hash(index: Index, rows: range) -> tuple[Array, Array]:
    """Return the hashes of `rows`, which are in memory, ascending, and the row of each, numbered from the first."""
    ids = index.ids_of(rows)
    hashes = np.fromiter((zlib.crc32(vector_id.encode()) for vector_id in ids), np.int64, len(ids))
    order = np.argsort(hashes, kind="stable")
    return hashes[order], order


def _prefetch(index: Index, rows: Array) -> None:
    index.documents.prefetch(np.sort(rows).tolist(), index.fetch)


def _read(index: Index, hashes: Array, rows: Array) -> list[Row]:
    by_row = np.argsort(rows)
    documents = index.documents.read(rows[by_row].tolist(), index.fetch)
    return [
        Row(id_hash, document.id, row, document.metadata)
        for id_hash, row, document in zip(hashes[by_row].tolist(), rows[by_row].tolist(), documents, strict=True)
    ]
