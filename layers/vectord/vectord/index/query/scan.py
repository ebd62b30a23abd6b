"""Rows in an order that no build changes, by the crc32 of the id, then the id: a listing goes on where it was left."""

import zlib
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.index.sections.documents import Packed
from vectord.index.state import Base, Index

if TYPE_CHECKING:
    from vectord.index.columns.filter import Matching

HASHES: Final = 1 << 32
MOST_READ: Final = 50_000  # rows whose ids a page looks at, where few of them start as they should
_CHUNK: Final = 1_024  # rows that are read at a time where nobody knows how many will do

type Hash = int
type Place = tuple[Hash, str]


class Row(msgspec.Struct, frozen=True):
    """A row by its place in the order; metadata as JSON text."""

    hash: Hash
    id: str
    row: int
    metadata: msgspec.Raw | None

    @property
    def place(self) -> Place:
        return self.hash, self.id


class Span(msgspec.Struct, frozen=True):
    """Rows whose hashes are `start` up to `stop`, those behind the place `after` alone, whose ids start so."""

    start: Hash = 0
    stop: Hash = HASHES
    after: Place | None = None
    prefix: str = ""


class Page(msgspec.Struct, frozen=True):
    """Rows in order, and the place that the next page begins behind, None if there is no more."""

    rows: list[Row]
    after: Place | None


def segment(number: int, segments: int) -> tuple[Hash, Hash]:
    """Return where segment `number` of so many begins and ends; together they are all hashes."""
    return number * HASHES // segments, (number + 1) * HASHES // segments


def page(index: Index, span: Span, limit: int, among: "Matching | None" = None) -> Page:
    """Return up to `limit` rows of `span`, of those `among` alone if given; fewer where many had to be looked at."""
    taken: list[Row] = []
    read = 0
    for some in _chunks(index, span, among, _CHUNK if span.prefix else limit + 1):
        read += len(some)
        for row in some:
            if (span.after is not None and row.place <= span.after) or not row.id.startswith(span.prefix):
                continue
            if len(taken) == limit:
                return Page(taken, taken[-1].place)
            taken.append(row)
        if read >= MOST_READ:
            return Page(taken, some[-1].place)
    return Page(taken, None)


def _chunks(index: Index, span: Span, among: "Matching | None", size: int) -> Iterator[list[Row]]:
    """Yield the rows of a span in order, some at a time; all of one hash come together."""
    start = max(span.start, span.after[0]) if span.after else span.start
    late = _late(index, start, span.stop, among)
    hashes, rows = _early(index, start, span.stop, among)
    at = 0
    while at < len(rows):
        end = int(np.searchsorted(hashes, hashes[min(at + size, len(rows)) - 1], "right"))
        bound = int(hashes[end]) if end < len(rows) else HASHES
        documents = _documents(index, hashes[at:end], rows[at:end])
        behind = [row for row in late if row.hash < bound]
        late = late[len(behind) :]
        yield sorted([*documents, *behind], key=lambda row: row.place)
        at = end
    rest = iter(late)
    while some := list(islice(rest, size)):
        yield some


def _late(index: Index, start: Hash, stop: Hash, among: "Matching | None") -> list[Row]:
    """Return the rows of the tail, in order."""
    tail = index.tail
    found = []
    for vector_id, row in tail.row_of.items():
        place = zlib.crc32(vector_id.encode())
        if start <= place < stop and (among is None or among.tail[row - index.covered]):
            found.append(Row(place, vector_id, row, tail.metadata.get(vector_id)))
    return sorted(found, key=lambda row: row.place)


def _early(
    index: Index, start: Hash, stop: Hash, among: "Matching | None"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the hashes and numbers of the base's rows, in order of hashes."""
    if index.base is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    hashes, rows = _hashed(index.base, index)
    first, last = np.searchsorted(hashes, [start, stop], "left").tolist()
    hashes, rows = hashes[first:last], rows[first:last]
    kept = np.ones(index.covered, np.bool_) if among is None else among.base.copy()
    kept[index.gone] = False
    chosen = kept[rows]
    return hashes[chosen], rows[chosen]


def _hashed(base: Base, index: Index) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    documents, count = base.documents, base.graph.rows
    if not isinstance(documents, Packed):
        ids = [document.id for document in documents.read(range(count), index.fetch)]
        hashes = np.fromiter((zlib.crc32(vector_id.encode()) for vector_id in ids), np.int64, count)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order
    index.fetch((documents.section, [(0, 8 + 8 * count)]))
    both = np.ndarray((2, count), "<u4", documents.section.buffer, 8).astype(np.int64)
    if both[1].max() >= count or (np.diff(both[0]) < 0).any():
        raise BlobCorrupt("its section 'rows' names a row that the graph does not have, or is out of order")
    return both[0], both[1]


def _documents(index: Index, hashes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> list[Row]:
    if index.base is None:
        return []
    documents = index.base.documents.read(rows.tolist(), index.fetch)
    return [
        Row(place, document.id, row, document.metadata)
        for place, row, document in zip(hashes.tolist(), rows.tolist(), documents, strict=True)
    ]
