"""The vectors of consecutive pieces, as those of one matrix: some of them by ranges, or all."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from vectord.index.kernels.distance import F32
from vectord.index.sections.base import SectionRanges
from vectord.index.sections.piece import Array, Piece


class _Part(msgspec.Struct, frozen=True, eq=False):
    """A piece that has some of the wanted rows: their places among these, and their numbers in the piece."""

    piece: Piece
    places: Array
    rows: Array


def ranges_of(pieces: Sequence[Piece], starts: Sequence[int], rows: Array) -> list[SectionRanges]:
    """Return the bytes of the vectors of those of `rows` that are in `pieces`, which start at the rows `starts`."""
    return [(part.piece.section, part.piece.byte_ranges(part.rows)) for part in _divided(pieces, starts, rows)]


def take(pieces: Sequence[Piece], starts: Sequence[int], rows: Array, taken: F32) -> None:
    """Copy the vectors of those of `rows` that are in `pieces` to their places in `taken`, float32 (len(rows), ..).

    Raises:
        BlobCorrupt: a component is not finite.
    """
    for part in _divided(pieces, starts, rows):
        taken[part.places] = part.piece.take(part.rows)


def _divided(pieces: Sequence[Piece], starts: Sequence[int], rows: Array) -> Iterator[_Part]:
    numbers = np.searchsorted(starts, rows, "right") - 1
    for number in sorted(set(numbers.tolist()) - {len(pieces)}):
        places = np.flatnonzero(numbers == number)
        yield _Part(pieces[number], places, rows[places] - starts[number])
