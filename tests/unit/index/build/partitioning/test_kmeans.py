"""k-means: each cluster of the data gets a centroid, and no centroid is lost to equal rows."""

import numpy as np
import pytest

from tests.support import datasets
from tests.support.vectors import F32
from vectord.index.build.partitioning.kmeans import centroids_of, nearest


def sample(centres: F32, rows: int) -> F32:
    """Return rows close to random `centres`."""
    dice = np.random.default_rng(3)
    drawn = centres[dice.integers(0, len(centres), rows)] + 0.01 * dice.standard_normal((rows, centres.shape[1]))
    return drawn.astype(np.float32)


@pytest.mark.parametrize(("count", "clusters"), [(500, 30), (1_200, 300)], ids=["one product", "several products"])
def test_nearest_is_the_nearest_centroid_of_each_row(count: int, clusters: int) -> None:
    rows, centroids = datasets.gaussian(count, 24, 1), datasets.gaussian(clusters, 24, 2)
    distances = np.linalg.norm(rows[:, None] - centroids, axis=2)
    numbers, less_norms = nearest(rows, centroids)
    assert numbers.tolist() == distances.argmin(axis=1).tolist()
    squared = less_norms + np.vecdot(rows, rows)
    np.testing.assert_allclose(squared, distances.min(axis=1) ** 2, rtol=1e-3)


def test_each_of_few_separate_clusters_gets_a_centroid() -> None:
    centres = 5 * datasets.gaussian(12, 16)
    centroids = centroids_of(sample(centres, 36 * 64), 36)
    assert np.linalg.norm(centres[:, None] - centroids, axis=2).min(axis=1).max() < 0.1


def test_centroids_that_equal_rows_would_waste_go_to_the_other_rows() -> None:
    others = sample(5 * datasets.gaussian(30, 16), 500)
    rows = np.random.default_rng(4).permutation(np.concatenate([np.zeros((4_000, 16), np.float32), others]))
    centroids = centroids_of(rows, 60)
    assert len(np.unique(nearest(others, centroids)[0])) >= 30
