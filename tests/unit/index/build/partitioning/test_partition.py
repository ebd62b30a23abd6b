"""Partitions: near rows have near numbers, and a search finds its neighbours in few of the partitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import datasets
from tests.support.vectors import F32
from vectord.index.build.partitioning.partition import Array, Partitioning, partition
from vectord.lhv1.params import Distance

pytestmark = pytest.mark.slow  # large inputs


def textlike(rows: int, dimension: int = 64) -> F32:
    return datasets.textlike(dimension)(np.random.default_rng(5), rows)


def lists(made: Partitioning) -> list[Array]:
    """Return the rows of the entries of each partition."""
    return np.split(made.entry_rows, made.first_entries[1:-1])


def check(made: Partitioning, rows: int) -> None:
    """Check what every reader of a partitioning relies on."""
    assert sorted(made.order.tolist()) == list(range(rows))
    assert made.first_rows[0] == made.first_entries[0] == 0
    assert (made.first_rows[-1], made.first_entries[-1]) == (rows, len(made.entry_rows))
    assert len(made.first_rows) == len(made.first_entries) == len(made.centroids) + 1
    assert np.isfinite(made.centroids).all()
    for number, entries in enumerate(lists(made)):
        first, last = made.first_rows[number : number + 2].tolist()
        primary, spilled = entries[: last - first], entries[last - first :]
        assert len(entries) > 0
        assert primary.tolist() == list(range(first, last))
        assert (np.diff(spilled) > 0).all()
        assert not np.any((spilled >= first) & (spilled < last))
    assert np.bincount(made.entry_rows, minlength=rows).max() <= 2


@given(
    rows=st.integers(1, 400),
    dimension=st.sampled_from([1, 2, 33, 64]),
    seed=st.integers(0, 9),
    size=st.sampled_from([None, 1, 7, 500]),
    distance=st.sampled_from(["cosine", "euclidean"]),
)
@settings(max_examples=60, deadline=None)
def test_every_row_is_in_one_or_two_partitions(
    rows: int, dimension: int, seed: int, size: int | None, distance: Distance
) -> None:
    check(partition(datasets.gaussian(rows, dimension, seed), distance, rows_per_partition=size), rows)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("vectors", [np.ones((5_000, 33)), np.repeat(np.eye(40), 100, axis=0)])
def test_equal_rows_are_cut_into_pages_with_one_centroid(vectors: F32, distance: Distance) -> None:
    made = partition(vectors.astype(np.float32), distance)
    check(made, len(vectors))
    assert np.diff(made.first_entries).max() <= 8 * 64


def test_most_rows_equal_leaves_small_partitions_for_the_others() -> None:
    others = textlike(6_000)
    vectors = np.concatenate([np.repeat(others[:1], 6_000, axis=0), others])
    made = partition(vectors, "cosine")
    check(made, len(vectors))
    assert np.median(np.diff(made.first_entries)) <= 4 * 64


@pytest.mark.parametrize("scale", [2.0**-29, 2.0**29])
def test_very_short_and_very_long_rows_have_partitions_too(scale: float) -> None:
    vectors = textlike(2_000)
    vectors *= np.float32(scale) / np.linalg.norm(vectors, axis=1, keepdims=True)
    for distance in ("cosine", "euclidean"):
        made = partition(vectors, distance)
        check(made, len(vectors))
        assert len(made.centroids) > 20


def test_equal_rows_in_equal_order_give_equal_bytes() -> None:
    vectors = textlike(6_000)
    first, second = partition(vectors, "cosine"), partition(vectors, "cosine")
    for name in Partitioning.__struct_fields__:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes()


@pytest.mark.parametrize("size", [64, 5], ids=["of all components", "of a projection"])
def test_the_length_of_rows_does_not_matter_under_cosine(size: int) -> None:
    vectors = datasets.decaying(3_000, 64, exponent=1.0)
    lengths = np.float32(2) ** np.random.default_rng(4).integers(-9, 9, (len(vectors), 1))
    made = partition(vectors, "cosine", rows_per_partition=size)
    check(made, len(vectors))
    assert made.order.tolist() == partition(vectors * lengths, "cosine", rows_per_partition=size).order.tolist()


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_rows_of_a_projection_are_near_their_centroids(distance: Distance) -> None:
    vectors = datasets.decaying(3_000, 64, exponent=1.0) + np.float32(0.05)
    made = partition(vectors, distance, rows_per_partition=5)  # 600 partitions, compared by few components first
    compared = vectors / np.linalg.norm(vectors, axis=1)[:, None] if distance == "cosine" else vectors
    squares = np.square(compared[:, None] - made.centroids).sum(axis=2)
    own = np.repeat(np.arange(len(made.centroids)), np.diff(made.first_rows))
    assert np.mean((squares < squares[made.order, own].mean()).sum(axis=1)) < 20
    assert np.mean(squares[made.order, own] < 1.3 * squares.min(axis=1)[made.order]) > 0.9


def test_the_given_vectors_are_not_changed() -> None:
    vectors = textlike(3_000)
    before = vectors.tobytes()
    for distance in ("cosine", "euclidean"):
        partition(vectors, distance)
    assert vectors.tobytes() == before


def entries_read(made: Partitioning, vectors: F32, queries: F32, *, spilled: bool) -> float:
    """Return how many entries are in the partitions that contain 98 % of the ten nearest rows, under euclidean."""
    new_row = np.argsort(made.order)
    needed, probed = [], []
    for query in queries:
        near = set(new_row[np.argsort(np.linalg.norm(vectors - query, axis=1))[:10]].tolist())
        ranked = np.argsort(np.linalg.norm(made.centroids - query, axis=1))
        primary = np.diff(made.first_rows)
        members = [rows if spilled else rows[: primary[number]] for number, rows in enumerate(lists(made))]
        found = np.cumsum([len(near & set(members[number].tolist())) for number in ranked])
        sizes = np.cumsum([len(members[number]) for number in ranked])
        needed.append(found)
        probed.append(sizes)
    enough = int(np.argmax(np.minimum(needed, 10).mean(axis=0) >= 9.8))
    return float(np.mean(probed, axis=0)[enough])


def test_spilled_rows_save_entries() -> None:
    drawn = datasets.decaying(8_200, 64, exponent=0.6)
    vectors, queries = drawn[:8_000], drawn[8_000::4]
    made = partition(vectors, "euclidean", rows_per_partition=32)
    with_spilled = entries_read(made, vectors, queries, spilled=True)
    assert with_spilled < 0.8 * entries_read(made, vectors, queries, spilled=False)
    assert with_spilled < 0.5 * len(vectors)


def mean_step(vectors: F32) -> float:
    """Return the mean distance from each vector to the next."""
    return float(np.linalg.norm(np.diff(vectors, axis=0), axis=1).mean())


def test_partitions_that_follow_each_other_are_near() -> None:
    centroids = partition(datasets.decaying(6_000, 64, exponent=0.6), "euclidean", rows_per_partition=32).centroids
    assert mean_step(centroids) < 0.57 * mean_step(np.random.default_rng(6).permutation(centroids))


def test_rows_that_follow_each_other_in_a_partition_are_near() -> None:
    vectors = datasets.decaying(6_000, 64, exponent=0.6)
    made = partition(vectors, "euclidean")
    parts = [vectors[rows] for rows in np.split(made.order, made.first_rows[1:-1]) if len(rows) > 1]
    sorted_parts = [vectors[np.sort(rows)] for rows in np.split(made.order, made.first_rows[1:-1]) if len(rows) > 1]
    assert np.mean([*map(mean_step, parts)]) < 0.9 * np.mean([*map(mean_step, sorted_parts)])


def test_rows_beyond_the_first_block_and_the_sample_are_in_near_partitions() -> None:
    vectors = datasets.decaying(12_000, 32)
    made = partition(vectors, "euclidean", rows_per_partition=200)
    partition_of = np.repeat(np.arange(made.shape.partitions), np.diff(made.first_rows))
    halves = np.vecdot(made.centroids, made.centroids) / 2
    nearest = (halves - vectors[made.order] @ made.centroids.T).argmin(axis=1)
    # The centroids moved once after the rows were assigned.
    assert np.mean(nearest == partition_of) > 0.85
