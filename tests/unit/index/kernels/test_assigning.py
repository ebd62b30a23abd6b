"""Centroids found from few components are those of all components, where few have most of the variance."""

import numpy as np
import pytest

from tests.support.datasets import decaying, gaussian
from tests.support.vectors import F32
from vectord.index.kernels.assigning import NO_CENTROID, Penalty, SplitCentroids, assigned, split

PENALTY = Penalty(1.0, 1e-6)


def with_products(centroids: F32, few: int) -> SplitCentroids:
    return split(centroids, few, centroids @ centroids.T - np.vecdot(centroids, centroids) / 2)


def of_all_components(rows: F32, centroids: F32) -> tuple[list[int], list[int]]:
    """Return the nearest centroid of each row, and the one with the least loss of the others, in float64."""
    first, second = [], []
    for row in rows.astype(np.float64):
        others = row - centroids
        squares = (others**2).sum(axis=1)
        own = others[squares.argmin()]
        loss = squares + 2 * (others @ own) ** 2 / (own @ own)
        loss[squares.argmin()] = np.inf
        first.append(int(squares.argmin()))
        second.append(int(loss.argmin()))
    return first, second


def test_of_few_centroids_the_best_are_found_whatever_the_few_components_are() -> None:
    rows, centroids = gaussian(200, 24), gaussian(8, 24, 2) / 2
    first, _, second = assigned(rows, with_products(centroids, 1), PENALTY)
    assert (first.tolist(), second.tolist()) == of_all_components(rows, centroids)


def test_of_many_centroids_nearly_the_best_are_found() -> None:
    rows, centroids = decaying(500, 96, exponent=0.6), decaying(900, 96, 2, exponent=0.6) * np.float32(0.7)
    first, least, second = assigned(rows, with_products(centroids, 48), PENALTY)
    best, second_best = of_all_components(rows, centroids)
    assert np.mean(first == best) >= 0.99
    assert np.mean(second == second_best) >= 0.97
    squares = ((rows - centroids[first]) ** 2).sum(axis=1)
    assert 2 * least + np.vecdot(rows, rows) == pytest.approx(squares, rel=1e-4)


def test_a_row_that_is_its_centroid_and_rows_without_products_have_no_second_one() -> None:
    centroids = gaussian(70, 16)
    first, _, second = assigned(centroids, with_products(centroids, 8), PENALTY)
    assert first.tolist() == list(range(70))
    assert set(second.tolist()) == {NO_CENTROID}
    assert set(assigned(gaussian(9, 16, 2), split(centroids, 8))[2].tolist()) == {NO_CENTROID}


def test_the_first_of_equal_centroids_is_the_nearest_and_another_the_second() -> None:
    centroids = np.repeat(gaussian(2, 8), 100, axis=0)
    first, _, second = assigned(centroids + np.float32(0.1), with_products(centroids, 4), PENALTY)
    assert first.tolist() == [0] * 100 + [100] * 100
    assert (second != first).all()
