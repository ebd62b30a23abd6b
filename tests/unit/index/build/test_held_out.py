"""Held-out queries: like new vectors beside the rows of an index, however often a row is repeated."""

import numpy as np
import pytest

from tests.support import datasets
from vectord.index.build.held_out import query_sets
from vectord.index.kernels.exact_scan import measure_norms


def test_the_neighbours_of_a_row_are_neither_itself_nor_its_near_copies() -> None:
    copies = 6
    rows = datasets.textlike(32)(np.random.default_rng(5), 2_000)
    noise = np.random.default_rng(6).standard_normal((copies, *rows.shape)).astype(np.float32)
    vectors = np.concatenate(rows + noise * np.float32(1e-3) * np.linalg.norm(rows, axis=1)[:, None])
    left_out, *_ = query_sets(vectors, measure_norms(vectors, "cosine"), "cosine")
    for query, nearest in zip(left_out.vectors, left_out.nearest[0], strict=True):
        [own] = np.flatnonzero((vectors == query).all(axis=1))
        assert len(nearest) == 10
        assert own % len(rows) not in nearest % len(rows)


def test_queries_beside_many_equal_rows_are_few() -> None:
    others = datasets.textlike(32)(np.random.default_rng(5), 2_000)
    vectors = np.concatenate([np.repeat(others[:1], 2_000, axis=0), others])
    for queries in query_sets(vectors, measure_norms(vectors, "euclidean"), "euclidean"):
        ties = [len(near) >= 1_000 for near in queries.nearest[0]]
        assert np.mean(ties) < 0.1


@pytest.mark.parametrize(
    ("rows", "counts"), [(10, [16, 10, 4]), (300, [75, 47, 19]), (1_024, [256, 160, 64]), (3_000, [256, 160, 64])]
)
def test_few_rows_have_few_queries_but_never_fewer_than_16(rows: int, counts: list[int]) -> None:
    vectors = datasets.gaussian(rows, 16)
    sets = query_sets(vectors, measure_norms(vectors, "euclidean"), "euclidean")
    assert [len(queries.vectors) for queries in sets] == counts


def test_equal_rows_alone_have_queries_too() -> None:
    vectors = np.ones((50, 8), np.float32)
    for queries in query_sets(vectors, measure_norms(vectors, "cosine"), "cosine"):
        assert {len(near) for near in queries.nearest[0]} == {50}
