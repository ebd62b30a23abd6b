"""The distance of a row is the same number wherever and beside whatever it is computed."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vectors import F32
from vectord.index.kernels.distance import distances
from vectord.lhv1.params import Distance

metrics = st.sampled_from(["cosine", "euclidean"])
dimensions = st.integers(1, 40) | st.sampled_from([64, 100, 384, 1_000, 1_025, 3_000, 4_096])


def _rows(count: int, dimension: int, seed: int) -> tuple[F32, F32]:
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((count, dimension)).astype(np.float32),
        rng.standard_normal(dimension).astype(np.float32),
    )


@given(st.integers(1, 80), dimensions, st.integers(0, 999), metrics)
@settings(max_examples=60)
def test_a_distance_does_not_depend_on_the_rows_beside_it(
    count: int, dimension: int, seed: int, distance: Distance
) -> None:
    vectors, query = _rows(count, dimension, seed)
    together = distances(vectors, None, query, distance)
    order = np.random.default_rng(seed).permutation(count)
    assert distances(vectors, order, query, distance).tolist() == together[order].tolist()
    assert [distances(vectors, np.array([row]), query, distance)[0] for row in range(count)] == together.tolist()


@given(st.integers(1, 80), dimensions, st.integers(0, 999), metrics)
@settings(max_examples=60)
def test_a_distance_does_not_depend_on_the_layout_of_the_rows(
    count: int, dimension: int, seed: int, distance: Distance
) -> None:
    vectors, query = _rows(count, dimension, seed)
    together = distances(vectors, None, query, distance).tolist()
    nodes = np.zeros((count, dimension + 3), np.float32)  # as in a forest, where other fields precede a vector
    nodes[:, 3:] = vectors
    assert distances(nodes[:, 3:], None, query, distance).tolist() == together
    assert distances(np.asfortranarray(vectors), None, query, distance).tolist() == together
