"""The two sources of an index's metadata, base and tail: columns, and documents where columns do not decide."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import batched
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.match import Container, PathsAndParents, leaves
from vectord.filters.values import Key, key_of
from vectord.index.columns.collect import collect_columns, decode_metadata
from vectord.index.columns.model import CollectedColumns, Columns, no_columns
from vectord.index.columns.reader import StoredColumns, first_read
from vectord.index.memory import documents_within
from vectord.index.rows import Mask, RowMask
from vectord.index.sections.base import Fetch
from vectord.index.sections.documents import Document, PackedDocuments
from vectord.index.state import Base, Index, Tail
from vectord.lhv1.text_fields import of_sparse

Array = npt.NDArray[np.int64]

_CHUNK: Final = 4_096  # documents that are fetched at a time, at most
_CHUNK_BYTES: Final = 16 << 20  # of documents that are fetched at a time, about
_MANY_VALUES: Final = 256  # of one document, between two checks of the deadline
_FEW: Final = 16  # documents that are decoded at a time, because some may be much longer than the others

# Columns that were collected in memory. An entry is dropped with its base or tail.
_COLLECTED: Final[WeakKeyDictionary[Base | Tail, CollectedColumns]] = WeakKeyDictionary()


class Source(msgspec.Struct, frozen=True, eq=False):
    """Rows of an index, from `first` on, numbered from 0 in each method.

    `mask` has the rows that count, bool (rows,). `read` returns the documents of ascending rows, `ids` their ids, and
    `prefetch` fetches the bytes of documents that are not local. Documents are fetched `chunk` at a time. `check` is
    called before each document is used.
    """

    first: int
    columns: Columns
    mask: Mask
    read: Callable[[Sequence[int]], Sequence[Document]]
    ids: Callable[[Sequence[int]], Sequence[str]]
    prefetch: Callable[[Sequence[int]], None]
    chunk: int
    fetch: Fetch
    check: DeadlineCheck

    def documents(self, rows: Array) -> Iterator[tuple[int, Document]]:
        """Yield each of the ascending `rows` with its document."""
        for start in range(0, len(rows), self.chunk):
            some = rows[start : start + self.chunk].tolist()
            self.prefetch(some)
            for few in batched(some, _FEW):
                for row, document in zip(few, self.read(few), strict=True):
                    self.check()
                    yield row, document

    def decoded(self, rows: Array) -> Iterator[tuple[int, Any]]:
        """Yield each of the ascending `rows` with its metadata as a Python value."""
        return ((row, decode_metadata(document.metadata)) for row, document in self.documents(rows))

    def keys_at(self, path: str, metadata: object) -> Iterator[Key]:
        """Yield the key of each value at a path of a document: of elements of arrays, not of arrays and objects."""
        found = (
            leaf
            for at, leaf in leaves(metadata, PathsAndParents([path], self.check))
            if at == path and not isinstance(leaf, Container)
        )
        for number, leaf in enumerate(found):
            if number % _MANY_VALUES == _MANY_VALUES - 1:
                self.check()
            yield key_of(leaf)


def sources(
    index: Index, mask: RowMask, check: DeadlineCheck = no_deadline, *, with_columns: bool = True
) -> list[Source]:
    """Return the base and the tail of `index`, without one that has no rows, and the rows of `mask` in each.

    Without columns, which take time to collect from a tail, only the documents have the values at any path.
    """
    found = []
    if index.base:
        found.append(_base_source(index, index.base, mask.base, check, with_columns=with_columns))
    if index.live.tail_count:
        found.append(_tail_source(index, mask.tail, check, with_columns=with_columns))
    return found


def _base_source(index: Index, base: Base, mask: Mask, check: DeadlineCheck, *, with_columns: bool) -> Source:
    def read(rows: Sequence[int]) -> Sequence[Document]:
        return base.documents.read(rows, index.fetch)

    def ids(rows: Sequence[int]) -> Sequence[str]:
        return base.documents.ids(rows, index.fetch)

    def prefetch(rows: Sequence[int]) -> None:
        base.documents.prefetch(rows, index.fetch)

    closed = of_sparse(index.text_fields) if index.text_fields else ()
    columns = _base_columns(base, index.fetch, check, closed) if with_columns else no_columns(base.graph.rows)
    chunk = min(_CHUNK, documents_within(index, _CHUNK_BYTES))
    return Source(0, columns, mask, read, ids, prefetch, chunk, index.fetch, check)


def _tail_source(index: Index, mask: Mask, check: DeadlineCheck, *, with_columns: bool) -> Source:
    tail, first = index.tail, index.tail.first

    def read(rows: Sequence[int]) -> Sequence[Document]:
        return index.documents.read([first + row for row in rows], index.fetch)

    def ids(rows: Sequence[int]) -> Sequence[str]:
        return index.documents.ids([first + row for row in rows], index.fetch)

    def prefetch(rows: Sequence[int]) -> None:
        index.documents.prefetch([first + row for row in rows], index.fetch)

    def texts() -> Sequence[msgspec.Raw | None]:
        # What the columns of the base start with is fetched in the same round.
        directory = (
            [(index.base.columns, [first_read(index.base.columns)])] if index.base and index.base.columns else []
        )
        index.fetch(*((piece.section, [piece.document_range]) for piece in tail.pieces), *directory)
        return [document.metadata for document in read(range(len(tail)))]

    columns = _collected(tail, texts, check) if with_columns else no_columns(len(tail))
    chunk = min(_CHUNK, documents_within(index, _CHUNK_BYTES))
    return Source(first, columns, mask, read, ids, prefetch, chunk, index.fetch, check)


def _base_columns(base: Base, fetch: Fetch, check: DeadlineCheck, closed: Collection[str] = ()) -> Columns:
    """Return the columns of a base: those of its section, or else columns that are collected from its documents."""
    rows = base.graph.rows
    if base.columns is not None:
        return StoredColumns(base.columns, rows, closed)
    # The base has no metadata, has the plain form, or was written by a version of vectord without columns.
    if isinstance(base.documents, PackedDocuments):
        fetch((base.documents.section, None))
    return _collected(base, lambda: [document.metadata for document in base.documents.read(range(rows), fetch)], check)


def _collected(
    source: Base | Tail, texts: Callable[[], Sequence[msgspec.Raw | None]], check: DeadlineCheck
) -> CollectedColumns:
    columns = _COLLECTED.get(source)
    if columns is None:
        columns = _COLLECTED[source] = collect_columns(texts(), check)
    return columns
