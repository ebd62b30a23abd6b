"""The distance of a row is the same number wherever and beside whatever it is computed."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vectors import F32
from vectord.index.kernels.distance import distances, distances_of_each
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


@given(st.lists(st.integers(0, 60), max_size=20), dimensions, st.integers(0, 999), metrics, st.data())
@settings(max_examples=60)
def test_a_distance_does_not_depend_on_the_queries_beside_its_own(
    counts: list[int], dimension: int, seed: int, distance: Distance, data: st.DataObject
) -> None:
    pairs = [_rows(count, dimension, seed + number) for number, count in enumerate(counts)]
    if counts and counts[equal := data.draw(st.integers(0, len(counts) - 1))]:
        pairs[equal][0][-1] = pairs[equal][1]
    blocks, queries = [block for block, _ in pairs], [query for _, query in pairs]
    together = distances_of_each(iter(blocks), queries, distance)
    assert [each.tolist() for each in together] == [
        distances(block, None, query, distance).tolist() for block, query in pairs
    ]


def test_the_distances_of_large_blocks_do_not_need_all_blocks_at_once() -> None:
    taken: list[int] = []

    def blocks() -> Iterator[F32]:
        for number in range(3):
            taken.append(number)
            yield np.ones((100, 1_000), np.float32)

    found = distances_of_each(blocks(), [np.arange(1_000, dtype=np.float32)] * 3, "cosine")
    next(found)
    assert taken == [0, 1]
