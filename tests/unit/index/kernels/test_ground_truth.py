"""Ground truth: exactly the rows that are as near as the tenth, in any block, ties included."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import vectors as v
from tests.support.vectors import F32
from vectord.index.kernels import exact_scan, ground_truth
from vectord.index.kernels.ground_truth import true_neighbours
from vectord.lhv1.params import Distance

K = 10
BLOCKS = 9_000  # rows: more than two blocks


def nearest_one_by_one(matrix: F32, queries: F32, distance: Distance) -> list[list[int]]:
    oracle = v.Oracle(matrix, distance)
    distances = [oracle.distances(query) for query in queries]
    return [np.flatnonzero(one <= np.partition(one, K - 1)[K - 1]).tolist() for one in distances]


def found(matrix: F32, queries: F32, distance: Distance) -> list[list[int]]:
    near = true_neighbours(matrix, exact_scan.measure_norms(matrix, distance), queries, K, distance)
    oracle = v.Oracle(matrix, distance)
    for query, each in zip(queries, near, strict=True):
        np.testing.assert_allclose(each.distances, oracle.distances(query)[each.rows], rtol=1e-9, atol=1e-12)
    return [each.rows.tolist() for each in near]


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(rows=st.sampled_from([K, 500, BLOCKS]), seed=st.integers(0, 9), size=st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=20, deadline=None)
def test_the_true_neighbours_queries_are_those_of_each(distance: Distance, rows: int, seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    matrix, queries = (
        (rng.standard_normal((count, 24)) * size * rng.uniform(0.1, 10, (count, 1))).astype(np.float32)
        for count in (rows, 5)
    )
    assert found(matrix, queries, distance) == nearest_one_by_one(matrix, queries, distance)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_all_rows_that_tie_with_the_tenth_are_included(distance: Distance) -> None:
    rng = np.random.default_rng(3)
    few = rng.standard_normal((40, 16)).astype(np.float32)
    which = rng.integers(0, len(few), BLOCKS)
    rows = found(few[which], few[:3], distance)
    assert rows == [np.flatnonzero(which == row).tolist() for row in range(3)]


def test_rows_are_distinguished_that_float32_cannot_distinguish() -> None:
    towards = np.random.default_rng(4).standard_normal(64)
    matrix = (1_000 + np.outer(np.arange(BLOCKS) % 97, towards) * 1e-4).astype(np.float32)
    queries = matrix[[5, 60]] + np.float32(1e-3)
    assert found(matrix, queries, "euclidean") == nearest_one_by_one(matrix, queries, "euclidean")


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_a_second_sample_of_many_rows_loses_no_neighbour(monkeypatch: pytest.MonkeyPatch, distance: Distance) -> None:
    monkeypatch.setattr(ground_truth, "_LARGE", BLOCKS)
    rng = np.random.default_rng(8)
    matrix = np.repeat(rng.standard_normal((BLOCKS // 3, 24)), 3, axis=0).astype(np.float32)
    queries = rng.standard_normal((50, 24)).astype(np.float32)
    assert found(matrix, queries, distance) == nearest_one_by_one(matrix, queries, distance)


def test_queries_with_many_candidates_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground_truth, "_MAX_CANDIDATES", 2_000)
    rng = np.random.default_rng(6)
    matrix = rng.integers(0, 3, (BLOCKS, 4)).astype(np.float32)
    queries = (matrix[:7] + np.float32(0.25) * rng.standard_normal((7, 1))).astype(np.float32)
    assert found(matrix, queries, "euclidean") == nearest_one_by_one(matrix, queries, "euclidean")


@pytest.mark.parametrize("noise", [0, 1e-7], ids=["equal", "nearly equal"])
def test_rows_that_are_as_near_as_all_others_take_little_memory(noise: float) -> None:
    rng = np.random.default_rng(5)
    matrix = (1 + noise * rng.standard_normal((200_000, 2))).astype(np.float32)
    queries = matrix[:100] + np.float32(0.375) * (matrix[100:200] - matrix[:100])
    norms = exact_scan.measure_norms(matrix, "euclidean")
    tracemalloc.start()
    try:
        assert len(true_neighbours(matrix, norms, queries, K, "euclidean")) == len(queries)
        assert tracemalloc.get_traced_memory()[1] < 150 << 20
    finally:
        tracemalloc.stop()
