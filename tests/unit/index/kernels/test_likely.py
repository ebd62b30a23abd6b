"""Rows that are likely among the nearest: the nearest are among them, whatever the distribution, and few others."""

import numpy as np
import pytest

from tests.support.datasets import mixture, textlike
from tests.support.vectors import F32
from vectord.index.kernels import codes, likely
from vectord.index.kernels.distance import distances
from vectord.lhv1.params import Distance

both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])
DIMENSIONS = [8, 64, *(pytest.param(each, marks=pytest.mark.slow) for each in (100, 384))]
K = 10
QUERIES = 30


class Case:
    """Rows with codes about the mean of other rows, and queries."""

    def __init__(self, rows: F32, queries: F32, others: F32, distance: Distance) -> None:
        self.rows, self.queries, self.distance = rows, queries, distance
        self.mean = codes.mean_of(others, distance)
        encoded = codes.encode(rows, self.mean, distance)
        self.codes = codes.in_planes(encoded)

    def query(self, number: int) -> codes.RotatedQuery:
        return codes.rotated_query(self.queries[number], self.mean, self.distance)

    def exact(self, number: int) -> np.ndarray:
        return distances(self.rows, None, self.queries[number], self.distance)

    def estimates(self, number: int) -> likely.Estimates:
        return likely.estimates(self.codes, self.query(number))

    def by_estimates(self, number: int, recall: float) -> set[int]:
        found = self.estimates(number)
        target = likely.Target(K, recall)
        limit = likely.kth_of_surest(found.values, found.values + target.standard_errors * found.errors, K)
        return set(likely.by_estimates(found, likely.Target(K, recall, limit)).tolist())

    def by_bits(self, number: int, recall: float, limit: float = np.inf, hidden: np.ndarray | None = None) -> set[int]:
        rows = likely.by_bits(self.codes, self.query(number), likely.Target(K, recall, limit), hidden)
        return set(rows.tolist())

    def recall(self, found: list[set[int]]) -> float:
        nearest = [set(np.argsort(self.exact(number))[:K].tolist()) for number in range(len(self.queries))]
        return sum(len(some & all_) for some, all_ in zip(nearest, found, strict=True)) / (K * len(nearest))


def a_case(kind: str, dimension: int, distance: Distance = "cosine", rows: int = 1_500) -> Case:
    """Draw rows; near a few centres, codes about the mean of other rows distinguish them badly."""
    draws = {"text": textlike(dimension), "clusters": mixture(dimension, 6, 0.3), "gaussian": mixture(dimension, 1)}
    dice = np.random.default_rng(1)
    drawn, queries = draws[kind](dice, rows), draws[kind](dice, QUERIES)
    return Case(drawn, queries, textlike(dimension)(dice, 1_500), distance)


@pytest.mark.slow
@both
@pytest.mark.parametrize("kind", ["text", "clusters", "gaussian"])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_likely_rows_have_the_nearest_whatever_the_distribution(kind: str, dimension: int, distance: Distance) -> None:
    case = a_case(kind, dimension, distance)
    for recall in (0.9, 0.98, 0.99):
        assert case.recall([case.by_estimates(number, recall) for number in range(QUERIES)]) >= recall
        assert case.recall([case.by_bits(number, recall) for number in range(QUERIES)]) >= recall


def test_likely_rows_have_the_nearest_where_rows_with_large_errors_are_many() -> None:
    dice = np.random.default_rng(3)
    drawn = dice.standard_normal((12_000 + QUERIES, 128)) * np.exp(dice.standard_normal((12_000 + QUERIES, 1)))
    rows, queries = drawn[QUERIES:].astype(np.float32), drawn[:QUERIES].astype(np.float32)
    case = Case(rows, queries, rows, "euclidean")
    assert case.recall([case.by_estimates(number, 0.98) for number in range(QUERIES)]) >= 0.98
    assert case.recall([case.by_bits(number, 0.98) for number in range(QUERIES)]) >= 0.98


@both
def test_the_standard_error_is_that_of_the_estimates(distance: Distance) -> None:
    case = a_case("gaussian", 384, distance)
    shares = []
    for number in range(QUERIES):
        found, query = case.estimates(number), case.query(number)
        exact = np.array([likely.limit_of(each, query, distance) for each in case.exact(number)])
        shares.append(((found.values - exact) / found.errors).std())
    assert 0.8 < np.mean(shares) < 1.2


def test_a_higher_recall_makes_more_rows_likely() -> None:
    case = a_case("text", 64)
    for number in range(5):
        for find in (case.by_estimates, case.by_bits):
            few, more = find(number, 0.9), find(number, 0.99)
            assert few < more


def test_few_rows_are_likely_if_others_are_nearer() -> None:
    case = a_case("text", 384)
    limits = [likely.limit_of(case.exact(number).min() / 4, case.query(number), "cosine") for number in range(QUERIES)]
    few = sum(len(case.by_bits(number, 0.9, limit)) for number, limit in enumerate(limits))
    assert few < sum(len(case.by_bits(number, 0.9)) for number in range(QUERIES)) / 2


def test_a_row_that_equals_the_query_is_likely() -> None:
    case = a_case("text", 384)
    case.queries = case.rows[:QUERIES]
    for number in range(QUERIES):
        limit = likely.limit_of(0.0, case.query(number), "cosine")
        assert number in case.by_bits(number, 0.9, limit)
        assert number in case.by_estimates(number, 0.9)


def test_hidden_rows_are_left_out_and_do_not_displace_others() -> None:
    case = a_case("clusters", 384)
    for number in range(5):
        exact = case.exact(number)
        hidden = np.zeros(len(exact), np.bool_)
        hidden[np.argsort(exact)[:400]] = True
        found = case.by_bits(number, 0.95, hidden=hidden)
        assert not found & set(np.flatnonzero(hidden).tolist())
        nearest = np.argsort(np.where(hidden, np.inf, exact))[:K].tolist()
        assert len(found & set(nearest)) >= 9


@pytest.mark.parametrize("count", [1, K - 1])
def test_all_of_a_few_rows_are_likely(count: int) -> None:
    case = a_case("text", 64, rows=count)
    assert case.by_estimates(0, 0.95) == case.by_bits(0, 0.95) == set(range(count))


@both
def test_an_estimate_as_a_distance_is_the_reverse_of_a_limit(distance: Distance) -> None:
    case = a_case("text", 64, distance)
    query, exact = case.query(0), case.exact(0)
    limits = np.array([likely.limit_of(float(each), query, distance) for each in exact])
    assert likely.distances_of(limits, query, distance) == pytest.approx(exact, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("error", [0.0, 0.02, 0.05])
def test_as_many_corrected_estimates_as_distances_are_below_a_limit(error: float) -> None:
    dice = np.random.default_rng(4)
    exact = np.log(dice.uniform(1, 1e6, 400_000)) / 20  # up to a distance, their number grows as exp(20 * distance)
    values = exact + error * dice.standard_normal(len(exact))
    found = likely.Estimates(values, np.full(len(exact), error))
    corrected = likely.corrected(found, np.sort(values)[:2_000])
    limit = np.sort(exact)[1_000]
    assert np.count_nonzero(corrected < limit) == pytest.approx(1_000, rel=0.15)
    assert error < 0.05 or np.count_nonzero(values < limit) > 1_400


def test_estimates_of_rows_at_one_distance_are_not_corrected() -> None:
    found = likely.Estimates(np.ones(8), np.ones(8))
    assert likely.corrected(found, np.ones(4)).tolist() == found.values.tolist()
    assert likely.corrected(found, np.ones(1)).tolist() == found.values.tolist()
