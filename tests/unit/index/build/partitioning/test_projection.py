"""A projection keeps the directions in which rows differ, and is left out where it saves little."""

import numpy as np
import pytest

from tests.support import datasets
from vectord.index.build.partitioning.projection import projection_of


def test_it_has_the_largest_part_of_the_variance_in_few_directions() -> None:
    rows = datasets.decaying(3_000, 128, exponent=1.0)
    rows -= rows.mean(axis=0)
    projection = projection_of(rows)
    assert projection is not None
    directions = projection.directions
    assert directions.shape[1] <= 64
    np.testing.assert_allclose(directions.T @ directions, np.eye(directions.shape[1]), atol=1e-5)
    assert np.square(rows @ directions).sum() >= 0.92 * np.square(rows).sum()
    assert np.square(rows @ directions[:, : projection.leading]).sum() >= 0.78 * np.square(rows).sum()
    assert projection.leading <= 0.6 * directions.shape[1]


def test_rows_that_differ_equally_in_all_directions_are_not_projected() -> None:
    assert projection_of(datasets.gaussian(3_000, 64)) is None


@pytest.mark.parametrize("weight", [0.02, 0.0])
def test_directions_that_differ_equally_have_no_leading_ones(weight: float) -> None:
    rows = datasets.gaussian(3_000, 128)
    rows[:, 60:] *= np.float32(weight)
    projection = projection_of(rows)
    assert projection is not None
    assert projection.leading == 0


def test_equal_rows_have_some_projection() -> None:
    projection = projection_of(np.zeros((100, 64), np.float32))
    assert projection is not None
    assert np.isfinite(projection.directions).all()
