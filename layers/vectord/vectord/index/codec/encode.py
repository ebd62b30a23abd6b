"""Encode an index: what a commit writes, and what it copies from the object before it."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.index import mutations
from vectord.index.kernels.distance import F32
from vectord.index.sections.base import ByteRange
from vectord.index.state import Base, Calibration, Index, with_rows
from vectord.index.thresholds import DEFAULT, Thresholds, build_is_due
from vectord.lhv1 import frame
from vectord.lhv1.frame import Data, Envelope, SectionEntry

OTHER_ROOM: Final = 128 << 10
"""Bytes that an envelope has beside ids and metadata: enough for all indexes but those with a long `applied`."""

_PAGE: Final = 4_096  # bytes
_PREFIX: Final = len(frame.MAGIC) + 4  # bytes before the envelope: magic and length
_ALIGNMENT: Final = 64  # bytes of the head, so that a process which maps the file can compute with its vectors in place


class PreparedBlob(msgspec.Struct, frozen=True):
    """What a commit writes: `head`, then the bytes `copied` of an existing object, then new `sections`.

    The existing object is the one that is replaced, or a staged one. `copied` is None if the whole object is new.
    `head` is the encoded `envelope`. `size` is that of the whole object. A section may be a view of the caller's
    vectors, which must not change before it is written.
    """

    head: bytes
    copied: ByteRange | None
    sections: tuple[tuple[SectionEntry, Data], ...]
    envelope: Envelope
    size: int

    @property
    def new_bytes(self) -> bytes:
        """The new sections, back to back."""
        return b"".join(data for _, data in self.sections)

    @property
    def blob(self) -> bytes:
        """The whole object, if all of it is new."""
        return b"".join(self.parts)

    @property
    def parts(self) -> Sequence[Data]:
        """The whole object in parts that are not copied, if all of it is new."""
        if self.copied is not None:
            raise AssertionError("a part of the object must be copied")
        return self.head, *(data for _, data in self.sections)

    @property
    def copied_size(self) -> int:
        return self.copied[1] - self.copied[0] if self.copied else 0

    def with_longer_head(self, more: int) -> "PreparedBlob":
        """Return the same blob with `more` spaces at the end of its envelope."""
        length = len(self.head) - _PREFIX + more
        head = b"".join((frame.MAGIC, length.to_bytes(4), self.head[_PREFIX:], b" " * more))
        return structs.replace(self, head=head, size=self.size + more)


def room_for_head(ids: Sequence[str], metadata: Iterable[bytes | None]) -> int:
    """Return a size that the head of a blob with these rows, all in its tail, will not exceed.

    Raises:
        UnicodeEncodeError: an id is not Unicode text.
    """
    listed = 2 * (len(msgspec.json.encode(ids)) + len(ids))  # in `ids`, and as keys of `metadata`
    texts = sum(len(text) for text in metadata if text is not None)
    return -(-(listed + texts + OTHER_ROOM) // _PAGE) * _PAGE


def encode(
    index: Index, name: str, commit: str, *, thresholds: Thresholds = DEFAULT, rebuild: bool | None = None
) -> PreparedBlob:
    """Return the blob that commit `commit` writes under `name`.

    If `rebuild` is True, all sections are built from all rows; by default, only when a build is due. A plain index is
    always built, and so is a packed index that is too short for the store to copy. If `rebuild` is False, an index that
    has no packed base is not built either: all of its rows are in its tail.
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
    elif rebuild is False and len(index) and not index.can_keep_base:
        return _without_base(committed, thresholds)
    return _build_all(committed, thresholds)


def _append_tail(index: Index, base: Base | None, thresholds: Thresholds) -> PreparedBlob:
    """Return a blob that copies the base and the written tail, and adds the fresh rows as a tail section."""
    tail, pieces = index.tail, index.tail_entries
    data: Data = b"" if tail.fresh is None else _bytes_of(tail.fresh)
    crc32 = tail.fresh_crc32
    if len(pieces) > thresholds.pieces:
        pieces, data, crc32 = (), _bytes_of(tail.vectors(index.fetch)), None
    added = ((frame.section_entry("tail", f"{index.commit}/tail", data, crc32), data),) if data else ()
    copied_entries = (*(base.entries if base else ()), *pieces)
    envelope = structs.replace(
        _envelope(index, base.calibration if base else {}),
        sections=[*copied_entries, *(entry for entry, _ in added)],
        ids=list(tail.ids),
        metadata=dict(tail.metadata),
        removed=sorted(index.removed),
        graph_rows=base.graph.rows if base else msgspec.UNSET,
    )
    copied_size = sum(entry.bytes for entry in copied_entries)
    copied = (index.body_start, index.body_start + copied_size) if copied_entries else None
    head = frame.encode_head(envelope, thresholds.part if copied else 0, _ALIGNMENT if base is None else 1)
    return PreparedBlob(head, copied, added, envelope, len(head) + copied_size + sum(len(data) for _, data in added))


def _without_base(index: Index, thresholds: Thresholds) -> PreparedBlob:
    """Return a blob whose rows are all in the tail, to be built later; it copies the written tail if it is large."""
    written = sum(entry.bytes for entry in index.tail_entries)
    if index.base is not None or 0 < written < thresholds.part:
        index = with_rows(index, index.rows)
    return _append_tail(index, None, thresholds)


def _bytes_of(vectors: F32) -> memoryview:
    """Return the bytes of vectors as little-endian float32, without a copy if that is what they are."""
    return memoryview(np.ascontiguousarray(vectors, "<f4").reshape(-1).view(np.uint8))


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
        envelope = structs.replace(envelope, graph_rows=len(built.rows.ids))
    else:
        envelope = structs.replace(envelope, ids=list(built.rows.ids), metadata=dict(built.rows.metadata))
    sections = frame.section_entries(built.sections, index.commit)
    envelope = structs.replace(envelope, sections=[entry for entry, _ in sections])
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
