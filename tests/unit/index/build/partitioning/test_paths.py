"""Short paths: near vectors are near in an order."""

from itertools import pairwise

import numpy as np
import pytest

from tests.support import datasets
from vectord.index.build.partitioning.paths import Array, along_paths, short_path


def length(vectors: datasets.F32, order: Array) -> float:
    """Return the length of the path through the vectors in an order."""
    return float(np.linalg.norm(np.diff(vectors[order], axis=0), axis=1).sum())


def test_a_path_visits_points_on_a_line_one_after_the_other() -> None:
    places = np.random.default_rng(3).permutation(50)
    vectors = np.outer(places, [1.0, 2.0, -1.0]).astype(np.float32)
    assert places[short_path(vectors)].tolist() == list(range(49, -1, -1))


@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_a_path_visits_each_vector_once(count: int) -> None:
    assert sorted(short_path(datasets.gaussian(count, 5)).tolist()) == list(range(count))


def test_equal_vectors_have_a_path_too() -> None:
    assert sorted(short_path(np.ones((40, 3), np.float32)).tolist()) == list(range(40))


@pytest.mark.parametrize("largest", [1, 30, 2_500])
def test_each_partition_keeps_its_rows_along_a_shorter_path(largest: int) -> None:
    sizes = np.random.default_rng(4).integers(0, largest, 9, endpoint=True)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    vectors = datasets.textlike(16)(np.random.default_rng(5), int(starts[-1]))
    order = np.random.default_rng(6).permutation(len(vectors))
    arranged = along_paths(lambda rows: vectors[rows], order, starts)
    for first, last in pairwise(starts):
        assert sorted(arranged[first:last].tolist()) == sorted(order[first:last].tolist())
    assert largest < 3 or length(vectors, arranged) < 0.9 * length(vectors, order)


def test_the_path_of_a_partition_does_not_depend_on_the_others() -> None:
    vectors = datasets.gaussian(60, 8)
    alone = along_paths(lambda rows: vectors[rows], np.arange(20), np.array([0, 20]))
    together = along_paths(lambda rows: vectors[rows], np.arange(60), np.array([0, 20, 60]))
    assert together[:20].tolist() == alone.tolist()
