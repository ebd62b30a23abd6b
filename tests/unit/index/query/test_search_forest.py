"""Plain indexes up to 16 MiB, as earlier versions left them, are searched by the forest with a calibrated effort."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from tests.support import datasets
from tests.support import vectors as v
from vectord.index.codec import decode
from vectord.index.query import search
from vectord.index.sections import graph
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.lhv1.params import Distance

K = 10
MOST = 50  # matches that a test asks for


@dataclass(frozen=True)
class Case:
    """A large index, queries of the same distribution that are not in it, and their true distances, ascending."""

    blob: bytes
    index: Index
    matrix: v.F32
    queries: v.F32
    truth: npt.NDArray[np.float64]

    def recall(self, k: int = K, ef_search: int = 0) -> float:
        """Return the share of the true `k` nearest that are found; a tie with the last one counts as true."""
        hits = 0
        for query, truth in zip(self.queries, self.truth, strict=True):
            found = search.search(self.index, query, k, ef_search=ef_search).matches
            hits += sum(match.distance <= truth[k - 1] + 1e-12 for match in found)
        return hits / (k * len(self.queries))


@cache
def large(distance: Distance) -> Case:
    rows, dimension, exponent = (57_000, 8, 0.0) if distance == "euclidean" else (12_600, 256, 1.0)
    assert not exact_scan_is_cheap(rows, dimension)
    draw = datasets.mixture(dimension, 40, exponent=exponent, separation=3.0)
    drawn = draw(np.random.default_rng(11), rows + 60)
    matrix, queries = drawn[:rows], drawn[rows:]
    oracle = v.Oracle(matrix, distance)
    truth = oracle.nearest_of_each(queries, MOST)
    blob = v.blob_of_matrix(matrix, distance, thresholds=Thresholds(packed=16 << 20), m=8)
    return Case(blob, decode.open_blob(blob), matrix, queries, truth)


@pytest.fixture(params=[pytest.param(each, marks=pytest.mark.slow) for each in ("cosine", "euclidean")])
def case(request: pytest.FixtureRequest) -> Case:
    return large(request.param)


def test_a_large_index_is_searched_by_the_forest(case: Case) -> None:
    assert {search.search(case.index, query, K).strategy for query in case.queries} == {"forest"}


@pytest.mark.parametrize("k", [1, 10, 50])
def test_the_calibrated_effort_reaches_the_promised_recall(case: Case, k: int) -> None:
    assert case.recall(k) >= 0.95


def test_recall_grows_with_effort(case: Case) -> None:
    least, some, most = (case.recall(ef_search=effort) for effort in (1, 40, 2_000))
    assert least < some < most
    assert most > 0.99


def test_forest_answers_are_exact_distances_in_ascending_order(case: Case) -> None:
    oracle = v.Oracle(case.matrix, case.index.params.distance)
    for query in case.queries[:20]:
        truth = oracle.distances(query)
        answer = search.search(case.index, query, K)
        distances = [match.distance for match in answer.matches]
        assert distances == sorted(distances)
        assert distances == pytest.approx([truth[int(match.id)] for match in answer.matches], abs=1e-12)


def test_every_stored_vector_finds_itself_first_at_zero(case: Case) -> None:
    for row in range(0, len(case.matrix), 997):
        assert v.pairs(search.search(case.index, case.matrix[row], 1)) == [(str(row), 0.0)]


def test_a_search_for_more_than_there_is_returns_every_vector_by_an_exact_scan(case: Case) -> None:
    answer = search.search(case.index, case.queries[0], len(case.matrix) + 1)
    assert (len(answer.matches), answer.strategy) == (len(case.matrix), "exact")


def test_another_process_gives_the_same_answers(case: Case) -> None:
    again = decode.open_blob(case.blob)
    for query in case.queries:
        assert v.pairs(search.search(again, query, K)) == v.pairs(search.search(case.index, query, K))


@pytest.mark.slow
def test_a_euclidean_query_beyond_float32_arithmetic_is_answered_exactly() -> None:
    case, far = large("euclidean"), v.f32([3e37, -2e37, 1e37, 0, 0, 0, 0, 0])
    answer = search.search(case.index, far, K)
    truth = v.Oracle(case.matrix, "euclidean").nearest(far, K)
    assert [match.distance for match in answer.matches] == pytest.approx(truth, rel=1e-12)


def test_ids_order_ties_in_a_large_index_of_equal_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_CHEAP_SCAN_COMPONENTS", 100_000)
    rows = 4_000
    assert not exact_scan_is_cheap(rows, 2)
    index = v.of_matrix(np.ones((rows, 2)), "euclidean", m=2)
    assert v.ids(search.search(index, v.f32([3, 4]), 5)) == sorted(map(str, range(rows)))[:5]


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e20, 1e37, 1e-30, 1e-38])
def test_the_length_of_a_cosine_query_costs_no_recall(scale: float) -> None:
    case = large("cosine")
    queries = case.queries[:30] * np.float32(scale)
    oracle = v.Oracle(case.matrix, "cosine")
    truth = oracle.nearest_of_each(queries, MOST)
    assert Case(case.blob, case.index, case.matrix, queries, truth).recall() >= 0.95
