"""A projection keeps the directions in which rows differ, and is left out where it saves little."""

import numpy as np

from tests.support import datasets
from vectord.index.build.partitioning.partition import principal_directions


def test_it_has_the_largest_part_of_the_variance_in_few_directions() -> None:
    rows = datasets.decaying(3_000, 128, exponent=1.0)
    rows -= rows.mean(axis=0)
    directions = principal_directions(rows)
    assert directions is not None
    assert directions.shape[1] <= 64
    np.testing.assert_allclose(directions.T @ directions, np.eye(directions.shape[1]), atol=1e-5)
    assert np.square(rows @ directions).sum() >= 0.92 * np.square(rows).sum()


def test_rows_that_differ_equally_in_all_directions_are_not_projected() -> None:
    assert principal_directions(datasets.gaussian(3_000, 64)) is None


def test_equal_rows_have_some_projection() -> None:
    directions = principal_directions(np.zeros((100, 64), np.float32))
    assert directions is not None
    assert np.isfinite(directions).all()
