"""Ranking centroids for a query: exactly, and in less time from fewer components."""

import numpy as np
import pytest

from tests.support.datasets import decaying, gaussian
from tests.support.vectors import F32
from vectord.index.kernels.ranking import Ranking

DIMENSION = 256
QUERIES = decaying(20, DIMENSION, 5, exponent=0.8)


def of_matrix(matrix: F32) -> Ranking:
    return Ranking(matrix, np.zeros(len(matrix), np.float32))


def share_in_common(ranking: Ranking, count: int) -> float:
    """Return the share of the best rows that both ways have in common, over all queries."""
    common = [
        len(set(ranking.about(query, count).tolist()) & set(ranking.exactly(query, count).tolist()))
        for query in QUERIES
    ]
    return sum(common) / (count * len(QUERIES))


def test_rows_are_ranked_by_product_and_offset() -> None:
    matrix, offsets = gaussian(300, DIMENSION), gaussian(1, 300, 2)[0] * 5
    ranking = Ranking(matrix, offsets)
    for query in QUERIES:
        order = np.argsort(-(matrix.astype(float) @ query + offsets))
        for count in (1, 7, 300, 1_000):
            assert ranking.exactly(query, count).tolist() == order[:count].tolist()
    allowed = np.arange(300) % 7 == 2
    assert [each.tolist() for each in ranking.exactly_all(QUERIES, 5, allowed)] == [
        ranking.exactly(query, 5, allowed).tolist() for query in QUERIES
    ]


@pytest.mark.parametrize("rows", [2_100, 9_000], ids=["fewer rows in the sample than components", "more"])
def test_the_best_rows_of_a_large_matrix_with_few_directions_are_nearly_the_same(rows: int) -> None:
    ranking = of_matrix(decaying(rows, DIMENSION, exponent=0.8))
    assert share_in_common(ranking, 20) > 0.99
    best = ranking.about(QUERIES[0], 20).tolist()
    assert len(best) == 20
    assert best == sorted(best)


def test_the_best_of_the_allowed_rows_are_nearly_the_same() -> None:
    ranking, allowed = of_matrix(decaying(9_000, DIMENSION, exponent=0.8)), np.arange(9_000) % 5 == 0
    for query in QUERIES:
        best, exact = ranking.about(query, 20, allowed), ranking.exactly(query, 20, allowed)
        assert len(set(best.tolist()) & set(exact.tolist())) >= 19
        assert allowed[best].all()


@pytest.mark.parametrize(
    "matrix",
    [decaying(2_000, DIMENSION, exponent=0.8), gaussian(2_100, DIMENSION)],
    ids=["a small matrix", "one without leading directions"],
)
def test_a_matrix_that_a_reduction_does_not_pay_for_is_ranked_exactly(matrix: F32) -> None:
    assert share_in_common(of_matrix(matrix), 20) == 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_equal_rows_are_ranked(value: float) -> None:
    ranking = of_matrix(np.full((2_100, DIMENSION), value, np.float32))
    assert len(set(ranking.about(QUERIES[0], 20).tolist())) == 20
