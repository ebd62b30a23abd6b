"""The sketch: one bit per dimension, and candidates by the number of differing bits."""

import struct

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sketched import sketch_of
from tests.support.vectors import F32
from vectord.errors import BlobCorrupt
from vectord.index.kernels.hadamard import rotate
from vectord.index.sections.base import MemorySection
from vectord.index.sections.sketch import Sketch
from vectord.lhv1.params import Distance

NO_ROWS = np.empty(0, np.int64)
both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])


def gaussian(rows: int, dimension: int, seed: int = 3) -> F32:
    return np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)


def opened(vectors: F32, distance: Distance) -> Sketch:
    return Sketch(MemorySection(sketch_of(vectors, distance)), *vectors.shape, distance)


def bits(vectors: F32, distance: Distance, mean: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.bool_]:
    """Return the signs as the format defines them."""
    wide = vectors.astype(np.float64)
    if distance == "cosine":
        wide = wide / np.linalg.norm(wide, axis=1)[:, None]
    centred = wide - (wide.mean(axis=0) if mean is None else mean)
    return rotate(centred.astype(np.float32)) > 0


def differing(vectors: F32, query: F32, distance: Distance) -> npt.NDArray[np.int64]:
    """Count the bits that differ, one by one."""
    wide = vectors.astype(np.float64)
    if distance == "cosine":
        wide = wide / np.linalg.norm(wide, axis=1)[:, None]
    mine = bits(query[None, :], distance, wide.mean(axis=0))[0]
    return (bits(vectors, distance) != mine).sum(axis=1)


@both
@pytest.mark.parametrize(
    ("dimension", "count"), [(32, 1), (64, 10), (100, 30), (384, 30), (384, 200), (384, 400), (100, 500)]
)
def test_candidates_are_the_rows_with_the_fewest_differing_bits(distance: Distance, dimension: int, count: int) -> None:
    vectors = gaussian(400, dimension)
    opened_sketch = opened(vectors, distance)
    for query in gaussian(5, dimension, 4):
        counted = differing(vectors, query, distance)
        found = opened_sketch.candidates(query, count, NO_ROWS)
        assert len(found) == len(set(found.tolist())) >= min(count, 400)
        # Of ties at the limit some are left out; a component within rounding of the mean may have either sign.
        assert np.sort(counted[found])[:count] == pytest.approx(np.sort(counted)[:count], abs=1)


@both
@pytest.mark.parametrize(("rows", "count"), [(50, 5), (3_000, 20), (3_000, 2_990)])
def test_hidden_rows_are_never_candidates(distance: Distance, rows: int, count: int) -> None:
    vectors = gaussian(rows, 64)
    query = vectors[10]
    hidden = np.arange(5, 25)
    found = opened(vectors, distance).candidates(query, count, hidden)
    assert len(found) >= min(count, rows - 20)
    assert not set(found.tolist()) & set(hidden.tolist())


def test_if_all_rows_are_hidden_there_are_no_candidates() -> None:
    vectors = gaussian(40, 64)
    assert opened(vectors, "cosine").candidates(vectors[0], 10, np.arange(40)).tolist() == []


@both
@pytest.mark.parametrize(("dimension", "count"), [(192, 400), (256, 400), (256, 10), (384, 10)])
def test_the_opposite_of_a_query_is_its_last_candidate(distance: Distance, dimension: int, count: int) -> None:
    """All bits differ; with 256 of them, the count does not fit into 8 bits."""
    vectors = gaussian(400, dimension)
    vectors[200:] = -vectors[:200]  # so that the mean is zero
    candidates = opened(vectors, distance).candidates(vectors[0], count, NO_ROWS).tolist()
    assert candidates[0] == 0
    assert 200 not in candidates[:-1]


@both
def test_a_stored_vector_is_its_own_candidate(distance: Distance) -> None:
    vectors = gaussian(5_000, 96)
    opened_sketch = opened(vectors, distance)
    assert all(row in opened_sketch.candidates(vectors[row], 1, NO_ROWS) for row in range(0, 5_000, 97))


@pytest.mark.slow
def test_judging_most_rows_by_some_planes_changes_few_candidates() -> None:
    """Most rows are judged by some of the planes only; this may lose a few candidates."""
    weights = np.arange(1, 385, dtype=np.float32) ** np.float32(-0.5)
    vectors = gaussian(8_000, 384) * weights
    opened_sketch = opened(vectors, "cosine")
    share = []
    for query in vectors[:10] + np.float32(0.3) * gaussian(10, 384, 5) * weights:
        counted = differing(vectors, query, "cosine")
        limit = np.sort(counted)[99]
        share.append((counted[opened_sketch.candidates(query, 100, NO_ROWS)] <= limit).sum() / (counted <= limit).sum())
    assert np.mean(share) > 0.9


ROUNDING = 1e-5  # of a rotated component; blocks of other sizes round it differently, and so may turn its sign


@given(rows=st.integers(1, 70), dimension=st.sampled_from([1, 5, 63, 64, 65, 130]), seed=st.integers(0, 99))
def test_a_section_has_the_specified_layout(rows: int, dimension: int, seed: int) -> None:
    vectors = gaussian(rows, dimension, seed) + 2
    section = sketch_of(vectors, "euclidean")
    planes = (dimension + 63) // 64
    assert struct.unpack_from("<2I", section) == (rows, planes)
    mean = np.frombuffer(section, "<f4", dimension, 8)
    assert mean == pytest.approx(vectors.astype(np.float64).mean(axis=0), rel=1e-6)
    at = (8 + 4 * dimension + 7) // 8 * 8
    words = np.frombuffer(section, "<u8", offset=at).reshape(planes, rows)
    rotated = rotate(vectors - mean)
    for component in range(dimension):
        bit = words[component // 64] >> np.uint64(component % 64) & np.uint64(1)
        clear = np.abs(rotated[:, component]) > ROUNDING
        assert bit.astype(bool)[clear].tolist() == (rotated[clear, component] > 0).tolist()


def test_bits_beyond_the_dimension_are_zero() -> None:
    section = sketch_of(gaussian(30, 70), "cosine")
    last = np.frombuffer(section[-8 * 30 :], "<u8")
    assert (last >> np.uint64(6) == 0).all()


def test_equal_vectors_are_all_candidates_if_all_are_wanted() -> None:
    vectors = np.ones((300, 64), np.float32)
    assert len(opened(vectors, "cosine").candidates(vectors[0], 300, NO_ROWS)) == 300


SOUND = sketch_of(gaussian(20, 64), "cosine")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"", id="empty"),
        pytest.param(SOUND[:7], id="no header"),
        pytest.param(SOUND[:-8], id="cut short"),
        pytest.param(SOUND + bytes(8), id="too long"),
        pytest.param(struct.pack("<I", 21) + SOUND[4:], id="another count of rows"),
        pytest.param(SOUND[:4] + struct.pack("<I", 2) + SOUND[8:], id="another count of planes"),
        pytest.param(SOUND[:8] + struct.pack("<f", float("nan")) + SOUND[12:], id="a mean that is no number"),
        pytest.param(SOUND[:8] + struct.pack("<f", float("inf")) + SOUND[12:], id="a mean without end"),
    ],
)
def test_a_section_that_does_not_fit_the_rows_is_corrupt(damage: bytes) -> None:
    with pytest.raises(BlobCorrupt):
        Sketch(MemorySection(damage), 20, 64, "cosine").candidates(gaussian(1, 64)[0], 5, NO_ROWS)


def test_damaged_planes_still_give_valid_rows() -> None:
    query = gaussian(1, 64, 9)[0]
    for at in range(8 + 256, len(SOUND)):
        damaged = bytearray(SOUND)
        damaged[at] ^= 0xFF
        found = Sketch(MemorySection(bytes(damaged)), 20, 64, "cosine").candidates(query, 5, NO_ROWS)
        assert set(found.tolist()) <= set(range(20))
