"""The compiled kernels return what their twins in numpy return, and refuse arrays that do not fit together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.datasets import decaying, gaussian
from tests.support.partitions import divided
from vectord.errors import BlobCorrupt
from vectord.index.kernels import codes, compiled
from vectord.index.kernels.distance import F32, distances, normalized
from vectord.index.kernels.ranking import Ranking
from vectord.index.sections.base import MemorySection
from vectord.index.sections.graph import Graph, layout_of
from vectord.lhv1.params import Distance, new_params

native = compiled.native
metrics = st.sampled_from(["cosine", "euclidean"])
dimensions = st.sampled_from([1, 2, 7, 8, 9, 63, 64, 65, 130, 384, 1_537])
seeds = st.integers(0, 999)


@contextmanager
def numpy_alone() -> Iterator[None]:
    """Switch the compiled kernels off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "native", None)
        yield


def with_numpy[T](compute: Callable[[], T]) -> T:
    with numpy_alone():
        return compute()


def graph_of(vectors: F32, distance: Distance) -> Graph:
    """Return a section of vectors without trees."""
    layout = layout_of(new_params("x", vectors.shape[1], distance=distance))
    nodes = np.zeros(len(vectors) * layout.node_size, np.uint8)
    layout.write_items(nodes, vectors)
    return Graph(layout, len(vectors), MemorySection(nodes.tobytes()))


def test_the_kernels_are_compiled_where_tests_run() -> None:
    assert native is not None


@given(st.integers(0, 40), dimensions, seeds, metrics, st.booleans())
@settings(max_examples=150)
def test_exact_distances_have_the_bits_of_numpy(
    count: int, dimension: int, seed: int, distance: Distance, some: bool
) -> None:
    vectors, query = gaussian(count, dimension, seed), gaussian(1, dimension, seed + 1)[0]
    vectors[::3] = query
    vectors[1::5] = -query
    rows = np.random.default_rng(seed).permutation(count)[: count // 2] if some else None
    found = distances(vectors, rows, query, distance)
    assert found.tolist() == with_numpy(lambda: distances(vectors, rows, query, distance)).tolist()


@given(dimensions, seeds, metrics)
def test_a_rotated_query_is_that_of_numpy_up_to_rounding(dimension: int, seed: int, distance: Distance) -> None:
    query, mean = gaussian(2, dimension, seed) * np.float32(3)
    one, other = (
        codes.rotated_query(query, mean, distance),
        with_numpy(lambda: codes.rotated_query(query, mean, distance)),
    )
    assert one.target == pytest.approx(other.target, rel=1e-6)
    assert one.residual == pytest.approx(other.residual, abs=1e-5 * float(np.linalg.norm(other.residual)))


@pytest.mark.parametrize("allowed", [None, np.arange(9_000) % 5 == 0], ids=["all", "some"])
def test_the_partitions_that_are_chosen_are_those_of_numpy(allowed: codes.Array | None) -> None:
    ranking = Ranking(decaying(9_000, 256, exponent=0.8), gaussian(1, 9_000)[0] / 100)
    for query in decaying(20, 256, 5, exponent=0.8):
        for count in (1, 20, 300):
            with numpy_alone():
                other = ranking.about(query, count, allowed)
            assert ranking.about(query, count, allowed).tolist() == other.tolist()


@given(
    rows=st.integers(1, 300),
    dimension=st.sampled_from([1, 63, 64, 65, 130, 384, 448]),
    count=st.integers(1, 300),
    hidden=st.sampled_from([0.0, 0.3, 1.0]),
    seed=seeds,
)
def test_the_least_different_rows_are_those_of_numpy(
    rows: int, dimension: int, count: int, hidden: float, seed: int
) -> None:
    case = divided(gaussian(rows, dimension, seed), 9, "cosine", seed=seed)
    parts = case.opened()
    query = parts.query(gaussian(1, dimension, seed + 1)[0])
    mask = np.random.default_rng(seed).random(rows) < hidden if hidden else None
    partitions = parts.rank(query, 5)
    one, entries = parts.nearest(query, partitions, count, mask)
    other, same = with_numpy(lambda: parts.nearest(query, partitions, count, mask))
    assert (one.tolist(), entries) == (other.tolist(), same)


@given(
    shape=st.tuples(st.integers(1, 200), dimensions),
    k=st.integers(1, 50),
    scale=st.sampled_from([1.0, 1e-12, 1e12]),
    distance=metrics,
    seed=seeds,
)
@settings(max_examples=150)
def test_the_rows_that_can_be_nearest_and_their_distances_are_those_of_numpy(
    shape: tuple[int, int], k: int, scale: float, distance: Distance, seed: int
) -> None:
    rows, dimension = shape
    vectors, query = gaussian(rows, dimension, seed) * np.float32(scale), gaussian(1, dimension, seed + 1)[0]
    vectors[::4] = vectors[0]
    some = np.sort(np.random.default_rng(seed).permutation(rows)[: rows // 2 + 1])
    target = normalized(query) if distance == "cosine" else query
    found, exact = graph_of(vectors, distance).nearest(some, query, target, k)
    kth = np.sort(distances(vectors, some, query, distance))[:k][-1]
    of_numpy, its_distances = with_numpy(lambda: graph_of(vectors, distance).nearest(some, query, target, k))
    # Either may keep some rows more, because a float32 sum depends on its order; none of the nearest is missing.
    for kept, values in ((found, exact), (of_numpy, its_distances)):
        assert set(some[distances(vectors, some, query, distance) <= kth]) <= set(kept.tolist())
        assert values.tolist() == distances(vectors, kept, query, distance).tolist()


def test_a_row_that_is_zero_or_not_finite_is_corrupt() -> None:
    for value, distance in ((0.0, "cosine"), (np.nan, "cosine"), (np.inf, "euclidean")):
        vectors = gaussian(50, 8)
        vectors[7] = value
        query = gaussian(1, 8, 2)[0]
        with pytest.raises(BlobCorrupt):
            graph_of(vectors, distance).nearest(np.arange(50), query, normalized(query), 60)


F, D, Q, B = np.float32, np.float64, np.int64, np.uint8
OUT = np.empty(4, Q)
BAD_CALLS = {
    "distances of a row that does not exist": (
        "distances",
        np.ones((4, 2), F),
        np.array([4]),
        np.ones(2, F),
        0,
        np.empty(1),
    ),
    "distances of a negative row": ("distances", np.ones((4, 2), F), np.array([-1]), np.ones(2, F), 0, np.empty(1)),
    "distances to a longer query": ("distances", np.ones((4, 2), F), None, np.ones(3, F), 0, np.empty(4)),
    "distances into too little": ("distances", np.ones((4, 2), F), None, np.ones(2, F), 0, np.empty(3)),
    "distances of float64": ("distances", np.ones((4, 2), D), None, np.ones(2, F), 0, np.empty(4)),
    "distances of columns": ("distances", np.ones((2, 4), F).T, None, np.ones(2, F), 0, np.empty(4)),
    "distances into a constant": ("distances", np.ones((1, 2), F), None, np.ones(2, F), 0, np.frombuffer(bytes(8), D)),
    "distances of a few arguments": ("distances", np.ones((1, 2), F)),
    "a partition after the section": (
        "least_different",
        np.zeros(64, B),
        np.array([0]),
        np.array([5]),
        np.ones(64, F),
        None,
        1,
        np.empty(9, Q),
    ),
    "a partition before the section": (
        "least_different",
        np.zeros(64, B),
        np.array([-8]),
        np.array([1]),
        np.ones(64, F),
        None,
        1,
        OUT,
    ),
    "a partition of an overflowing size": (
        "least_different",
        np.zeros(64, B),
        np.array([0]),
        np.array([2**62]),
        np.ones(64, F),
        None,
        1,
        OUT,
    ),
    "a row without a mask": (
        "least_different",
        np.full(16, 9, B),
        np.array([0]),
        np.array([1]),
        np.ones(64, F),
        np.ones(3, bool),
        1,
        OUT,
    ),
    "fewer counts than starts": (
        "least_different",
        np.zeros(64, B),
        np.array([0, 8]),
        np.array([1]),
        np.ones(64, F),
        None,
        1,
        OUT,
    ),
    "too little room for rows": (
        "least_different",
        np.zeros(96, B),
        np.array([0]),
        np.array([5]),
        np.ones(64, F),
        None,
        1,
        OUT,
    ),
    "a nearest row that does not exist": (
        "nearest",
        np.ones((4, 2), F),
        np.ones(4, F),
        np.array([4]),
        np.ones(2, F),
        np.ones(2, F),
        1,
        0,
        OUT,
        np.empty(4),
    ),
    "fewer norms than rows": (
        "nearest",
        np.ones((4, 2), F),
        np.ones(3, F),
        np.array([3]),
        np.ones(2, F),
        np.ones(2, F),
        1,
        0,
        OUT,
        np.empty(4),
    ),
    "none of the nearest": (
        "nearest",
        np.ones((4, 2), F),
        np.ones(4, F),
        np.array([3]),
        np.ones(2, F),
        np.ones(2, F),
        0,
        0,
        OUT,
        np.empty(4),
    ),
    "another mean": (
        "rotate_query",
        np.ones(3, F),
        np.ones(2, F),
        np.ones((2, 3), F),
        1,
        np.empty(3, F),
        np.empty(3, F),
    ),
    "no dimension": (
        "rotate_query",
        np.ones(0, F),
        np.ones(0, F),
        np.ones((2, 0), F),
        1,
        np.empty(0, F),
        np.empty(0, F),
    ),
    "offsets of another matrix": (
        "choose",
        np.ones((3, 2), F),
        np.ones(2, F),
        np.ones(2, F),
        np.ones((3, 1), F),
        np.ones((1, 2), F),
        None,
        2,
        OUT,
    ),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_arrays_that_do_not_fit_are_refused(call: tuple[object, ...]) -> None:
    name, *arguments = call
    with pytest.raises((TypeError, ValueError, BufferError)):
        getattr(native, str(name))(*arguments)
