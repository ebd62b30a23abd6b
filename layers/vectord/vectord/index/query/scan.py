"""List rows by the crc32 of the id and then by the id: no build changes this order, so a page can continue another."""

import sys
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.rows import RowMask
from vectord.index.sections.documents import PackedDocuments
from vectord.index.state import Base, Index

Array = npt.NDArray[np.int64]

HASHES: Final = 1 << 32
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
    return min(_CHUNK if span.prefix else limit.rows + 1, index.documents_within(_CHUNK_BYTES))


def _chunks(index: Index, span: Span, mask: RowMask, size: int) -> Iterator[list[Row]]:
    """Yield the rows of a span in order, a few at a time; rows with the same hash are in the same chunk.

    The documents of about `size` rows are fetched at a time.
    """
    start = max(span.start, span.after[0]) if span.after else span.start
    in_tail = _tail_rows(index, start, span.stop, mask)
    hashes, rows = _base_rows(index, start, span.stop, mask)
    at = fetched = listed = 0
    while at < len(rows):
        if at >= fetched:
            fetched = min(at + size, len(rows))
            _prefetch(index, rows[at:fetched])
        end = int(np.searchsorted(hashes, hashes[min(at + _FEW, fetched) - 1], "right"))
        bound = int(hashes[end]) if end < len(rows) else HASHES
        in_base = _read(index, hashes[at:end], rows[at:end])
        until = bisect_left(in_tail, bound, listed, key=lambda row: row.hash)
        yield sorted([*in_base, *in_tail[listed:until]], key=lambda row: row.position)
        at, listed = end, until
    rest = iter(in_tail[listed:])
    while chunk := list(islice(rest, size)):
        yield chunk


def _tail_rows(index: Index, start: Hash, stop: Hash, mask: RowMask) -> list[Row]:
    """Return the rows of the tail with hashes from `start` to below `stop`, in order."""
    tail = index.tail
    rows = []
    for vector_id, row in tail.row_of.items():
        id_hash = zlib.crc32(vector_id.encode())
        if start <= id_hash < stop and mask.tail[row - tail.first]:
            rows.append(Row(id_hash, vector_id, row, tail.metadata.get(vector_id)))
    return sorted(rows, key=lambda row: row.position)


def _base_rows(index: Index, start: Hash, stop: Hash, mask: RowMask) -> tuple[Array, Array]:
    """Return the hashes and row numbers of the base's rows from `start` to below `stop`, in order of hashes."""
    if index.base is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    hashes, rows = _by_hash(index.base, index)
    first, last = np.searchsorted(hashes, [start, stop], "left").tolist()
    hashes, rows = hashes[first:last], rows[first:last]
    listed = mask.base[rows]
    return hashes[listed], rows[listed]


def _by_hash(base: Base, index: Index) -> tuple[Array, Array]:
    """Return the hashes of all rows of the base, ascending, and the row of each."""
    documents, count = base.documents, base.graph.rows
    if not isinstance(documents, PackedDocuments):
        ids = [document.id for document in documents.read(range(count), index.fetch)]
        hashes = np.fromiter((zlib.crc32(vector_id.encode()) for vector_id in ids), np.int64, count)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order
    return documents.by_hash(index.fetch)


def _prefetch(index: Index, rows: Array) -> None:
    if index.base is not None:
        index.base.documents.prefetch(rows.tolist(), index.fetch)


def _read(index: Index, hashes: Array, rows: Array) -> list[Row]:
    if index.base is None:
        return []
    documents = index.base.documents.read(rows.tolist(), index.fetch)
    return [
        Row(id_hash, document.id, row, document.metadata)
        for id_hash, row, document in zip(hashes.tolist(), rows.tolist(), documents, strict=True)
    ]
