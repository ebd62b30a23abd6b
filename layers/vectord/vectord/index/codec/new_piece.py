"""The piece that a commit writes: the rows that it adds to the tail, and those of newer pieces that it writes again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from vectord.index.codec.reads import read_by_append
from vectord.index.kernels.codes import RowCodes
from vectord.index.kernels.distance import F32
from vectord.index.sections import piece_writer
from vectord.index.sections.piece import Piece
from vectord.index.state import Base, Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.frame import Data
from vectord.lhv1.text_fields import TextFields

if TYPE_CHECKING:
    from vectord.index.sections.text_writer import PackedText

ALIGNMENT: Final = 64  # bytes of the head and of pieces, so that a process that maps the file can compute in place


class NewPiece(msgspec.Struct, frozen=True):
    """The rows of a piece, the fields of its section back to back, and the section of its texts, if it has one."""

    rows: int
    fields: Sequence[Data]
    text: "PackedText | None" = None


def new_piece(
    index: Index, base: Base | None, kept: int, thresholds: Thresholds, texts: TextFields, *, with_codes: bool
) -> NewPiece | None:
    """Return the piece of the tail's rows that are not in the `kept` oldest pieces; None if there are no such rows.

    It has the texts of the fields `texts`. `with_codes` is False if it needs no codes.
    """
    tail = index.tail
    start = tail.starts[kept]
    if start == len(tail):
        return None
    index.fetch(*read_by_append(index, base, kept, thresholds))
    vectors = [piece.vectors for piece in tail.pieces[kept:]]
    vectors += [tail.listed_vectors] if tail.ids else []
    stored = range(tail.first + start, tail.first + tail.starts[-1])
    documents = index.documents.read(stored, index.fetch) if stored else []
    # Of two rows with one id the last is the live one, whose metadata count.
    is_live = index.live.tail[start : tail.starts[-1]].tolist()
    metadata = {
        document.id: document.metadata
        for document, live in zip(documents, is_live, strict=True)
        if live and document.metadata is not None
    }
    ids, metadata = [*(document.id for document in documents), *tail.ids], {**metadata, **tail.metadata}
    joined = vectors[0] if len(vectors) == 1 else np.concatenate(vectors)
    mean = _mean(index, base) if with_codes else None
    known = [] if mean is None else _known_codes(tail.pieces[kept:], mean)
    fields = piece_writer.pack_fields(
        ids, metadata, joined, mean, index.params.distance, known=known, with_codes=with_codes
    )
    padding = bytes(-sum(map(len, fields)) % ALIGNMENT)  # what follows stays aligned in a mapped file
    return NewPiece(len(ids), [*fields, padding], _packed_texts(ids, metadata, texts) if texts else None)


def _packed_texts(ids: Sequence[str], metadata: Mapping[str, msgspec.Raw], fields: TextFields) -> "PackedText":
    from vectord.index.text.packing import pack_texts  # noqa: PLC0415  few indexes have texts

    return pack_texts([metadata.get(vector_id) for vector_id in ids], fields)


def _known_codes(pieces: Sequence[Piece], mean: F32) -> list[RowCodes]:
    """Return the codes of each of the first of `pieces` that have codes about `mean`."""
    known: list[RowCodes] = []
    for piece in pieces:
        codes = piece.codes_about(mean)
        if codes is None:
            break
        known.append(codes)
    return known


def _mean(index: Index, base: Base | None) -> F32 | None:
    """Return the mean that the codes of a new piece are about: that of all other codes, None if there are none."""
    if base and base.parts:
        return base.parts.stored_mean
    if index.tail.pieces:
        newest = index.tail.pieces[-1]
        index.fetch((newest.section, [newest.head]))
        return newest.mean if newest.codes else None
    return None
