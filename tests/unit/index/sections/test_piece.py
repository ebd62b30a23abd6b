"""The section `piece`: its bytes, and what a reader gets from a few ranges of it."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.datasets import gaussian
from tests.support.pieces import case_of
from tests.support.sections import RecordingFetch
from vectord.index.kernels import codes
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.sections.documents_writer import pack_documents
from vectord.index.sections.piece import Piece
from vectord.index.sections.piece_writer import pack
from vectord.lhv1.params import Distance

both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])


@given(
    rows=st.integers(1, 40),
    dimension=st.sampled_from([1, 5, 63, 64, 65, 130]),
    distance=st.sampled_from(["cosine", "euclidean"]),
)
def test_a_section_has_the_specified_bytes(rows: int, dimension: int, distance: Distance) -> None:
    case = case_of(rows, dimension, distance)
    data, words = case.data, -(-dimension // 64)
    n, crc32 = struct.unpack_from("<II", data)
    mean = np.frombuffer(data, "<f4", dimension, 8)
    (largest,) = struct.unpack_from("<f", data, 8 + 4 * dimension)
    at = -(-(12 + 4 * dimension) // 8) * 8
    planes = np.frombuffer(data, "<u8", words * rows, at).reshape(words, rows)
    at += 8 * words * rows
    norms, factors = np.frombuffer(data, "<f2", 2 * rows, at).reshape(2, rows).astype(float)
    at = -(-(at + 4 * rows) // 8) * 8
    assert (n, crc32) == (rows, zlib.crc32(data[:4] + data[8:at]))
    assert mean.tobytes() == codes.mean_of(case.vectors, distance).tobytes()
    encoded = codes.encode(case.vectors, mean, distance)
    assert largest == encoded.norms.max()
    assert planes.T.tolist() == encoded.words.tolist()
    assert norms * largest == pytest.approx(encoded.norms, rel=1e-3, abs=1e-6)
    assert factors == pytest.approx(encoded.factors, rel=1e-3)
    end = at + case.vectors.nbytes
    assert data[at:end] == case.vectors.tobytes()
    assert data[end:] == pack_documents(case.ids, case.metadata)


@both
def test_a_piece_reads_as_it_was_written(distance: Distance) -> None:
    case = case_of(distance=distance)
    piece, encoded = case.opened(), codes.encode(case.vectors, case.opened().mean, distance)
    assert piece.codes is not None
    assert piece.codes.planes.T.tolist() == encoded.words.tolist()
    assert piece.codes.norms == pytest.approx(encoded.norms, rel=1e-3)
    assert piece.codes.factors == pytest.approx(encoded.factors, rel=1e-3)
    assert (piece.codes.norms.dtype, piece.codes.factors.dtype) == (np.float32, np.float32)
    assert piece.vectors.tobytes() == case.vectors.tobytes()
    assert piece.take(np.array([7, 3, 7])).tobytes() == case.vectors[[7, 3, 7]].tobytes()
    documents = piece.documents.read(range(40), NOTHING_TO_FETCH)
    assert [each.id for each in documents] == case.ids
    assert [each.metadata for each in documents] == [case.metadata.get(each) for each in case.ids]
    assert piece.documents.find([case.ids[11], "no row"], NOTHING_TO_FETCH) == {case.ids[11]: 11}


def test_codes_are_about_the_given_mean() -> None:
    case, mean = case_of(), gaussian(1, 70, 3)[0]
    piece = case.opened(pack(case.ids, case.metadata, case.vectors, mean, case.distance))
    assert piece.mean.tobytes() == mean.tobytes()
    assert piece.codes is not None
    assert piece.codes.planes.T.tolist() == codes.encode(case.vectors, mean, case.distance).words.tolist()


def test_codes_are_compared_only_with_codes_about_the_same_mean() -> None:
    piece = case_of().opened()
    assert piece.codes_about(piece.mean.copy()) is piece.codes
    assert piece.codes_about(np.nextafter(piece.mean, np.float32(1))) is None


def test_the_query_has_the_residual_about_the_mean_of_the_piece() -> None:
    piece, query = case_of().opened(), gaussian(1, 70, 9)[0]
    expected = codes.rotated_query(query, piece.mean, "cosine").residual
    assert piece.query(query).residual.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("distance", "scale"), [("euclidean", 2.0**31), ("cosine", 2.0**31), ("cosine", 2.0**-40)])
@pytest.mark.parametrize("known_mean", [True, False])
def test_rows_that_are_too_long_or_too_short_have_no_codes(distance: Distance, scale: float, known_mean: bool) -> None:
    vectors, mean = gaussian(20, 70) * np.float32(scale), gaussian(1, 70, 3)[0] if known_mean else None
    case = case_of(distance=distance, vectors=vectors)
    piece = case.opened(pack(case.ids, case.metadata, vectors, mean, distance))
    assert piece.codes is None
    assert piece.mean.tolist() == (mean.tolist() if mean is not None else [0.0] * 70)
    assert piece.vectors.tobytes() == vectors.tobytes()


@both
def test_equal_rows_have_codes(distance: Distance) -> None:
    piece = case_of(distance=distance, vectors=np.ones((9, 64), np.float32)).opened()
    assert piece.codes is not None
    assert set(piece.codes.factors.tolist()) == {1.0}


def test_only_the_head_and_the_rows_in_use_are_needed() -> None:
    case, fetch = case_of(2_000, 300), RecordingFetch()
    piece = Piece(fetch.section(case.data, "piece"), 2_000, 300, "cosine")
    fetch((piece.section, [piece.head]))
    assert piece.codes is not None
    rows = np.array([1_700, 12])
    ranges = piece.byte_ranges(rows)
    assert [case.data[start:stop] for start, stop in ranges] == [case.vectors[row].tobytes() for row in (12, 1_700)]
    fetch((piece.section, ranges))
    assert piece.take(rows).tobytes() == case.vectors[rows].tobytes()
    assert piece.documents.ids(rows.tolist(), fetch) == [case.ids[row] for row in rows]
    assert fetch.bytes < len(case.data) // 10


def test_all_vectors_are_one_range() -> None:
    case, fetch = case_of(200, 300), RecordingFetch()
    piece = Piece(fetch.section(case.data, "piece"), 200, 300, "cosine")
    start, stop = piece.vector_range
    assert case.data[start:stop] == case.vectors.tobytes()
    fetch((piece.section, [piece.vector_range]))
    assert piece.vectors.tobytes() == case.vectors.tobytes()


def test_a_whole_section_needs_no_ranges() -> None:
    assert case_of().opened().byte_ranges(np.array([3])) == []


def test_a_head_that_was_read_stays_valid_when_the_section_gets_another_buffer() -> None:
    case, fetch = case_of(2_000, 300), RecordingFetch()
    piece = Piece(fetch.section(case.data, "piece"), 2_000, 300, "cosine")
    fetch((piece.section, [piece.head]))
    before = piece.codes
    fetch((piece.section, None))
    assert piece.codes is before


def test_a_section_that_is_not_aligned_in_memory_reads_the_same() -> None:
    case = case_of()
    aligned, shifted = case.opened(), case.opened(memoryview(b"x" + case.data)[1:])
    assert aligned.codes is not None
    assert shifted.codes is not None
    assert shifted.codes.planes.tobytes() == aligned.codes.planes.tobytes()
    assert shifted.vectors.tobytes() == aligned.vectors.tobytes()
    assert shifted.vectors.flags.aligned
    assert np.shares_memory(aligned.vectors, aligned.section.buffer)


@pytest.mark.parametrize("layout", ["strided", "double"])
def test_vectors_in_any_layout_are_written_as_float32(layout: str) -> None:
    case = case_of()
    given_vectors = np.repeat(case.vectors, 2, axis=0)[::2] if layout == "strided" else case.vectors.astype(np.float64)
    assert (
        pack(case.ids, case.metadata, given_vectors, None, "cosine")[case.layout.vectors :]
        == (case.data[case.layout.vectors :])
    )


@both
@pytest.mark.parametrize("first", [1, 25, 40])
def test_codes_of_an_earlier_piece_are_kept_when_it_grows(distance: Distance, first: int) -> None:
    case = case_of(distance=distance)
    mean = case.opened().mean
    earlier = case.opened_of(pack(case.ids[:first], {}, case.vectors[:first], mean, distance), first)
    assert earlier.codes is not None
    grown = case.opened(pack(case.ids, case.metadata, case.vectors, mean, distance, known=[earlier.codes]))
    expected = case.opened()
    assert grown.codes is not None
    assert expected.codes is not None
    assert grown.codes.planes.tobytes() == expected.codes.planes.tobytes()
    assert grown.codes.norms == pytest.approx(expected.codes.norms, rel=2e-3)
    assert grown.codes.factors.tobytes() == expected.codes.factors.tobytes()


def test_a_piece_that_grows_by_rows_without_codes_loses_its_codes() -> None:
    case = case_of(distance="euclidean")
    piece = case.opened()
    assert piece.codes is not None
    vectors = np.concatenate([case.vectors, np.full((1, 70), 2.0**31, np.float32)])
    grown = pack([*case.ids, "long"], case.metadata, vectors, piece.mean, "euclidean", known=[piece.codes])
    assert case.opened_of(grown, 41).codes is None


@pytest.mark.parametrize("bounds", [[(0, 7), (7, 20)], [(0, 30), (30, 40)]], ids=["and new rows", "alone"])
def test_codes_of_several_earlier_pieces_are_kept_when_they_are_joined(bounds: list[tuple[int, int]]) -> None:
    case = case_of()
    mean = case.opened().mean
    pieces = [case.opened_of(pack(case.ids[a:b], {}, case.vectors[a:b], mean, "cosine"), b - a) for a, b in bounds]
    known = [piece.codes for piece in pieces if piece.codes is not None]
    joined = case.opened(pack(case.ids, case.metadata, case.vectors, mean, "cosine", known=known)).codes
    expected = case.opened().codes
    assert joined is not None
    assert expected is not None
    assert joined.planes.tobytes() == expected.planes.tobytes()
    assert joined.norms == pytest.approx(expected.norms, rel=2e-3)
