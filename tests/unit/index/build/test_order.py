"""The order of rows: near rows lie near each other, so that few ranges hold a query's neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vectors import F32
from vectord.index.build.locality import locality_order


def clustered(rows: int, dimension: int, clusters: int) -> F32:
    rng = np.random.default_rng(5)
    centres = 4 * rng.standard_normal((clusters, dimension))
    return (centres[rng.integers(0, clusters, rows)] + rng.standard_normal((rows, dimension))).astype(np.float32)


@given(rows=st.integers(1, 400), dimension=st.sampled_from([1, 2, 33, 64]), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_every_row_is_there_once(rows: int, dimension: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    assert sorted(locality_order(vectors).tolist()) == list(range(rows))


@pytest.mark.parametrize("vectors", [np.zeros((500, 8)), np.ones((500, 3)), np.repeat(np.eye(4), 100, axis=0)])
def test_equal_rows_are_ordered_too(vectors: F32) -> None:
    order = locality_order(vectors.astype(np.float32))
    assert sorted(order.tolist()) == list(range(len(vectors)))


def test_equal_vectors_are_numbered_equally_each_time() -> None:
    vectors = clustered(3_000, 32, 20)
    assert locality_order(vectors).tolist() == locality_order(vectors).tolist()


def test_the_vectors_that_are_given_stay_as_they_are() -> None:
    vectors = clustered(300, 32, 20)
    before = vectors.copy()
    locality_order(vectors)
    assert vectors.tobytes() == before.tobytes()


def ranges(places: F32, neighbours: list[F32]) -> float:
    """Return how many runs of 16 rows hold the neighbours of a query, on average."""
    return float(np.mean([len(np.unique(places[rows] // 16)) for rows in neighbours]))


@pytest.mark.parametrize(("dimension", "clusters"), [(16, 100), (128, 100), (300, 30)])
def test_neighbours_lie_in_far_fewer_ranges_than_by_chance(dimension: int, clusters: int) -> None:
    vectors = clustered(8_000, dimension, clusters)
    queries = vectors[::400]
    near = [np.argsort(np.linalg.norm(vectors - query, axis=1))[:50] for query in queries]
    places = np.empty(len(vectors), np.int64)
    places[locality_order(vectors)] = np.arange(len(vectors))
    chance = np.random.default_rng(6).permutation(len(vectors))
    assert ranges(places, near) < 0.5 * ranges(chance, near)
