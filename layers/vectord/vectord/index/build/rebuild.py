"""Rebuild an index while other writers change it: build from one state, then apply the result to a later state.

Both states number the rows of the old base alike, and those of the tail after them. So a live row
of the later state is in the build if the row of the same number was live in the earlier state and has the same content.
All other live rows go into the new tail, and all other built rows are removed. This compares only the two states, so it
is correct even if an earlier state was restored in between.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.index.build.builder import Built, Report, build, ignore
from vectord.index.rows import Array, Mask
from vectord.index.sections.base import MemorySection
from vectord.index.sections.documents import PackedDocuments
from vectord.index.sections.graph import Graph, layout_of
from vectord.index.sections.parts import Parts
from vectord.index.state import Base, Index, Tail
from vectord.index.thresholds import DEFAULT, Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.frame import Data, SectionEntry
from vectord.lhv1.section_names import TEXT
from vectord.lhv1.text_fields import sparse_numbers

_REMOVED: Final = -1


class Rebuilt(msgspec.Struct, frozen=True, eq=False):
    """A build of the state `before`: its sections in the order of the body, and the base that they form.

    `new_rows` has for each row of `before` its row in the new base, or -1 if it was removed.
    """

    before: Index
    sections: tuple[tuple[SectionEntry, Data], ...]
    base: Base
    new_rows: Array

    def parts(self, size: int) -> Iterator[bytes]:
        """Yield the body in parts of `size` bytes; the last may be shorter."""
        part = bytearray()
        for _, data in self.sections:
            view = memoryview(data)
            while view:
                room = size - len(part)
                part += view[:room]
                view = view[room:]
                if len(part) == size:
                    yield bytes(part)
                    part.clear()
        if part:
            yield bytes(part)


def rebuild(index: Index, commit: str, thresholds: Thresholds = DEFAULT, report: Report = ignore) -> Rebuilt | None:
    """Build an index for commit `commit`; return None if it is too small for the packed form, or now empty.

    The index is packed, or has all of its rows in its tail.

    Raises:
        BlobError: a section is corrupt. It also raises what `index.fetch` raises.
    """
    report("reads the index")
    index.fetch(*index.sections)
    if not len(index):
        return None
    rows = index.rows
    built = build(rows, index.params, thresholds, report)
    if not built.packed:
        return None
    sections = frame.section_entries(built.sections, commit)
    return Rebuilt(index, sections, _as_base(index, sections, built), _new_rows(index, rows.ids, built.ids))


def apply(rebuilt: Rebuilt, present: Index) -> Index | None:
    """Return the later state `present` with the new base; None if its base is not that of `rebuilt.before`.

    States without a base belong together if they have a row in common.

    `body_start` is 0, because the staged object starts with the rebuilt sections.

    Raises:
        BlobError: a section is corrupt. It also raises what `present.fetch` raises.
    """
    before = rebuilt.before
    if present.params != before.params or _base_entries(present) != _base_entries(before):
        return None
    live, was_live = _live(present), rebuilt.new_rows != _REMOVED
    common = min(len(live), len(was_live))  # rows that have a number in both states
    kept = np.zeros(len(was_live), np.bool_)
    kept[:common] = live[:common] & was_live[:common]
    _drop_other_content(kept, before, present)
    if before.base is None and not kept.any():
        return None
    live[:common] &= ~kept[:common]
    return structs.replace(
        present,
        base=rebuilt.base,
        tail=_new_tail(rebuilt.base.graph.rows, present, np.flatnonzero(live)),
        removed=frozenset(rebuilt.new_rows[was_live & ~kept].tolist()),
        tail_entries=(),
        text_entries=(),
        text_fields=present.params.text or {},
        body_start=0,
    )


def _base_entries(index: Index) -> Sequence[SectionEntry]:
    return index.base.entries if index.base else ()


def _as_base(index: Index, sections: Sequence[tuple[SectionEntry, Data]], built: Built) -> Base:
    data = {entry.name: MemorySection(content) for entry, content in sections}
    rows = len(built.ids)
    graph = Graph(layout_of(index.params), rows, data["graph"])
    entries = tuple(entry for entry, _ in sections)
    parts = None
    if built.parts:
        parts = Parts(data["parts"], rows, graph.layout.dimension, graph.distance, built.parts)
    # This base is encoded and never searched, so it needs no sketch.
    documents, text = PackedDocuments(data["rows"], rows), None
    if built.text:
        from vectord.index.sections.text import Text  # noqa: PLC0415  few indexes have texts

        fields, (front, samples) = index.params.text or {}, built.text
        text = Text(data[TEXT], rows, len(fields), front, sparse_numbers(fields), samples)
    return Base(graph, documents, None, built.calibration, entries, data.get("columns"), parts, text)


def _new_rows(index: Index, ids: Sequence[str], built_ids: Sequence[str]) -> Array:
    """Return the new row of each old one; `ids` are in the order of `index.rows`, `built_ids` in that of the build."""
    row_of = {vector_id: row for row, vector_id in enumerate(built_ids)}
    new_rows: Array = np.full(index.base_rows + len(index.tail), _REMOVED, np.int64)
    new_rows[index.live.rows] = [row_of[vector_id] for vector_id in ids]
    return new_rows


def _live(index: Index) -> Mask:
    """Return for each row of the base and the tail whether it is live."""
    return np.concatenate([index.live.base, index.live.tail])


def _drop_other_content(kept: Mask, before: Index, present: Index) -> None:
    """Set to False in `kept`, rows that are live in both states, those that have another content in each of them."""
    rows = np.flatnonzero(kept)
    rows = rows[rows >= before.base_rows + _rows_in_equal_pieces(before, present)]
    if len(rows):
        same = (_bits(before, rows) == _bits(present, rows)).all(axis=1)
        documents = (index.documents.read(rows.tolist(), index.fetch) for index in (before, present))
        kept[rows] = same & [one == other for one, other in zip(*documents, strict=True)]


def _rows_in_equal_pieces(before: Index, present: Index) -> int:
    """Return how many of the tail's first rows are in the same pieces in both states."""
    rows = 0
    for piece, *entries in zip(before.tail.pieces, before.tail_entries, present.tail_entries, strict=False):
        if entries[0] != entries[1]:
            break
        rows += piece.rows
    return rows


def _bits(index: Index, rows: Array) -> npt.NDArray[np.uint32]:
    """Return the bits of the vectors of rows: equal bits, unlike equal floats, distinguish 0.0 from -0.0."""
    return index.vectors_of(rows.tolist()).view(np.uint32)


def _new_tail(first: int, present: Index, rows: Array) -> Tail:
    """Return `rows` of the state `present` as a tail that starts at row `first`, with all its vectors in `fresh`."""
    if not len(rows):
        return Tail(first, present.params)
    ids = present.ids_of(rows.tolist())
    metadata = present.metadata_of(dict(zip(ids, rows.tolist(), strict=True)))
    vectors = present.vectors_of(rows.tolist())
    return Tail(first, present.params, ids=tuple(ids), metadata=metadata, fresh=vectors)
