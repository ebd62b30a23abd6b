"""Products in tiles: the inner products of all pairs, for any shape."""

import numpy as np
import pytest

from tests.support import datasets
from vectord.index.kernels.products import products


@pytest.mark.parametrize("dimension", [1, 8, 255, 256, 384, 513, 1_536])
@pytest.mark.parametrize(("rows", "others"), [(1, 1), (15, 43), (64, 42), (130, 700)])
def test_they_are_the_inner_products(rows: int, others: int, dimension: int) -> None:
    left, right = datasets.gaussian(rows, dimension, 1), datasets.gaussian(others, dimension, 2)
    expected = left.astype(np.float64) @ right.astype(np.float64).T
    np.testing.assert_allclose(products(left, right), expected, atol=1e-5 * dimension)


def test_rows_of_a_wider_array_are_multiplied_in_place() -> None:
    wide = datasets.gaussian(40, 100)
    rows, others = wide[:, 3:35], datasets.gaussian(30, 32, 2)
    np.testing.assert_array_equal(products(rows, others), products(rows.copy(), others))
