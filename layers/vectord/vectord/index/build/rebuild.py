"""A build beside the changes that go on meanwhile: made from one state of an index, carried over to a later one.

Both states number the rows of the old graph alike, and those of the tail after them. So a row of the later state is in
the build if it was live in the earlier one under the same number, with the same content; whatever else is live goes
into the new tail, and whatever else was built is removed. No history is asked for: a state that somebody restored
between the two comes out right as well.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import structs

from vectord.index.build.builder import build
from vectord.index.codec.encode import described
from vectord.index.sections.base import InMemory
from vectord.index.sections.documents import Packed
from vectord.index.sections.graph import Graph, layout_of
from vectord.index.sections.tail import Tail
from vectord.index.state import Base, Curves, Index
from vectord.index.thresholds import DEFAULT, Thresholds
from vectord.lhv1.frame import SectionEntry

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_GONE: Final = -1


class Rebuilt(msgspec.Struct, frozen=True, eq=False):
    """What was built from the state `before`: its sections in the order of the body, and them as a base.

    `moved` holds the new row of each row of `before`, below 0 where that was removed.
    """

    before: Index
    sections: tuple[tuple[SectionEntry, bytes], ...]
    base: Base
    moved: Array

    def parts(self, size: int) -> Iterator[bytes]:
        """Yield the body in parts of `size` bytes, the last of fewer."""
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


def rebuild(index: Index, commit: str, sizes: Thresholds = DEFAULT) -> Rebuilt | None:
    """Build packed `index` anew for commit `commit`; None if it is so small by now that it would not be packed.

    Raises:
        BlobError, what bringing its bytes raises
    """
    base = _base(index)
    index.fetch((base.graph.section, None), *((piece, None) for piece in index.tail.pieces))
    if isinstance(base.documents, Packed):
        index.fetch((base.documents.section, None))
    if not len(index):
        return None
    rows = index.rows
    made = build(rows, index.params, sizes)
    if not made.packed:
        return None
    sections = described(made, commit)
    new = _as_base(index, sections, len(rows), made.curves)
    return Rebuilt(index, sections, new, _moved(index, rows.ids, made.rows.ids))


def carried(rebuilt: Rebuilt, now: Index) -> Index | None:
    """Return the state `now` upon what was rebuilt; None if something else than `rebuilt.before` was built upon.

    Its body starts at byte 0 of wherever the rebuilt sections lie.

    Raises:
        BlobError, what bringing bytes of `now` raises
    """
    before = rebuilt.before
    if now.base is None or now.base.entries != _base(before).entries:
        return None
    live, was = _live(now), rebuilt.moved > _GONE
    both = min(len(live), len(was))
    kept = np.zeros(len(was), np.bool_)
    kept[:both] = live[:both] & was[:both] & _alike(before, now, both)
    live[:both] &= ~kept[:both]
    return structs.replace(
        now,
        base=rebuilt.base,
        tail=_tail(rebuilt.base.graph.rows, now, np.flatnonzero(live)),
        removed=frozenset(rebuilt.moved[was & ~kept].tolist()),
        entries=(),
        body=0,
    )


def _base(index: Index) -> Base:
    if index.base is None:
        raise AssertionError("only an index that was built once is rebuilt")
    return index.base


def _as_base(index: Index, sections: Sequence[tuple[SectionEntry, bytes]], rows: int, curves: Curves) -> Base:
    data = {entry.name: InMemory(content) for entry, content in sections}
    graph = Graph(layout_of(index.params), rows, data["graph"])
    entries = tuple(entry for entry, _ in sections)
    # It is encoded, and never searched.
    return Base(graph, Packed(data["rows"], rows), None, curves, entries, data.get("columns"))


def _moved(index: Index, ids: Sequence[str], built: Sequence[str]) -> Array:
    """Return the new row of each old one; `ids` are in the order of `index.rows`, `built` in that of the build."""
    live = np.flatnonzero(_live(index)[: index.covered])
    rows = np.concatenate([live, np.array(list(index.tail.row_of.values()), np.int64)])
    row_of = {vector_id: row for row, vector_id in enumerate(built)}
    moved: Array = np.full(index.covered + len(index.tail), _GONE, np.int64)
    moved[rows] = [row_of[vector_id] for vector_id in ids]
    return moved


def _live(index: Index) -> Mask:
    """Tell of each row of the graph and the tail whether it is live."""
    live = np.ones(index.covered + len(index.tail), np.bool_)
    live[list(index.removed)] = False
    return live


def _alike(before: Index, now: Index, rows: int) -> Mask:
    """Tell of each of the first `rows` rows, live in both states, whether it has the same content in both."""
    alike = np.ones(rows, np.bool_)
    covered = before.covered
    if rows > covered:
        alike[covered:] = (_bits(before, rows - covered) == _bits(now, rows - covered)).all(axis=1)
        for row in np.flatnonzero(alike[covered:]).tolist():
            vector_id = before.tail.ids[row]
            alike[covered + row] = vector_id == now.tail.ids[row] and _text(before, vector_id) == _text(now, vector_id)
    return alike


def _bits(index: Index, rows: int) -> npt.NDArray[np.uint32]:
    return index.tail.vectors(index.fetch)[:rows].view(np.uint32)


def _text(index: Index, vector_id: str) -> bytes | None:
    metadata: msgspec.Raw | None = index.tail.metadata.get(vector_id)
    return None if metadata is None else bytes(metadata)


def _tail(first: int, now: Index, rows: Array) -> Tail:
    """Return `rows` of the state `now` as a tail that starts at row `first`, all of it fresh."""
    if not len(rows):
        return Tail(first, now.params)
    base, covered = _base(now), now.covered
    old = rows[rows < covered].tolist()
    ids = [document.id for document in base.documents.read(old, now.fetch)]
    ids += [now.tail.ids[row - covered] for row in rows[rows >= covered].tolist()]
    metadata = now.metadata_of(dict(zip(ids, rows.tolist(), strict=True)))
    row_of = {vector_id: row for row, vector_id in enumerate(ids, first)}
    return Tail(first, now.params, tuple(ids), row_of, metadata, fresh=now.vectors_of(rows.tolist()))
