"""One state of an index: the base that the last build wrote, the tail of rows added since, and the removed rows."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from vectord.errors import BlobCorrupt
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import F32
from vectord.index.kernels.exact_scan import RowNorms
from vectord.index.rows import Array, RowMask, Rows
from vectord.index.sections import pieces
from vectord.index.sections.base import NOTHING_TO_FETCH, Fetch, Section, SectionRanges
from vectord.index.sections.documents import Documents, ListedDocuments, PackedDocuments
from vectord.index.sections.graph import Graph
from vectord.index.sections.joined import JoinedDocuments
from vectord.index.sections.parts import Parts
from vectord.index.sections.piece import Piece
from vectord.index.sections.sketch import Sketch
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.frame import SectionEntry
from vectord.lhv1.params import Params
from vectord.lhv1.text_fields import TextFields

if TYPE_CHECKING:  # an index without texts does not import them
    from vectord.index.sections.text import Text

Calibration = Mapping[str, Mapping[int, float]]  # strategy -> effort -> measured recall@10


class Base(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows that the last build wrote, 0 to `graph.rows`, with their documents and the structures that search them.

    `entries` lists its sections as the envelope does; `columns` is the section `columns`, `text` the section `text`. It
    has `parts` or, if an earlier vectord built it, `sketch`; neither if the exact scan needs no help.
    """

    graph: Graph
    documents: Documents
    sketch: Sketch | None
    calibration: Calibration
    entries: tuple[SectionEntry, ...]
    columns: Section | None = None
    parts: Parts | None = None
    text: "Text | None" = None

    @property
    def packed(self) -> bool:
        """True if commits copy the base inside the store; a plain one is written again by every commit."""
        return isinstance(self.documents, PackedDocuments)

    @property
    def packed_documents(self) -> list[SectionRanges]:
        """The section of its documents, if they are not listed in the envelope."""
        return [(self.documents.section, None)] if isinstance(self.documents, PackedDocuments) else []

    @cached_property
    def auxiliary(self) -> list[SectionRanges]:
        """The sections that a search without a filter can need besides the graph."""
        documents = self.packed_documents
        ranked = self.parts or self.sketch
        return [*documents, *([(ranked.section, None)] if ranked else [])]


class Tail(msgspec.Struct, frozen=True, eq=False, dict=True, weakref=True):
    """The rows that were added since the last build, from row `first` on: `pieces`, and then rows listed in memory.

    `pieces` are the sections `piece`, oldest first, and `texts` the texts of each, or none if there are none. `ids` has
    the ids of the listed rows in order, including removed ones; `metadata` is that of live ones. `sections` have the
    vectors of the first of them, if an earlier vectord wrote them as sections `tail`, and `fresh` those of the others,
    which no commit has written yet.
    """

    first: int
    params: Params
    pieces: tuple[Piece, ...] = ()
    ids: tuple[str, ...] = ()
    metadata: Mapping[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    fresh: F32 | None = None
    texts: "tuple[Text, ...]" = ()

    def __len__(self) -> int:
        return self.starts[-1] + len(self.ids)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first row of each piece, and that of the listed rows, numbered from the tail's first."""
        return tuple(accumulate((piece.rows for piece in self.pieces), initial=0))

    @property
    def needed(self) -> list[SectionRanges]:
        """All of its sections."""
        return [(section, None) for section in (*(piece.section for piece in self.pieces), *self.sections)]

    def vectors(self, fetch: Fetch) -> F32:
        """Return the vectors of all its rows, float32 (rows, dimension); fetch missing bytes first.

        Raises:
            BlobCorrupt: a component is not finite.
        """
        if missing := [each for each in self.needed if not each[0].whole]:
            fetch(*missing)
        return self._vectors

    def ranges_of(self, rows: Array) -> list[SectionRanges]:
        """Return the bytes of the vectors of `rows`, numbered from the tail's first."""
        listed = self.sections if (rows >= self.starts[-1]).any() else ()
        return [*pieces.ranges_of(self.pieces, self.starts, rows), *((section, None) for section in listed)]

    def take(self, rows: Array) -> F32:
        """Return copies of the vectors of `rows`, float32 (len(rows), dimension); it needs the bytes of `ranges_of`.

        Raises:
            BlobCorrupt: as `vectors`.
        """
        taken = np.empty((len(rows), self.params.dimension), np.float32)
        pieces.take(self.pieces, self.starts, rows, taken)
        if (listed := rows >= self.starts[-1]).any():
            taken[listed] = self.listed_vectors[rows[listed] - self.starts[-1]]
        return taken

    @cached_property
    def norms(self) -> RowNorms:
        """The norms of its vectors, which must have been fetched."""
        return exact_scan.measure_norms(self._vectors, self.params.distance)

    @cached_property
    def listed_vectors(self) -> F32:
        """The vectors of the listed rows, which must have been fetched."""
        return self._joined([])

    @cached_property
    def _vectors(self) -> F32:
        return self._joined([piece.vectors for piece in self.pieces])

    def _joined(self, parts: list[F32]) -> F32:
        """Return `parts` and the vectors of the listed rows."""
        # Pieces check their vectors at each call; `fresh` ones were checked as rows of a request, a file or a base.
        stored = [section.buffer.view("<f4").reshape(-1, self.params.dimension) for section in self.sections]
        if not all(np.isfinite(vectors).all() for vectors in stored):
            raise BlobCorrupt("a vector of its tail is not finite")
        parts += stored
        if self.fresh is not None:
            parts.append(self.fresh)
        if len(parts) == 1 and parts[0].flags.aligned:
            return parts[0]
        return np.concatenate([np.empty((0, self.params.dimension), np.float32), *parts])


class Index(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A state of an index.

    `removed` has the removed rows of the base and the tail; `tail_entries` lists the tail's written sections, oldest
    first, and `text_entries` those of the texts of its pieces. `text_fields` are the fields that its sections of texts
    have; they differ from those that `params` declare until a build. `commit` and `applied` name the commits that led
    to this state; `size` is the size of the blob and `body_start` the offset of its first section, in bytes; `fetch`
    fetches missing bytes of sections. `bucket_index` is None unless the index was created in a vector bucket.
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
    text_entries: tuple[SectionEntry, ...] = ()
    text_fields: TextFields = msgspec.field(default_factory=dict)

    def __len__(self) -> int:
        return self.count

    @cached_property
    def count(self) -> int:
        """The number of live rows."""
        return self.base_rows + len(self.tail) - len(self.removed)

    @cached_property
    def base_rows(self) -> int:
        """The number of rows of the base, including removed ones."""
        return self.base.graph.rows if self.base else 0

    @cached_property
    def live(self) -> RowMask:
        """The rows that are neither deleted nor replaced."""
        base, tail = np.ones(self.base_rows, np.bool_), np.ones(len(self.tail), np.bool_)
        return RowMask(base, tail).without(self.removed)

    @property
    def can_keep_base(self) -> bool:
        """True if the next commit can leave the base in place and write only the tail."""
        return bool(self.base and self.base.packed and len(self))

    def has_applied(self, commit: str) -> bool:
        """Return True if `commit` led to this state, as the last one or as one of the recent ones before it."""
        return commit == self.commit or commit in self.applied

    @cached_property
    def documents(self) -> Documents:
        """The documents of all rows, including removed ones."""
        base, tail = self.base, self.tail
        places: list[Documents] = [*([base.documents] if base else []), *(piece.documents for piece in tail.pieces)]
        if tail.ids or not places:
            places.append(ListedDocuments(tail.ids, tail.metadata))
        starts = [*([0] if base else []), *(tail.first + start for start in tail.starts)]
        ends = [tail.first + len(tail)] if tail.ids else []
        return JoinedDocuments(tuple(places), (*starts, *ends)) if len(places) > 1 else places[0]

    def find(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the live row of each of `ids` that the index contains."""
        # The last row of an id is the live one, unless the id was deleted.
        found = self.documents.find(ids, self.fetch)
        return {vector_id: row for vector_id, row in found.items() if row not in self.removed}

    def ids_of(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of ascending `rows`."""
        return self.documents.ids(rows, self.fetch) if rows else []

    def metadata_of(self, row_of: Mapping[str, int]) -> dict[str, msgspec.Raw]:
        """Return the metadata, as JSON text, of the given ids and rows; ids without metadata are omitted."""
        documents = self.documents.read(sorted(row_of.values()), self.fetch) if row_of else []
        return {document.id: document.metadata for document in documents if document.metadata is not None}

    def vectors_of(self, rows: Sequence[int]) -> F32:
        """Return copies of the vectors of `rows`, float32 (rows, dimension).

        Raises:
            BlobCorrupt: a vector is not finite, or is zero under cosine. It also raises what `fetch` raises.
        """
        wanted = np.array(rows, np.int64)
        in_base = wanted < self.base_rows
        vectors = np.empty((len(wanted), self.params.dimension), np.float32)
        in_tail = wanted[~in_base] - self.base_rows
        needed = self.tail.ranges_of(in_tail)
        if self.base and in_base.any():
            needed.append((self.base.graph.section, self.base.graph.byte_ranges(wanted[in_base])))
        self.fetch(*needed)
        if self.base and in_base.any():
            vectors[in_base] = self.base.graph.take(wanted[in_base])
        vectors[~in_base] = self.tail.take(in_tail)
        if self.params.distance == "cosine" and not vectors.any(axis=1).all():
            raise BlobCorrupt("a vector of it has no direction")
        return vectors

    @property
    def texts(self) -> "list[Text]":
        """The sections of texts: that of the base, if there is one, and those of the pieces, oldest first."""
        return [*([self.base.text] if self.base and self.base.text else []), *self.tail.texts]

    @property
    def sections(self) -> list[SectionRanges]:
        """The sections that have vectors and documents of rows; all bytes of them."""
        of_base = [(self.base.graph.section, None), *self.base.packed_documents] if self.base else []
        return [*of_base, *self.tail.needed]

    @property
    def rows(self) -> Rows:
        """All live rows in memory: those of the base, then those of the tail."""
        if missing := [each for each in self.sections if not each[0].whole]:
            self.fetch(*missing)
        base, tail, first = self.base, self.tail, self.base_rows
        live = sorted(set(range(first + len(tail))) - self.removed)
        divided = bisect_left(live, first)
        in_base, in_tail = live[:divided], live[divided:]
        documents = base.documents.read(in_base, self.fetch) if base else []
        if tail.pieces:
            documents = [*documents, *self.documents.read(in_tail, self.fetch)]
        ids = [document.id for document in documents]
        metadata = {document.id: document.metadata for document in documents if document.metadata is not None}
        if not tail.pieces:
            ids += [tail.ids[row - first] for row in in_tail]
            metadata |= tail.metadata
        vectors = tail.vectors(self.fetch)
        if len(in_tail) < len(vectors):
            vectors = vectors[np.array(in_tail, np.int64) - first]
        if base:
            joined = np.empty((len(live), self.params.dimension), np.float32)
            base.graph.copy(np.array(in_base, np.int64), joined[:divided])
            joined[divided:] = vectors
            vectors = joined
        return Rows(ids, vectors, metadata)


def empty_index(params: Params) -> Index:
    """Return an index without rows."""
    return Index(params, Tail(0, params))
