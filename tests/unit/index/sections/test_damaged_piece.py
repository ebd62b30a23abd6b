"""Damaged and forged sections `piece`: refused, or read as other rows of the same number."""

import struct
from functools import cache

import numpy as np
import pytest

from tests.support.datasets import gaussian
from tests.support.pieces import Case, case_of
from vectord.errors import BlobCorrupt
from vectord.index.kernels import codes
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.sections.piece import Piece
from vectord.index.sections.piece_writer import pack

ROWS, DIMENSION = 18, 5  # two blocks of documents
NAN, INF = float("nan"), float("inf")


@cache
def sound() -> Case:
    return case_of(ROWS, DIMENSION)


def use(piece: Piece) -> None:
    """Read everything that a search and a change read, and check that it has the shape of the rows."""
    query = piece.query(gaussian(1, DIMENSION, 9)[0])
    assert np.isfinite(query.residual).all()
    if piece.codes is not None:
        estimates = codes.estimated_distances(piece.codes.planes, piece.codes.norms, piece.codes.factors, query)
        assert np.isfinite(estimates).all()
        assert len(codes.hamming_distances(piece.codes.planes.copy(), query)) == ROWS
    assert piece.vectors.shape == (ROWS, DIMENSION)
    piece.documents.find(sound().ids, NOTHING_TO_FETCH)
    hashes, rows = piece.documents.by_hash(NOTHING_TO_FETCH)
    assert len(hashes) == len(rows) == len(piece.documents.read(range(ROWS), NOTHING_TO_FETCH)) == ROWS


def refused_offsets(data: bytes, flip: int, start: int, stop: int, *, reseal: bool) -> list[int]:
    """Return the offsets from `start` to `stop` at which an altered byte is refused."""
    refused = []
    for offset in range(start, stop):
        changed = bytearray(data)
        changed[offset] ^= flip
        try:
            use(sound().opened(sound().resealed(changed) if reseal else bytes(changed)))
        except BlobCorrupt:
            refused.append(offset)
    return refused


def test_the_undamaged_section_is_read() -> None:
    use(sound().opened())


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_of_the_head_is_refused_at_any_offset(flip: int) -> None:
    head = sound().layout.vectors
    assert refused_offsets(sound().data, flip, 0, head, reseal=False) == list(range(head))


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_under_a_correct_checksum_is_refused_or_harmless(flip: int) -> None:
    """The crc32 of the whole section, in the envelope, detects those that are read without an error."""
    layout, size = sound().layout, len(sound().data)
    refused = refused_offsets(sound().data, flip, 0, size, reseal=True)
    assert set(refused) >= {0, 1, 2, 3}  # the number of rows
    assert len([offset for offset in refused if offset >= layout.documents]) > (size - layout.documents) // 2


LAYOUT = sound().layout
FORGED = {
    "one row more": (0, "<I", ROWS + 1),
    "no rows": (0, "<I", 0),
    "4 billion rows": (0, "<I", 2**32 - 1),
    "a mean that is not a number": (LAYOUT.mean + 4 * 3, "<f", NAN),
    "a mean that is infinite": (LAYOUT.mean + 4 * (DIMENSION - 1), "<f", -INF),
    "a mean of 3e38": (LAYOUT.mean, "<f", 3e38),
    "a largest norm that is not a number": (LAYOUT.largest_norm, "<f", NAN),
    "a largest norm of minus infinity": (LAYOUT.largest_norm, "<f", -INF),
    "a negative largest norm": (LAYOUT.largest_norm, "<f", -1.0),
    "a largest norm of 1e38": (LAYOUT.largest_norm, "<f", 1e38),
    "a norm that is not a number": (LAYOUT.norms, "<e", NAN),
    "a norm larger than the largest": (LAYOUT.norms + 2 * 7, "<e", 1.01),
    "a negative norm": (LAYOUT.norms + 2 * (ROWS - 1), "<e", -0.25),
    "a factor that is not a number": (LAYOUT.factors, "<e", NAN),
    "a factor of 0": (LAYOUT.factors + 2 * 3, "<e", 0.0),
    "an infinite factor": (LAYOUT.factors + 2 * (ROWS - 1), "<e", INF),
    "a negative factor": (LAYOUT.factors + 2 * 5, "<e", -0.5),
    "a vector that is not a number": (LAYOUT.vectors + 4 * 50, "<f", NAN),
    "a vector that is infinite": (LAYOUT.documents - 4, "<f", INF),
    "documents of one row more": (LAYOUT.documents, "<I", ROWS + 1),
    "documents in other blocks": (LAYOUT.documents + 4, "<I", 8),
    "an id's row that does not exist": (LAYOUT.documents + 8 + 4 * ROWS, "<I", ROWS),
    "hashes that descend": (LAYOUT.documents + 8, "<I", 2**32 - 1),
    "a block that starts outside": (LAYOUT.documents + 8 + 8 * ROWS, "<Q", 2**60),
    "a block that overlaps the next": (LAYOUT.documents + 16 + 8 * ROWS, "<Q", len(sound().data) - LAYOUT.documents),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_value_under_a_correct_checksum_is_refused(forged: tuple[int, str, float]) -> None:
    offset, kind, value = forged
    data = bytearray(sound().data)
    struct.pack_into(kind, data, offset, value)
    with pytest.raises(BlobCorrupt):
        use(sound().opened(sound().resealed(data)))


def test_an_infinite_largest_norm_says_that_there_are_no_codes() -> None:
    data = bytearray(sound().data)
    struct.pack_into("<f", data, LAYOUT.largest_norm, INF)
    piece = sound().opened(sound().resealed(data))
    use(piece)
    assert piece.codes is None


@pytest.mark.parametrize("offset", [LAYOUT.vectors, LAYOUT.documents - 1])
def test_a_vector_that_is_not_finite_is_refused_only_where_it_is_read(offset: int) -> None:
    data = bytearray(sound().data)
    row, at = divmod(offset - LAYOUT.vectors, LAYOUT.row_bytes)
    struct.pack_into("<f", data, LAYOUT.vectors + row * LAYOUT.row_bytes + at // 4 * 4, NAN)
    piece, others = sound().opened(bytes(data)), np.flatnonzero(np.arange(ROWS) != row)
    assert piece.take(others).tobytes() == sound().vectors[others].tobytes()
    with pytest.raises(BlobCorrupt):
        piece.take(np.array([row]))


@pytest.mark.parametrize("size", [0, 1, LAYOUT.vectors, LAYOUT.documents, LAYOUT.documents + 8 * ROWS])
def test_a_section_that_is_too_short_is_refused_before_a_range_of_it_is_read(size: int) -> None:
    with pytest.raises(BlobCorrupt, match="short"):
        sound().opened(sound().data[:size])


@pytest.mark.parametrize("fewer", [1, 8, 40])
def test_a_section_without_its_last_bytes_is_refused_when_its_documents_are_read(fewer: int) -> None:
    with pytest.raises(BlobCorrupt):
        use(sound().opened(sound().data[:-fewer]))


@pytest.mark.parametrize("rows", [1, ROWS - 1, ROWS + 1, 2**40])
def test_another_number_of_rows_is_refused(rows: int) -> None:
    with pytest.raises(BlobCorrupt):
        use(Piece(sound().opened().section, rows, DIMENSION, "cosine"))


def test_another_dimension_is_refused() -> None:
    piece = Piece(sound().opened().section, ROWS, DIMENSION - 1, "cosine")
    with pytest.raises(BlobCorrupt):
        piece.documents.read([0], NOTHING_TO_FETCH)


def test_bits_beyond_the_dimension_are_harmless() -> None:
    data = bytearray(sound().data)
    data[LAYOUT.planes + 7] |= 0x80  # the last bit of row 0, of which dimension 5 uses the first five
    use(sound().opened(sound().resealed(data)))


def test_the_writer_never_writes_what_the_reader_refuses() -> None:
    """The largest rows that have codes: their residuals are about twice as long as a row may be."""
    vectors = np.zeros((ROWS, DIMENSION), np.float32)
    vectors[:, 0] = np.float32(2.0**30) * np.where(np.arange(ROWS) % 2, 1, -1)
    piece = sound().opened(pack(sound().ids, {}, vectors, vectors[0], "euclidean"))
    assert piece.codes is not None
    assert piece.codes.norms.max() == pytest.approx(2.0**31)
