"""Encode an index: what a commit writes, and what it copies from the object before it."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import structs

from vectord.index import mutations
from vectord.index.codec import mapped
from vectord.index.codec.new_piece import ALIGNMENT, NewPiece, new_piece
from vectord.index.codec.reads import bytes_of_row, copy_size
from vectord.index.mutations import with_rows
from vectord.index.sections.base import ByteRange
from vectord.index.sections.parts import Parts
from vectord.index.state import Base, Calibration, Index, Tail
from vectord.index.thresholds import DEFAULT, Thresholds, build_is_due, kept_pieces
from vectord.lhv1 import frame, parts_copy
from vectord.lhv1.frame import Crc32, Data, Envelope, SectionEntry
from vectord.lhv1.rows_layout import PieceLayout
from vectord.lhv1.section_names import PARTS_HEAD, PIECE, PIECE_TEXT
from vectord.lhv1.text_fields import TextFields, TextShape, text_shape

OTHER_ROOM: Final = 128 << 10
"""Bytes of an envelope that lists no rows: enough for all indexes but those with a long `applied`."""

_ENTRY_BYTES: Final = 256  # that the envelope needs at most to list a section
_PAGE: Final = 4_096  # bytes
_PREFIX: Final = len(frame.MAGIC) + 4  # bytes before the envelope: magic and length

type Written = tuple[SectionEntry, tuple[Data, ...]]  # a section, whose bytes are in fields that lie back to back


class PreparedBlob(msgspec.Struct, frozen=True):
    """What a commit writes: `head`, then new `sections`, then the bytes `copied` of an existing object.

    The existing object is the one that is replaced, or a staged one. `copied` is None if the whole object is new.
    `head` is the encoded `envelope`. `size` is that of the whole object. A field of a section may be a view of the
    caller's vectors, which must not change before it is written.
    """

    head: bytes
    copied: ByteRange | None
    sections: tuple[Written, ...]
    envelope: Envelope
    size: int

    @property
    def front(self) -> bytes:
        """The bytes before those that are copied: all of the object, if none are."""
        return b"".join(self.parts)

    @property
    def parts(self) -> Sequence[Data]:
        """The bytes before those that are copied, in parts that are not joined."""
        return self.head, *(field for _, fields in self.sections for field in fields)

    @property
    def blob(self) -> bytes:
        """The whole object, if all of it is new."""
        if self.copied is not None:
            raise AssertionError("a part of the object must be copied")
        return self.front

    @property
    def copied_size(self) -> int:
        return self.copied[1] - self.copied[0] if self.copied else 0

    def with_longer_head(self, more: int) -> "PreparedBlob":
        """Return the same blob with `more` spaces at the end of its envelope."""
        length = len(self.head) - _PREFIX + more
        head = b"".join((frame.MAGIC, length.to_bytes(4), self.head[_PREFIX:], b" " * more))
        return structs.replace(self, head=head, size=self.size + more)


def room_for_vectors(rows: int, dimension: int) -> int:
    """Return an offset that the vectors of a blob with one piece of `rows`, and no base, can have."""
    return -(-(OTHER_ROOM + PieceLayout(dimension, rows).vectors) // _PAGE) * _PAGE


def encode(
    index: Index,
    name: str,
    commit: str,
    *,
    thresholds: Thresholds = DEFAULT,
    rebuild: bool | None = None,
    codes_before_build: bool = True,
    crc32: Crc32 = zlib.crc32,
) -> PreparedBlob:
    """Return the blob that commit `commit` writes under `name`.

    If `rebuild` is True, all sections are built from all rows; by default, only when a build is due. A plain index is
    always built, and so is a packed index that is too short for the store to copy. If `rebuild` is False, an index that
    has no packed base is not built either: all of its rows are in its tail. `codes_before_build` is False if the new
    piece of an index without a base needs no codes, because a build follows soon and reads are fast until then.
    `crc32` computes the checksums of sections.
    """
    committed = structs.replace(
        index,
        params=structs.replace(index.params, name=name),
        commit=commit,
        applied=mutations.with_commit(index.applied, commit),
    )
    if index.base and index.can_keep_base and not (build_is_due(index, thresholds) if rebuild is None else rebuild):
        appended = _append_tail(committed, index.base, thresholds, crc32, with_codes=True)
        if appended.copied_size >= thresholds.part:
            return appended
    elif rebuild is False and len(index) and not index.can_keep_base:
        return _without_base(committed, thresholds, crc32, with_codes=codes_before_build)
    return _build_all(committed, thresholds)


def _append_tail(
    index: Index, base: Base | None, thresholds: Thresholds, crc32: Crc32, *, with_codes: bool
) -> PreparedBlob:
    """Return a blob that copies the base and older pieces, and has the fresh rows in a piece in front of them."""
    kept = kept_pieces(index, _bytes_of_listed(index.tail), thresholds) if index.tail.pieces else 0
    texts = index.text_fields if base or kept else _declared(index)
    piece = new_piece(index, base, kept, thresholds, texts, with_codes=with_codes)
    new = {PIECE: piece.fields} if piece else {}
    if piece and piece.text:
        new[PIECE_TEXT] = [piece.text.data]
    added = _written(new, index.commit, crc32)
    of_pieces = _entries_of_pieces(index)
    copied_entries = (*(each for one in reversed(of_pieces[:kept]) for each in one), *(base.entries if base else ()))
    rows = [*([piece.rows] if piece else []), *(each.rows for each in reversed(index.tail.pieces[:kept]))]
    envelope = structs.replace(
        _envelope(index, base.calibration if base else {}),
        sections=[*(entry for entry, _ in added), *copied_entries],
        pieces=rows or msgspec.UNSET,
        removed=sorted(index.removed),
        graph_rows=base.graph.rows if base else msgspec.UNSET,
        parts=base.parts.shape if base and base.parts else msgspec.UNSET,
        text=_text_shape(texts, _of_texts(index, base, kept, piece)),
    )
    start = index.body_start + sum(each.bytes for one in of_pieces[kept:] for each in one)
    copied_size = sum(entry.bytes for entry in copied_entries)
    copied = (start, start + copied_size) if copied_entries else None
    if base and base.parts and (copy := _copied_head(base.parts, thresholds)):
        room = thresholds.part - _bytes_of(added) - len(frame.encode_head(envelope)) - _ENTRY_BYTES
        [parts_head] = _written({PARTS_HEAD: [parts_copy.pack(copy, room, ALIGNMENT)]}, index.commit)
        added = (parts_head, *added)
        envelope = structs.replace(envelope, sections=[parts_head[0], *envelope.sections])
    size = _bytes_of(added)
    head = frame.encode_head(envelope, thresholds.part - size if copied else 0, ALIGNMENT)
    return PreparedBlob(head, copied, added, envelope, len(head) + size + copied_size)


def _bytes_of(written: Sequence[Written]) -> int:
    return sum(entry.bytes for entry, _ in written)


def _entries_of_pieces(index: Index) -> list[tuple[SectionEntry, ...]]:
    """Return the entries of each piece of the tail and of its texts, the oldest piece first."""
    entries = index.tail_entries[: len(index.tail.pieces)]
    if not index.text_entries:
        return [(entry,) for entry in entries]
    return list(zip(entries, index.text_entries, strict=True))


def _declared(index: Index) -> TextFields:
    """Return the fields of texts that the parameters declare, which new sections of texts have."""
    return index.params.text or {}


def _of_texts(index: Index, base: Base | None, kept: int, piece: NewPiece | None) -> list[tuple[int, bytes]]:
    """Return the bytes of the front, and the samples, of each section of texts, in the order of the body."""
    texts = [*reversed(index.tail.texts[:kept]), *([base.text] if base and base.text else [])]
    new = [(piece.text.front, piece.text.samples)] if piece and piece.text else []
    return [*new, *((text.front_bytes, text.samples) for text in texts)]


def _text_shape(fields: TextFields, of_sections: Sequence[tuple[int, bytes]]) -> TextShape | msgspec.UnsetType:
    return text_shape(fields, of_sections) if of_sections else msgspec.UNSET


def _bytes_of_listed(tail: Tail) -> int:
    """Return about how many bytes of a piece the rows have that are listed in memory."""
    return len(tail.ids) * bytes_of_row(tail) + sum(map(len, tail.metadata.values()))


def _written(sections: Mapping[str, Sequence[Data]], commit: str, crc32: Crc32 = zlib.crc32) -> tuple[Written, ...]:
    """Return the new sections of commit `commit`, from the fields of each."""
    return tuple(
        [
            (frame.section_entry(name, f"{commit}/{name}", *each, crc32=crc32), tuple(each))
            for name, each in sections.items()
        ]
    )


def _copied_head(parts: Parts, thresholds: Thresholds) -> memoryview | None:
    """Return the first bytes of `parts`, with all of its head, if they are cached and short enough for a copy."""
    size = copy_size(parts, thresholds)
    is_cached = not parts.section.missing([(0, size)])
    return memoryview(parts.section.buffer)[:size] if size and is_cached else None


def _without_base(index: Index, thresholds: Thresholds, crc32: Crc32, *, with_codes: bool) -> PreparedBlob:
    """Return a blob whose rows are all in the tail, to be built later; it copies the older pieces if they are large."""
    kept = kept_pieces(index, _bytes_of_listed(index.tail), thresholds) if index.tail.pieces else 0
    copied_size = sum(each.bytes for one in _entries_of_pieces(index)[:kept] for each in one)
    if index.base is not None or 0 < copied_size < thresholds.part:
        index = with_rows(index, index.rows)
    return _append_tail(index, None, thresholds, crc32, with_codes=with_codes)


def _build_all(index: Index, thresholds: Thresholds) -> PreparedBlob:
    """Return a blob that copies nothing: all sections are built from all rows."""
    rows = index.rows
    if not rows.ids:
        empty = _envelope(index, {})
        head = frame.encode_head(empty)
        return PreparedBlob(head, None, (), empty, len(head))
    # A function that only searches imports this module and never builds; importing the builder would take it 7 ms.
    from vectord.index.build.builder import build  # noqa: PLC0415  a search never builds

    built = build(rows, index.params, thresholds)
    envelope = _envelope(index, built.calibration)
    if built.packed:
        envelope = structs.replace(envelope, graph_rows=len(built.ids), parts=built.parts or msgspec.UNSET)
    else:
        envelope = structs.replace(envelope, ids=list(built.ids), metadata=dict(rows.metadata))
    checksum = mapped.crc32 if built.packed else zlib.crc32  # the graph of a small index needs little memory
    sections = _written({name: [data] for name, data in built.sections.items()}, index.commit, checksum)
    shape = _text_shape(_declared(index), [built.text]) if built.text else msgspec.UNSET
    envelope = structs.replace(envelope, sections=[entry for entry, _ in sections], text=shape)
    head = frame.encode_head(envelope)
    return PreparedBlob(head, None, sections, envelope, len(head) + sum(map(len, built.sections.values())))


def _envelope(index: Index, calibration: Calibration) -> Envelope:
    """Return an envelope without sections and rows."""
    return Envelope(
        version=frame.VERSION,
        params=index.params,
        commit=index.commit,
        applied=list(index.applied),
        calibration={strategy: dict(curve) for strategy, curve in calibration.items()},
        s3vectors=index.bucket_index or msgspec.UNSET,
    )
