"""Large indexes are searched by the forest, whose calibrated effort keeps the recall that is promised."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from tests.support import vectors as v
from vectord.index.query import search
from vectord.index.state import Index
from vectord.lhv1.params import Distance

K = 10


@dataclass(frozen=True)
class Case:
    """A large index, questions of the same kind that are not in it, and their true distances, 50 each, ascending."""

    index: Index
    matrix: v.F32
    queries: v.F32
    truth: npt.NDArray[np.float64]

    @property
    def distance(self) -> Distance:
        return self.index.params.distance

    def recall(self, k: int = K, ef_search: int = 0) -> float:
        """Return the share of the true `k` nearest that are found, a tie with the last one counting as true."""
        hits = 0
        for query, truth in zip(self.queries, self.truth, strict=True):
            found = search.search(self.index, query, k, ef_search=ef_search).matches
            hits += sum(match.distance <= truth[k - 1] + 1e-12 for match in found)
        return hits / (k * len(self.queries))


def mixture(rng: np.random.Generator, rows: int, spectrum: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Draw from 40 Gaussians whose directions weigh as `spectrum` says."""
    centres = 3 * rng.standard_normal((40, len(spectrum)))
    return (centres[rng.integers(0, 40, rows)] + rng.standard_normal((rows, len(spectrum)))) * spectrum


def a_case(rows: int, spectrum: npt.NDArray[np.float64], distance: Distance) -> Case:
    drawn = mixture(np.random.default_rng(11), rows + 100, spectrum).astype(np.float32)
    matrix, queries = drawn[:rows], drawn[rows:]
    truth = [np.sort(np.partition(v.true_distances(matrix, query, distance), 50)[:50]) for query in queries]
    return Case(v.reopened(v.of_matrix(matrix, distance)), matrix, queries, np.array(truth))


@pytest.fixture(scope="module", params=["euclidean", "cosine"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "euclidean":
        yield a_case(80_000, np.ones(8), "euclidean")
    else:
        yield a_case(40_000, np.arange(1, 65) ** -1.0, "cosine")


def test_a_large_index_is_searched_by_the_forest(case: Case) -> None:
    assert {search.search(case.index, query, K).strategy for query in case.queries} == {"forest"}


@pytest.mark.parametrize("k", [1, 10, 50])
def test_the_calibrated_effort_reaches_the_recall_that_is_promised(case: Case, k: int) -> None:
    assert case.recall(k) >= 0.95


def test_less_effort_finds_less_and_more_effort_finds_more(case: Case) -> None:
    least, some, most = (case.recall(ef_search=effort) for effort in (1, 40, 2_000))
    assert least < some < most
    assert most > 0.99


def test_forest_answers_are_exact_distances_in_ascending_order(case: Case) -> None:
    for query in case.queries[:20]:
        truth = v.true_distances(case.matrix, query, case.distance)
        answer = search.search(case.index, query, K)
        distances = [match.distance for match in answer.matches]
        assert distances == sorted(distances)
        assert distances == pytest.approx([truth[int(match.id)] for match in answer.matches], abs=1e-12)


def test_every_stored_vector_that_is_asked_for_is_found_first_at_zero(case: Case) -> None:
    for row in range(0, len(case.matrix), 997):
        assert v.pairs(search.search(case.index, case.matrix[row], 1)) == [(str(row), 0.0)]


def test_all_there_are_can_be_asked_for_and_come_by_the_exact_scan(case: Case) -> None:
    answer = search.search(case.index, case.queries[0], len(case.matrix) + 1)
    assert (len(answer.matches), answer.strategy) == (len(case.matrix), "exact")


def test_the_same_answers_come_after_reopening(case: Case) -> None:
    again = v.reopened(case.index)
    for query in case.queries:
        assert v.pairs(search.search(again, query, K)) == v.pairs(search.search(case.index, query, K))


def test_an_euclidean_query_beyond_float32_arithmetic_is_answered_exactly() -> None:
    matrix = mixture(np.random.default_rng(11), 62_000, np.ones(2)).astype(np.float32)
    far = v.f32([3e37, -2e37])
    answer = search.search(v.of_matrix(matrix, "euclidean"), far, K)
    truth = np.sort(v.true_distances(matrix, far, "euclidean"))
    assert [match.distance for match in answer.matches] == pytest.approx(truth[:K], rel=1e-12)


def test_ids_order_ties_in_a_large_index_of_equal_vectors() -> None:
    index = v.of_matrix(np.ones((62_000, 2)), "euclidean")
    assert v.ids(search.search(index, v.f32([3, 4]), 5)) == sorted(map(str, range(62_000)))[:5]


@pytest.fixture(scope="module")
def cosine() -> Case:
    return a_case(40_000, np.arange(1, 65) ** -1.0, "cosine")


@pytest.mark.parametrize("scale", [1e20, 1e37, 1e-30, 1e-38])
def test_the_length_of_a_cosine_query_costs_no_recall(cosine: Case, scale: float) -> None:
    queries = cosine.queries * np.float32(scale)
    truth = [np.sort(np.partition(v.true_distances(cosine.matrix, query, "cosine"), 50)[:50]) for query in queries]
    assert Case(cosine.index, cosine.matrix, queries, np.array(truth)).recall() >= 0.95
