"""An index to its blob: what a commit writes, and what it leaves as it is."""

from collections.abc import Sequence

import msgspec
from msgspec import structs

from vectord.index import dedup
from vectord.index.build.builder import Built, build
from vectord.index.sections.base import Span
from vectord.index.state import Base, Curves, Index
from vectord.index.thresholds import DEFAULT, Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.frame import SectionEntry


class Encoded(msgspec.Struct, frozen=True):
    """What a commit writes: `head`, then bytes `keep` of the object before it or of a staged one, then new sections.

    `keep` is None where the whole object is new.
    """

    head: bytes
    keep: Span | None
    sections: tuple[tuple[SectionEntry, bytes], ...]

    @property
    def rest(self) -> bytes:
        return b"".join(data for _, data in self.sections)

    @property
    def blob(self) -> bytes:
        """The whole object, where it is new."""
        if self.keep is not None:
            raise AssertionError("a part of the object is to be copied")
        return b"".join((self.head, *(data for _, data in self.sections)))

    @property
    def kept(self) -> int:
        """The bytes that `keep` spans."""
        return self.keep[1] - self.keep[0] if self.keep else 0

    @property
    def size(self) -> int:
        return len(self.head) + self.kept + sum(entry.bytes for entry, _ in self.sections)


def is_due(index: Index, sizes: Thresholds = DEFAULT) -> bool:
    """Tell whether a build is due: the tail, or what is removed, has outgrown its share of the graph."""
    covered = index.covered
    return bool(index.base) and (
        len(index.tail) > max(sizes.tail_rows, covered // sizes.tail_share)
        or len(index.removed) > max(sizes.tail_rows, covered // sizes.removed_share)
    )


def is_kept(index: Index) -> bool:
    """Tell whether the next commit can leave in place what the last build wrote."""
    return bool(index.base and index.base.packed and len(index))


def encode(
    index: Index, name: str, commit: str, *, sizes: Thresholds = DEFAULT, rebuild: bool | None = None
) -> Encoded:
    """Return what commit `commit` writes under `name`.

    With `rebuild` the graph is built anew over all rows; the default is to do so when it is due. An index that is not
    packed is always built anew, and so is a packed one too short for a store to copy, as another writer may leave it.
    """
    sealed = structs.replace(
        index,
        params=structs.replace(index.params, name=name),
        commit=commit,
        applied=dedup.with_commit(index.applied, commit),
    )
    if index.base and is_kept(index) and not (is_due(index, sizes) if rebuild is None else rebuild):
        spliced = _spliced(sealed, index.base, sizes)
        if spliced.kept >= sizes.part:
            return spliced
    return _built(sealed, sizes)


def described(made: Built, commit: str) -> tuple[tuple[SectionEntry, bytes], ...]:
    """Return the sections that were built for commit `commit`, each with its entry."""
    return tuple((frame.entry_of(name, f"{commit}/{name}", data), data) for name, data in made.sections.items())


def _spliced(index: Index, base: Base, sizes: Thresholds) -> Encoded:
    tail, pieces = index.tail, index.entries
    data = b"" if tail.fresh is None else tail.fresh.astype("<f4").tobytes()
    if len(pieces) > sizes.pieces:
        pieces, data = (), tail.vectors(index.fetch).astype("<f4").tobytes()
    added = ((frame.entry_of("tail", f"{index.commit}/tail", data), data),) if data else ()
    kept = (*base.entries, *pieces)
    envelope = _envelope(index, (*kept, *(entry for entry, _ in added)), base.curves)
    listed = structs.replace(
        envelope,
        ids=list(tail.ids),
        metadata=dict(tail.metadata),
        removed=sorted(index.removed),
        graph_rows=base.graph.rows,
    )
    head = frame.encode_head(listed, padded=sizes.part)
    return Encoded(head, (index.body, index.body + sum(entry.bytes for entry in kept)), added)


def _built(index: Index, sizes: Thresholds) -> Encoded:
    rows = index.rows
    made = build(rows, index.params, sizes) if len(rows) else Built({}, rows, {}, packed=False)
    sections = described(made, index.commit)
    envelope = _envelope(index, [entry for entry, _ in sections], made.curves)
    if made.packed:
        listed = structs.replace(envelope, graph_rows=len(made.rows))
    else:
        listed = structs.replace(envelope, ids=list(made.rows.ids), metadata=dict(made.rows.metadata))
    return Encoded(frame.encode_head(listed), None, sections)


def _envelope(index: Index, entries: Sequence[SectionEntry], curves: Curves) -> frame.Envelope:
    return frame.Envelope(
        version=frame.VERSION,
        params=index.params,
        sections=list(entries),
        commit=index.commit,
        applied=list(index.applied),
        calibration={way: dict(curve) for way, curve in curves.items()},
    )
