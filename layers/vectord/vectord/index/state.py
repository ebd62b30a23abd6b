"""One state of an index: what the graph covers, what was removed of it, and the tail of what came since."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.errors import BlobCorrupt
from vectord.index import dedup
from vectord.index.kernels.distance import F32
from vectord.index.rows import Rows
from vectord.index.sections.base import Fetch, Section, all_here
from vectord.index.sections.documents import Documents, Packed
from vectord.index.sections.graph import Graph
from vectord.index.sections.sketch import Sketch
from vectord.index.sections.tail import Tail
from vectord.lhv1.frame import SectionEntry
from vectord.lhv1.params import Params

if TYPE_CHECKING:
    from vectord.index.columns.model import Gathered

Curves = Mapping[str, Mapping[int, float]]


class Base(msgspec.Struct, frozen=True, eq=False, dict=True):
    """What the last build wrote: rows 0 to `graph.rows`, their documents, and the ways to search them.

    `curves` is the calibration, way -> effort -> recall@10; `entries` lists the sections as the envelope does;
    `columns` is the section of that name.
    """

    graph: Graph
    documents: Documents
    sketch: Sketch | None
    curves: Curves
    entries: tuple[SectionEntry, ...]
    columns: Section | None = None

    @property
    def packed(self) -> bool:
        """Tell whether a change leaves it where it is; a plain one is written anew by every commit."""
        return isinstance(self.documents, Packed)

    @cached_property
    def gathered(self) -> "Gathered":
        """The columns of its documents, all of which must be here; for a base without a section of them."""
        from vectord.index.columns.collect import gathered  # noqa: PLC0415  a search without a filter needs none

        documents = self.documents.read(range(self.graph.rows), all_here)
        return gathered([document.metadata for document in documents])


class Index(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A state of an index.

    `removed` names rows of the base and the tail; `entries` are the tail's sections; `commit` and `applied` name the
    commits that led here; `size` is the blob's and `body` is where its sections start, in bytes; `bring` brings bytes
    of sections here.
    """

    params: Params
    tail: Tail
    base: Base | None = None
    removed: frozenset[int] = frozenset()
    entries: tuple[SectionEntry, ...] = ()
    commit: str = ""
    applied: tuple[str, ...] = ()
    size: int = 0
    body: int = 0
    fetch: Fetch = all_here

    def __len__(self) -> int:
        return self.covered + len(self.tail) - len(self.removed)

    @property
    def covered(self) -> int:
        """The rows that the graph holds, removed ones too."""
        return self.base.graph.rows if self.base else 0

    def has_applied(self, token: str) -> bool:
        """Tell whether commit `token` led to this state, as the last one or one of the recent ones before it."""
        return token == self.commit or token in self.applied

    @cached_property
    def gone(self) -> npt.NDArray[np.int64]:
        """The removed rows of the base, ascending."""
        return np.array(sorted(row for row in self.removed if row < self.covered), np.int64)

    @cached_property
    def gone_behind(self) -> npt.NDArray[np.int64]:
        """The removed rows of the tail, ascending, counted from its first."""
        return np.array(sorted(row - self.covered for row in self.removed if row >= self.covered), np.int64)

    def find(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the rows of those of `ids` that the index holds."""
        found = {vector_id: self.tail.row_of[vector_id] for vector_id in ids if vector_id in self.tail.row_of}
        if self.base and len(found) < len(ids):
            others = [vector_id for vector_id in ids if vector_id not in found]
            held = self.base.documents.find(others, self.fetch)
            found |= {vector_id: row for vector_id, row in held.items() if row not in self.removed}
        return found

    def metadata_of(self, row_of: Mapping[str, int]) -> dict[str, msgspec.Raw]:
        """Return the metadata, as JSON text, of those of the given ids and rows that have some."""
        found = {vector_id: self.tail.metadata[vector_id] for vector_id in row_of if vector_id in self.tail.metadata}
        rows = [row for row in row_of.values() if row < self.covered]
        if self.base and rows:
            documents = self.base.documents.read(rows, self.fetch)
            found |= {document.id: document.metadata for document in documents if document.metadata is not None}
        return found

    def vectors_of(self, rows: Sequence[int]) -> F32:
        """Return copies of the vectors of `rows`, float32 (rows, dimension).

        Raises:
            BlobCorrupt: one of them is none that an index can hold; what bringing bytes here may raise.
        """
        wanted = np.array(rows, np.int64)
        inside = wanted < self.covered
        taken = np.empty((len(wanted), self.params.dimension), np.float32)
        if self.base and inside.any():
            self.fetch((self.base.graph.section, self.base.graph.spans(wanted[inside])))
            taken[inside] = self.base.graph.take(wanted[inside])
        if not inside.all():
            taken[~inside] = self.tail.vectors(self.fetch)[wanted[~inside] - self.covered]
        if self.params.distance == "cosine" and not taken.any(axis=1).all():
            raise BlobCorrupt("a vector of it has no direction")
        return taken

    @property
    def rows(self) -> Rows:
        """All rows that the index holds, laid open in memory, the base's first."""
        kept = sorted(set(range(self.covered)) - self.removed)
        if self.base is None:
            kept, documents, vectors = [], [], self.vectors_of([])
        else:
            self.fetch((self.base.graph.section, None))
            documents = self.base.documents.read(kept, self.fetch)
            vectors = self.base.graph.take(np.array(kept, np.int64))
        row_of = self.tail.row_of
        if row_of:
            live = self.tail.vectors(self.fetch)
            if len(row_of) < len(live):
                live = live[np.array(list(row_of.values()), np.int64) - self.covered]
            vectors = np.concatenate([vectors, live]) if len(vectors) else live
        metadata = {document.id: document.metadata for document in documents if document.metadata is not None}
        return Rows([*(document.id for document in documents), *row_of], vectors, {**metadata, **self.tail.metadata})


def create(params: Params) -> Index:
    return Index(params, Tail(0, params))


def with_rows(index: Index, rows: Rows) -> Index:
    """Return `index` with other rows, which no graph covers until they are encoded."""
    row_of = {vector_id: row for row, vector_id in enumerate(rows.ids)}
    tail = Tail(0, index.params, tuple(rows.ids), row_of, rows.metadata, fresh=rows.vectors)
    return structs.replace(index, tail=tail, base=None, removed=frozenset(), entries=())


def with_upload(index: Index, key: str, sequencer: str) -> Index:
    """Return `index` with the upload that changed it on record, so that its repeat changes nothing."""
    return structs.replace(index, applied=dedup.with_upload(index.applied, key, sequencer))
