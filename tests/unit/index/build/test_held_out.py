"""Held-out queries: between distinct rows, however often a row is repeated."""

import numpy as np
import pytest

from tests.support import datasets
from vectord.index.build.held_out import query_sets
from vectord.index.kernels.exact_scan import measure_norms


def test_queries_beside_many_equal_rows_are_few() -> None:
    others = datasets.textlike(32)(np.random.default_rng(5), 2_000)
    vectors = np.concatenate([np.repeat(others[:1], 2_000, axis=0), others])
    for queries in query_sets(vectors, measure_norms(vectors, "euclidean"), "euclidean"):
        ties = [len(near) >= 1_000 for near in queries.nearest[0]]
        assert np.mean(ties) < 0.1


@pytest.mark.parametrize("rows", [10, 300])
def test_few_rows_have_as_many_queries_as_many_rows(rows: int) -> None:
    vectors = datasets.gaussian(rows, 16)
    sets = query_sets(vectors, measure_norms(vectors, "euclidean"), "euclidean")
    assert [len(queries.vectors) for queries in sets] == [256, 96]


def test_equal_rows_alone_have_queries_too() -> None:
    vectors = np.ones((50, 8), np.float32)
    for queries in query_sets(vectors, measure_norms(vectors, "cosine"), "cosine"):
        assert {len(near) for near in queries.nearest[0]} == {50}
