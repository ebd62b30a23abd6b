"""The exact scan returns every row that can be among the nearest, from a bound on or without one."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import datasets
from tests.support.vectors import F32
from vectord.index.kernels import exact_scan
from vectord.index.kernels.distance import distances
from vectord.lhv1.params import Distance

type Select = Callable[[F32, F32, int, Distance, float], list[int]]


def _scan(vectors: F32, query: F32, k: int, distance: Distance, at_least: float) -> list[int]:
    norms = exact_scan.measure_norms(vectors, distance)
    [rows] = exact_scan.scan(vectors, norms, [query], k, distance, at_least=at_least)
    return rows.tolist()


def _scan_of_two(vectors: F32, query: F32, k: int, distance: Distance, at_least: float) -> list[int]:
    norms = exact_scan.measure_norms(vectors, distance)
    rows, _ = exact_scan.scan(vectors, norms, [query, -query], k, distance, at_least=at_least)
    return rows.tolist()


def _prune(vectors: F32, query: F32, k: int, distance: Distance, at_least: float) -> list[int]:
    return exact_scan.prune(vectors, query, k, distance, at_least=at_least).tolist()


selections = pytest.mark.parametrize("select", [_scan, _scan_of_two, _prune])
both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])


@both
@selections
@given(rank=st.integers(0, 299), k=st.integers(1, 40), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_the_nearest_rows_beyond_a_bound_are_found(
    select: Select, distance: Distance, rank: int, k: int, seed: int
) -> None:
    """Half of the rows are nearly equal: float32 has them in the wrong order around the bound."""
    scale = 10.0 ** (seed % 8 - 4)
    rng = np.random.default_rng(seed)
    vectors = datasets.gaussian(300, 24, seed).astype(np.float64)
    vectors[:150] = vectors[0] + 1e-6 * rng.standard_normal((150, 24))
    vectors = (vectors * scale).astype(np.float32)
    query = (datasets.gaussian(1, 24, seed + 1)[0] * np.float32(scale)).astype(np.float32)
    exact = distances(vectors, None, query, distance)
    order = np.argsort(exact, kind="stable")
    bound = float(exact[order[rank]])
    at_or_beyond = [row for row in order.tolist() if exact[row] >= bound]
    at_the_bound = sum(exact[row] == bound for row in at_or_beyond)
    assert set(at_or_beyond[: at_the_bound + k]) <= set(select(vectors, query, k, distance, bound))


@both
@selections
def test_rows_nearer_than_the_bound_are_not_returned(select: Select, distance: Distance) -> None:
    vectors, query = datasets.gaussian(5_000, 24, 1), datasets.gaussian(1, 24, 2)[0]
    exact = distances(vectors, None, query, distance)
    bound = float(np.sort(exact)[2_000])
    assert len(select(vectors, query, 10, distance, bound)) < 20


@both
@pytest.mark.parametrize("bound", [9e9, 1e300])
@selections
def test_beyond_all_rows_there_are_none(select: Select, distance: Distance, bound: float) -> None:
    vectors, query = datasets.gaussian(500, 24, 1), datasets.gaussian(1, 24, 2)[0]
    assert select(vectors, query, 10, distance, bound) == []


@both
def test_hidden_rows_beyond_a_bound_are_not_returned(distance: Distance) -> None:
    vectors, query = datasets.gaussian(500, 24, 1), datasets.gaussian(1, 24, 2)[0]
    order = np.argsort(distances(vectors, None, query, distance))
    bound, hidden = float(distances(vectors, order[480:481], query, distance)[0]), np.sort(order[485:])
    norms = exact_scan.measure_norms(vectors, distance)
    [rows] = exact_scan.scan(vectors, norms, [query], 10, distance, hidden=hidden, at_least=bound)
    assert set(order[480:485].tolist()) <= set(rows.tolist())
    assert not set(rows.tolist()) & set(hidden.tolist())


@both
def test_vectors_of_extreme_magnitude_are_not_pruned(distance: Distance) -> None:
    vectors = np.array([[3e38, 1.0], [1.0, 3e38], [1e-40, 1e-40]], np.float32)
    assert exact_scan.prune(vectors, np.ones(2, np.float32), 1, distance).tolist() == [0, 1, 2]
