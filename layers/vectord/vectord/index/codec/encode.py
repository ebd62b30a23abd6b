"""Encode an index: what a commit writes, and what it copies from the object before it."""

from collections.abc import Sequence

import msgspec
from msgspec import structs

from vectord.index import mutations
from vectord.index.sections.base import ByteRange
from vectord.index.state import Base, Calibration, Index
from vectord.index.thresholds import DEFAULT, Thresholds, build_is_due
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope, SectionEntry


class PreparedBlob(msgspec.Struct, frozen=True):
    """What a commit writes: `head`, then the bytes `copied` of an existing object, then new `sections`.

    The existing object is the one that is replaced, or a staged one. `copied` is None if the whole object is new.
    `head` is the encoded `envelope`.
    """

    head: bytes
    copied: ByteRange | None
    sections: tuple[tuple[SectionEntry, bytes], ...]
    envelope: Envelope

    @property
    def new_bytes(self) -> bytes:
        """The new sections, back to back."""
        return b"".join(data for _, data in self.sections)

    @property
    def blob(self) -> bytes:
        """The whole object, if all of it is new."""
        if self.copied is not None:
            raise AssertionError("a part of the object must be copied")
        return b"".join((self.head, *(data for _, data in self.sections)))

    @property
    def copied_size(self) -> int:
        return self.copied[1] - self.copied[0] if self.copied else 0

    @property
    def size(self) -> int:
        return len(self.head) + self.copied_size + sum(entry.bytes for entry, _ in self.sections)


def encode(
    index: Index, name: str, commit: str, *, thresholds: Thresholds = DEFAULT, rebuild: bool | None = None
) -> PreparedBlob:
    """Return the blob that commit `commit` writes under `name`.

    If `rebuild` is True, all sections are built from all rows; by default, only when a build is due. A plain index is
    always built, and so is a packed index that is too short for the store to copy.
    """
    committed = structs.replace(
        index,
        params=structs.replace(index.params, name=name),
        commit=commit,
        applied=mutations.with_commit(index.applied, commit),
    )
    if index.base and index.can_keep_base and not (build_is_due(index, thresholds) if rebuild is None else rebuild):
        appended = _append_tail(committed, index.base, thresholds)
        if appended.copied_size >= thresholds.part:
            return appended
    return _build_all(committed, thresholds)


def _append_tail(index: Index, base: Base, thresholds: Thresholds) -> PreparedBlob:
    """Return a blob that copies the base and the written tail, and adds the fresh rows as a tail section."""
    tail, pieces = index.tail, index.tail_entries
    data = b"" if tail.fresh is None else tail.fresh.astype("<f4").tobytes()
    if len(pieces) > thresholds.pieces:
        pieces, data = (), tail.vectors(index.fetch).astype("<f4").tobytes()
    added = ((frame.section_entry("tail", f"{index.commit}/tail", data), data),) if data else ()
    copied_entries = (*base.entries, *pieces)
    envelope = structs.replace(
        _envelope(index, (*copied_entries, *(entry for entry, _ in added)), base.calibration),
        ids=list(tail.ids),
        metadata=dict(tail.metadata),
        removed=sorted(index.removed),
        graph_rows=base.graph.rows,
    )
    head = frame.encode_head(envelope, padded_size=thresholds.part)
    copied = index.body_start, index.body_start + sum(entry.bytes for entry in copied_entries)
    return PreparedBlob(head, copied, added, envelope)


def _build_all(index: Index, thresholds: Thresholds) -> PreparedBlob:
    """Return a blob that copies nothing: all sections are built from all rows."""
    rows = index.rows
    if not rows.ids:
        envelope = _envelope(index, (), {})
        return PreparedBlob(frame.encode_head(envelope), None, (), envelope)
    # A function that only searches imports this module and never builds; importing the builder would take it 7 ms.
    from vectord.index.build.builder import build  # noqa: PLC0415  a search never builds

    built = build(rows, index.params, thresholds)
    sections = built.with_entries(index.commit)
    envelope = _envelope(index, [entry for entry, _ in sections], built.calibration)
    if built.packed:
        envelope = structs.replace(envelope, graph_rows=len(built.rows.ids))
    else:
        envelope = structs.replace(envelope, ids=list(built.rows.ids), metadata=dict(built.rows.metadata))
    return PreparedBlob(frame.encode_head(envelope), None, sections, envelope)


def _envelope(index: Index, entries: Sequence[SectionEntry], calibration: Calibration) -> Envelope:
    return Envelope(
        version=frame.VERSION,
        params=index.params,
        sections=list(entries),
        commit=index.commit,
        applied=list(index.applied),
        calibration={strategy: dict(curve) for strategy, curve in calibration.items()},
    )
