"""The locality order: near rows are near in the file, so that few ranges contain a query's neighbours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import datasets
from tests.support.vectors import F32
from vectord.index.build.locality import locality_order


def clustered(rows: int, dimension: int, clusters: int) -> F32:
    return datasets.mixture(dimension, clusters, separation=4.0)(np.random.default_rng(5), rows)


@given(rows=st.integers(1, 400), dimension=st.sampled_from([1, 2, 33, 64]), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_every_row_is_listed_once(rows: int, dimension: int, seed: int) -> None:
    assert sorted(locality_order(datasets.gaussian(rows, dimension, seed)).tolist()) == list(range(rows))


@pytest.mark.parametrize("vectors", [np.zeros((500, 8)), np.ones((500, 3)), np.repeat(np.eye(4), 100, axis=0)])
def test_equal_rows_are_ordered_too(vectors: F32) -> None:
    order = locality_order(vectors.astype(np.float32))
    assert sorted(order.tolist()) == list(range(len(vectors)))


def test_equal_input_gives_an_equal_order() -> None:
    vectors = clustered(3_000, 32, 20)
    assert locality_order(vectors).tolist() == locality_order(vectors).tolist()


def test_the_given_vectors_are_not_changed() -> None:
    vectors = clustered(300, 32, 20)
    before = vectors.copy()
    locality_order(vectors)
    assert vectors.tobytes() == before.tobytes()


def ranges(positions: F32, neighbours: list[F32]) -> float:
    """Return how many runs of 16 rows contain the neighbours of a query, on average."""
    return float(np.mean([len(np.unique(positions[rows] // 16)) for rows in neighbours]))


@pytest.mark.parametrize(("dimension", "clusters"), [(16, 100), (128, 100), (300, 30)])
def test_neighbours_are_in_far_fewer_ranges_than_by_chance(dimension: int, clusters: int) -> None:
    vectors = clustered(8_000, dimension, clusters)
    queries = vectors[::400]
    nearest = [np.argsort(np.linalg.norm(vectors - query, axis=1))[:50] for query in queries]
    positions = np.empty(len(vectors), np.int64)
    positions[locality_order(vectors)] = np.arange(len(vectors))
    chance = np.random.default_rng(6).permutation(len(vectors))
    assert ranges(positions, nearest) < 0.5 * ranges(chance, nearest)
