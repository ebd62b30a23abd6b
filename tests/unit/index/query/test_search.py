"""Searching: ascending exact distances, ties by id, and a stored vector always finds itself."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.support import vectors as v
from tests.support.vectors import item
from vectord.index.query import search
from vectord.index.state import Index
from vectord.lhv1.params import Distance

both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])


def gaussian(rows: int, dimension: int, seed: int = 1) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((rows, dimension))


def test_a_search_of_an_empty_index_has_no_matches() -> None:
    answer = search.search(v.empty(), v.f32([1, 0]), 10)
    assert (answer.matches, answer.count) == ([], 0)


@both
@pytest.mark.parametrize("k", [1, 3, 4, 5, 10_000])
def test_k_matches_are_returned_or_all_there_are(distance: Distance, k: int) -> None:
    answer = search.search(v.of_matrix(gaussian(4, 3), distance), v.f32([1, 0, 0]), k)
    assert (len(answer.matches), answer.count) == (min(k, 4), 4)


@both
def test_matches_are_in_ascending_order(distance: Distance) -> None:
    answer = search.search(v.of_matrix(gaussian(300, 6), distance), v.f32(gaussian(1, 6, 2)[0]), 300)
    distances = [match.distance for match in answer.matches]
    assert distances == sorted(distances)


@pytest.mark.parametrize(
    ("stored", "query", "expected"),
    [([1, 0], [1, 0], 0.0), ([2, 0], [1, 0], 0.0), ([0, 3], [1, 0], 1.0), ([-2, 0], [1, 0], 2.0)],
)
def test_cosine_distance_is_one_minus_the_cosine(stored: list[float], query: list[float], expected: float) -> None:
    index = v.with_items(v.empty(2, "cosine"), [item("a", stored)])
    assert v.pairs(search.search(index, v.f32(query), 1)) == [("a", pytest.approx(expected, abs=1e-15))]


def test_euclidean_distance_is_the_norm_of_the_difference() -> None:
    index = v.with_items(v.empty(2, "euclidean"), [item("a", [4, 5])])
    assert v.pairs(search.search(index, v.f32([1, 1]), 1)) == [("a", 5.0)]


MATRIX = gaussian(700, 12).astype(np.float32)


@cache
def of_the_matrix(distance: Distance) -> Index:
    return v.of_matrix(MATRIX, distance)


@both
@pytest.mark.parametrize("k", [1, 10, 700])
@settings(max_examples=20)
@given(seed=st.integers(0, 1_000))
def test_distances_equal_the_textbook_formula(distance: Distance, k: int, seed: int) -> None:
    matrix, query = MATRIX, v.f32(gaussian(1, 12, seed)[0])
    truth, index = v.true_distances(matrix, query, distance), of_the_matrix(distance)
    answer = search.search(index, query, k)
    assert [match.distance for match in answer.matches] == pytest.approx(np.sort(truth)[:k], abs=1e-12)
    for match in answer.matches:
        assert match.distance == pytest.approx(truth[int(match.id)], abs=1e-12)


SCALES = [1.0, 1e20, 1e-30, 3e-44, 1e37, 1e38 / 4]


@both
@pytest.mark.parametrize("scale", SCALES)
def test_a_stored_vector_finds_itself_first_at_exactly_zero(distance: Distance, scale: float) -> None:
    matrix = (gaussian(64, 16) * scale).astype(np.float32)
    index = v.reopened(v.of_matrix(matrix, distance))
    for row, vector in enumerate(matrix):
        first = search.search(index, vector, 1).matches[0]
        assert first.distance == 0.0
        assert (matrix[int(first.id)] == vector).all(), f"row {row} found {first.id}"


@pytest.mark.parametrize("scale", [1e20, 1e-30, 1e37])
def test_the_length_of_vectors_and_query_does_not_change_a_cosine(scale: float) -> None:
    matrix, query = gaussian(64, 16).astype(np.float32), gaussian(1, 16, 2)[0]
    truth = v.true_distances(matrix, query, "cosine")
    answer = search.search(v.of_matrix(matrix * np.float32(scale), "cosine"), v.f32(query / scale), 64)
    assert {match.id: match.distance for match in answer.matches} == pytest.approx(
        {str(row): distance for row, distance in enumerate(truth)}, abs=1e-6
    )


def test_the_farthest_euclidean_distances_are_finite() -> None:
    index = v.with_items(v.empty(2, "euclidean"), [item("a", [3.4e38, 3.4e38]), item("b", [0, 0])])
    found = v.pairs(search.search(index, v.f32([-3.4e38, -3.4e38]), 2))
    assert found == [("b", pytest.approx(4.81e38, rel=1e-2)), ("a", pytest.approx(9.62e38, rel=1e-2))]


@both
def test_vectors_of_very_different_lengths_are_answered_right_in_one_index(distance: Distance) -> None:
    lengths = 10.0 ** np.linspace(-40, 37, 50)
    matrix = (gaussian(50, 8) * lengths[:, None]).astype(np.float32)
    index = v.reopened(v.of_matrix(matrix, distance))
    for vector in matrix:
        answer = search.search(index, vector, 50)
        truth = np.sort(v.true_distances(matrix, vector, distance))
        assert [match.distance for match in answer.matches] == pytest.approx(truth, rel=1e-6, abs=1e-9)


@both
def test_ties_break_by_id(distance: Distance) -> None:
    index = v.with_items(v.empty(2, distance), [item(name, [1, 1]) for name in ("b", "ä", "a", "A", "aa", "Z")])
    assert v.ids(search.search(index, v.f32([2, 1]), 10)) == ["A", "Z", "a", "aa", "b", "ä"]


@both
@pytest.mark.parametrize("k", [1, 5, 99])
def test_ties_break_by_id_also_at_the_last_place(distance: Distance, k: int) -> None:
    index = v.of_matrix(np.ones((100, 4)), distance)
    assert v.ids(search.search(index, v.f32([1, 2, 3, 4]), k)) == sorted(map(str, range(100)))[:k]


@both
@pytest.mark.parametrize("spread", [1e-3, 1e-5])
def test_neighbours_that_float32_cannot_distinguish_are_ordered_exactly(distance: Distance, spread: float) -> None:
    """The k nearest must be the first k of all; float32 sums of these vectors are nearly noise."""
    matrix = (10 + spread * gaussian(400, 48)).astype(np.float32)
    index = v.of_matrix(matrix, distance)
    for query in (10 + spread * gaussian(20, 48, 2)).astype(np.float32):
        everything = v.pairs(search.search(index, query, 400))
        assert v.pairs(search.search(index, query, 7)) == everything[:7]


def test_matches_have_metadata_and_vector() -> None:
    index = v.reopened(v.with_items(v.empty(), [item("a", [3, 4], {"x": 1}), item("b", [-1, 0])]))
    first, second = search.search(index, v.f32([3, 4]), 2).matches
    assert (bytes(first.metadata or b""), first.vector.tolist()) == (b'{"x": 1}', [3, 4])
    assert second.metadata is None


@both
def test_a_reopened_index_answers_bit_for_bit_the_same(distance: Distance) -> None:
    index = of_the_matrix(distance)
    again = v.reopened(index)
    for query in gaussian(20, 12, 3).astype(np.float32):
        assert v.pairs(search.search(again, query, 25)) == v.pairs(search.search(index, query, 25))


@both
@given(
    matrix=hnp.arrays(np.float32, (6, 3), elements=st.floats(-(2.0**127), 2.0**127, width=32).filter(bool)),
    k=st.integers(1, 8),
)
@pytest.mark.slow
def test_every_stored_vector_finds_itself_at_zero(distance: Distance, matrix: v.F32, k: int) -> None:
    index = v.of_matrix(matrix, distance)
    for row, vector in enumerate(matrix):
        found = dict(v.pairs(search.search(index, vector, 6)))
        assert found[str(row)] == 0.0
        assert len(search.search(index, vector, k).matches) == min(k, 6)
