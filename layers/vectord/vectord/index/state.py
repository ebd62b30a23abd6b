"""One state of an index: the base that the last build wrote, the tail of rows added since, and the removed rows."""

import sys
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np
from msgspec import structs

from vectord.errors import BlobCorrupt
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.rows import RowMask, Rows
from vectord.index.sections.base import NOTHING_TO_FETCH, Fetch, Section, SectionRanges
from vectord.index.sections.documents import Documents, PackedDocuments
from vectord.index.sections.graph import Graph
from vectord.index.sections.parts import Parts
from vectord.index.sections.sketch import Sketch
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.frame import SectionEntry
from vectord.lhv1.params import Params

Calibration = Mapping[str, Mapping[int, float]]  # strategy -> effort -> measured recall@10


class Base(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows that the last build wrote, 0 to `graph.rows`, with their documents and the structures that search them.

    `entries` lists its sections as the envelope does; `columns` is the section `columns`. It has `parts` or, if an
    earlier vectord built it, `sketch`; neither if the exact scan needs no help.
    """

    graph: Graph
    documents: Documents
    sketch: Sketch | None
    calibration: Calibration
    entries: tuple[SectionEntry, ...]
    columns: Section | None = None
    parts: Parts | None = None

    @property
    def packed(self) -> bool:
        """True if commits copy the base inside the store; a plain one is written again by every commit."""
        return isinstance(self.documents, PackedDocuments)

    @cached_property
    def auxiliary(self) -> list[SectionRanges]:
        """The sections that a search without a filter can need besides the graph."""
        documents: list[SectionRanges] = []
        if isinstance(self.documents, PackedDocuments):
            documents.append((self.documents.section, None))
        ranked = self.parts or self.sketch
        return [*documents, *([(ranked.section, None)] if ranked else [])]


class Tail(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows that were added since the last build, from row `first` on: one section per commit; searches scan them.

    `ids` has the ids of all its rows in order, including removed ones; `row_of` maps the live ids to their rows in the
    index; `metadata` is that of live rows. `pieces` are the written sections; `fresh` has the vectors of rows that are
    not in a section yet, and `fresh_crc32` their CRC-32, if it is known.
    """

    first: int
    params: Params
    ids: tuple[str, ...] = ()
    row_of: Mapping[str, int] = msgspec.field(default_factory=dict)
    metadata: Mapping[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    pieces: Sequence[Section] = ()
    fresh: F32 | None = None
    fresh_crc32: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def vectors(self, fetch: Fetch) -> F32:
        """Return the vectors of all its rows, float32 (rows, dimension); fetch missing bytes first.

        Raises:
            BlobCorrupt: a component is not finite.
        """
        missing = [piece for piece in self.pieces if not piece.whole]
        if missing:
            fetch(*((piece, None) for piece in missing))
        return self._vectors

    @property
    def texts(self) -> Sequence[msgspec.Raw | None]:
        """The metadata of each row; for a removed row whose id was added again, that of the new row."""
        return [self.metadata.get(vector_id) for vector_id in self.ids]

    @cached_property
    def norms(self) -> RowNorms:
        """The norms of its vectors, which must have been fetched."""
        return exact_scan.measure_norms(self._vectors, self.params.distance)

    @cached_property
    def _vectors(self) -> F32:
        parts = [piece.buffer.view("<f4").reshape(-1, self.params.dimension) for piece in self.pieces]
        if self.fresh is not None:
            parts.append(self.fresh)
        if len(parts) == 1 and parts[0].flags.aligned:
            [vectors] = parts
        else:
            vectors = np.concatenate([np.empty((0, self.params.dimension), np.float32), *parts])
        if not np.isfinite(vectors).all():
            raise BlobCorrupt("a vector of its tail is not finite")
        return vectors


class Index(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A state of an index.

    `removed` has the removed rows of the base and the tail; `tail_entries` lists the tail's sections; `commit` and
    `applied` name the commits that led to this state; `size` is the size of the blob and `body_start` the offset of its
    first section, in bytes; `fetch` fetches missing bytes of sections. `bucket_index` is None unless the index was
    created in a vector bucket.
    """

    params: Params
    tail: Tail
    base: Base | None = None
    removed: frozenset[int] = frozenset()
    tail_entries: tuple[SectionEntry, ...] = ()
    commit: str = ""
    applied: tuple[str, ...] = ()
    size: int = 0
    body_start: int = 0
    fetch: Fetch = NOTHING_TO_FETCH
    bucket_index: BucketIndex | None = None

    def __len__(self) -> int:
        return self.count

    @cached_property
    def count(self) -> int:
        """The number of live rows."""
        base_rows = self.base.graph.rows if self.base else 0
        return base_rows + len(self.tail.ids) - len(self.removed)

    @cached_property
    def base_rows(self) -> int:
        """The number of rows of the base, including removed ones."""
        return self.base.graph.rows if self.base else 0

    @cached_property
    def live(self) -> RowMask:
        """The rows that are neither deleted nor replaced."""
        base, tail = np.ones(self.base_rows, np.bool_), np.ones(len(self.tail.ids), np.bool_)
        return RowMask(base, tail).without(self.removed)

    @property
    def can_keep_base(self) -> bool:
        """True if the next commit can leave the base in place and write only the tail."""
        return bool(self.base and self.base.packed and len(self))

    def has_applied(self, commit: str) -> bool:
        """Return True if `commit` led to this state, as the last one or as one of the recent ones before it."""
        return commit == self.commit or commit in self.applied

    def find(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the live row of each of `ids` that the index contains."""
        row_of = {vector_id: self.tail.row_of[vector_id] for vector_id in ids if vector_id in self.tail.row_of}
        if self.base and len(row_of) < len(ids):
            others = [vector_id for vector_id in ids if vector_id not in row_of]
            in_base = self.base.documents.find(others, self.fetch)
            row_of |= {vector_id: row for vector_id, row in in_base.items() if row not in self.removed}
        return row_of

    def documents_within(self, size: int) -> int:
        """Return how many documents of the base have `size` bytes if they have the mean size; at least 1.

        Documents that are listed in the envelope are in memory already, so all of them count.
        """
        documents = self.base.documents if self.base else None
        if not isinstance(documents, PackedDocuments):
            return sys.maxsize
        return max(1, size * documents.count // documents.section.size)

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of ascending `rows`."""
        in_base = [row for row in rows if row < self.base_rows]
        ids = self.base.documents.ids(in_base, self.fetch) if self.base and in_base else []
        return [*ids, *(self.tail.ids[row - self.base_rows] for row in rows[len(in_base) :])]

    def metadata_of(self, row_of: Mapping[str, int]) -> dict[str, msgspec.Raw]:
        """Return the metadata, as JSON text, of the given ids and rows; ids without metadata are omitted."""
        metadata = {vector_id: self.tail.metadata[vector_id] for vector_id in row_of if vector_id in self.tail.metadata}
        rows = [row for row in row_of.values() if row < self.base_rows]
        if self.base and rows:
            documents = self.base.documents.read(rows, self.fetch)
            metadata |= {document.id: document.metadata for document in documents if document.metadata is not None}
        return metadata

    def vectors_of(self, rows: Sequence[int]) -> F32:
        """Return copies of the vectors of `rows`, float32 (rows, dimension).

        Raises:
            BlobCorrupt: a vector is not finite, or is zero under cosine. It also raises what `fetch` raises.
        """
        wanted = np.array(rows, np.int64)
        in_base = wanted < self.base_rows
        vectors = np.empty((len(wanted), self.params.dimension), np.float32)
        if self.base and in_base.any():
            self.fetch((self.base.graph.section, self.base.graph.byte_ranges(wanted[in_base])))
            vectors[in_base] = self.base.graph.take(wanted[in_base])
        if not in_base.all():
            vectors[~in_base] = self.tail.vectors(self.fetch)[wanted[~in_base] - self.base_rows]
        if self.params.distance == "cosine" and not vectors.any(axis=1).all():
            raise BlobCorrupt("a vector of it has no direction")
        return vectors

    @property
    def rows(self) -> Rows:
        """All live rows in memory: those of the base, then those of the tail."""
        live = sorted(set(range(self.base_rows)) - self.removed)
        if self.base is None:
            documents, vectors = [], self.vectors_of([])
        else:
            if not self.base.graph.section.whole:
                self.fetch((self.base.graph.section, None))
            documents = self.base.documents.read(live, self.fetch)
            vectors = self.base.graph.take(np.array(live, np.int64))
        row_of = self.tail.row_of
        if row_of:
            tail_vectors = self.tail.vectors(self.fetch)
            if len(row_of) < len(tail_vectors):
                tail_vectors = tail_vectors[np.array(list(row_of.values()), np.int64) - self.base_rows]
            vectors = np.concatenate([vectors, tail_vectors]) if len(vectors) else tail_vectors
        metadata = {document.id: document.metadata for document in documents if document.metadata is not None}
        return Rows([*(document.id for document in documents), *row_of], vectors, {**metadata, **self.tail.metadata})


def empty_index(params: Params) -> Index:
    """Return an index without rows."""
    return Index(params, Tail(0, params))


def with_rows(index: Index, rows: Rows) -> Index:
    """Return `index` with exactly `rows`, all of them in its tail until the next commit builds a base."""
    row_of = {vector_id: row for row, vector_id in enumerate(rows.ids)}
    tail = Tail(0, index.params, tuple(rows.ids), row_of, rows.metadata, fresh=rows.vectors)
    return structs.replace(index, tail=tail, base=None, removed=frozenset(), tail_entries=())
