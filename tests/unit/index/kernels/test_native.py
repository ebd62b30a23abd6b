"""The compiled kernels return what their twins in numpy return."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.datasets import decaying, gaussian
from tests.support.partitions import divided
from vectord.errors import BlobCorrupt
from vectord.index.build.ranges_needed import reached
from vectord.index.kernels import assigning, codes, compiled
from vectord.index.kernels.distance import F32, distances, normalized
from vectord.index.kernels.likely_lists import Ranked
from vectord.index.kernels.ranking import Ranking
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection
from vectord.index.sections.documents import PackedDocuments
from vectord.index.sections.documents_writer import pack_documents
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
def test_the_partitions_that_are_chosen_are_nearly_those_of_numpy(allowed: codes.Array | None) -> None:
    ranking = Ranking(decaying(9_000, 256, exponent=0.8), gaussian(1, 9_000)[0] / 100)
    common = 0
    for query in decaying(20, 256, 5, exponent=0.8):
        for count in (1, 20, 300):
            with numpy_alone():
                other = ranking.about(query, count, allowed)
            chosen = ranking.about(query, count, allowed)
            assert np.array_equal(chosen, np.unique(chosen))
            assert len(chosen) == count
            common += len(np.intersect1d(chosen, other))
    assert common >= 0.999 * 20 * 321


@pytest.mark.slow
@given(partitions=st.integers(1, 300), dimension=dimensions, count=st.integers(1, 310), seed=seeds, distance=metrics)
@settings(max_examples=150)
def test_the_nearest_partitions_are_those_of_numpy_up_to_rounding(
    partitions: int, dimension: int, count: int, seed: int, distance: Distance
) -> None:
    case = divided(gaussian(2 * partitions, dimension, seed) + np.float32(0.3), partitions, distance, seed=seed)
    parts = case.opened()
    query = parts.query(gaussian(1, dimension, seed + 1)[0])
    allowed = np.random.default_rng(seed).random(partitions) < 0.7 if seed % 3 == 0 else None
    scores = parts._head.scores(query.residual, distance)
    found, other = parts.rank(query, count, allowed), with_numpy(lambda: parts.rank(query, count, allowed))
    assert len(set(found.tolist())) == len(found) == len(other)
    assert scores[found] == pytest.approx(scores[other], abs=1e-5 * max(1.0, float(np.abs(scores).max())))
    assert allowed is None or allowed[found].all()


def test_of_partitions_at_equal_distances_the_first_ones_are_the_nearest() -> None:
    case = divided(np.ones((40, 9), np.float32), 20, "euclidean")
    parts = case.opened()
    assert parts.rank(parts.query(np.zeros(9, np.float32)), 6).tolist() == list(range(6))


@pytest.mark.parametrize("wrong", range(6))
def test_the_head_of_partitions_of_another_shape_is_refused(wrong: int) -> None:
    floats, signs = np.zeros(9, np.float32), np.zeros((2, 9), np.float32)
    arguments = [np.zeros((4, 5), np.uint8), floats[:4], floats[:4], floats, signs, floats]
    assert native.rank(*arguments, True, None, np.empty(4, np.int64)) == 4
    arguments[wrong] = arguments[wrong][..., 1:]
    with pytest.raises(ValueError, match="dimensions of the centroids"):
        native.rank(*arguments, True, None, np.empty(4, np.int64))


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


@given(rows=st.integers(1, 300), dimension=st.sampled_from([1, 63, 64, 65, 130, 384, 448]), seed=seeds, metric=metrics)
def test_entries_compare_with_a_query_as_by_numpy(rows: int, dimension: int, seed: int, metric: Distance) -> None:
    parts = divided(gaussian(rows, dimension, seed), 9, metric, seed=seed).opened()
    query = parts.query(gaussian(1, dimension, seed + 1)[0])
    partitions = parts.rank(query, 5)
    for one, other in zip(
        parts.differing(query, partitions), with_numpy(lambda: parts.differing(query, partitions)), strict=True
    ):
        assert one.tolist() == other.tolist()
    entries, found = parts.estimates(query, partitions)
    same, of_numpy = with_numpy(lambda: parts.estimates(query, partitions))
    assert entries.tolist() == same.tolist()
    assert found.values.tolist() == of_numpy.values.tolist()
    assert found.errors.tolist() == of_numpy.errors.tolist()


@given(st.integers(1, 30), dimensions, seeds, metrics, st.booleans())
def test_codes_of_rows_are_those_of_numpy_up_to_rounding(
    rows: int, dimension: int, seed: int, distance: Distance, ordered: bool
) -> None:
    vectors, mean = gaussian(rows, dimension, seed) * np.float32(3), gaussian(1, dimension, seed + 1)[0]
    if distance == "euclidean":
        vectors[0] = mean  # a residual of zero
    order = np.random.default_rng(seed).permutation(rows) if ordered else None
    one = codes.encode(vectors, mean, distance, order)
    other = with_numpy(lambda: codes.encode(vectors, mean, distance, order))
    assert np.bitwise_count(one.words ^ other.words).sum() <= 1 + rows * dimension / 10_000
    assert one.norms == pytest.approx(other.norms, rel=1e-5, abs=1e-6)
    assert one.factors == pytest.approx(other.factors, rel=1e-5)


@given(
    shape=st.tuples(st.integers(0, 80), st.integers(1, 6), st.integers(1, 9)),
    ks=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    most=st.integers(0, 60),
    limit=st.integers(1, 20),
    seed=seeds,
)
def test_likely_lists_are_those_of_numpy(
    shape: tuple[int, int, int], ks: list[int], most: int, limit: int, seed: int
) -> None:
    entries, sets, partitions = shape
    rng = np.random.default_rng(seed)
    rows, values = np.sort(rng.integers(0, 50, entries)).astype(np.uint32), np.sort(rng.integers(0, 20, entries)) / 8
    ranked = Ranked(rng.integers(0, partitions, entries), rows, values, values - rng.integers(0, 4, entries) / 8)
    read = rng.random((sets, partitions)) < 0.6
    found, of_numpy = (
        ranked.lists(read, ks, most, limit),
        with_numpy(lambda: ranked.lists(read, ks, most, limit)),
    )
    assert [[rows.tolist() for rows in of_k] for of_k in found] == [
        [rows.tolist() for rows in of_k] for of_k in of_numpy
    ]


@given(
    partitions=st.integers(1, 700),
    share=st.floats(0.01, 1),
    size=st.sampled_from([0, 100, 7_000, 20_000, 40_000]),
    numbers=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    seed=seeds,
)
def test_the_partitions_in_reach_are_those_that_a_search_reads(
    partitions: int, share: float, size: int, numbers: list[float], seed: int
) -> None:
    dice = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(dice.integers(0, 2 * size + 1, partitions))])
    ranked = dice.permutation(partitions)[: max(1, int(share * partitions))]
    probes = np.array(sorted(round(number * len(ranked)) for number in numbers))
    read = reached(ranked, starts, probes)
    assert read.tolist() == with_numpy(lambda: reached(ranked, starts, probes)).tolist()
    assert len(read) == len(probes)


@given(
    shape=st.tuples(st.integers(1, 60), st.sampled_from([2, 7, 63, 64, 65, 700, 1_547]), st.sampled_from([2, 9, 192])),
    few=st.floats(0.01, 0.99),
    spill=st.booleans(),
    seed=seeds,
)
@settings(deadline=None)
def test_centroids_are_assigned_as_by_numpy(shape: tuple[int, int, int], few: float, spill: bool, seed: int) -> None:
    rows, count, dimension = shape
    centroids, vectors = decaying(count, dimension, seed), decaying(rows, dimension, seed + 1)
    vectors[::3] = centroids[: len(vectors[::3])] if count >= rows else 0
    table = centroids @ centroids.T - np.vecdot(centroids, centroids) / 2 if spill else None
    split, penalty = assigning.split(centroids, max(1, round(few * dimension)), table), assigning.Penalty(1.0, 1e-6)
    first, least, second = assigning.assigned(vectors, split, penalty)
    other, its_least, its_second = with_numpy(lambda: assigning.assigned(vectors, split, penalty))
    # Centroids that are as near but for rounding may be either.
    np.testing.assert_allclose(least, its_least, rtol=1e-4, atol=1e-4)
    assert np.mean(first == other) >= (1 if rows < 20 else 0.95)
    assert np.mean(second == its_second) >= (1 if rows < 20 else 0.9)


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


@given(rows=st.integers(1, 40), byte=st.integers(0, 10**6), value=st.integers(0, 255), seed=seeds)
@settings(max_examples=200)
def test_documents_of_a_damaged_section_are_read_or_refused_as_by_numpy(
    rows: int, byte: int, value: int, seed: int
) -> None:
    ids = [f"{'x' * (row % 5)}{row}" for row in range(rows)]
    section = bytearray(pack_documents(ids, {each: msgspec.Raw(b"[1]") for each in ids[:: 1 + seed % 3]}))
    section[8 * rows + 8 + byte % (len(section) - 8 * rows - 8)] = value  # in the directory or the blocks
    documents = PackedDocuments(MemorySection(bytes(section)), rows)
    some = np.random.default_rng(seed).permutation(rows)[:10].tolist()

    def read() -> object:
        try:
            return documents.read(some, NOTHING_TO_FETCH)
        except BlobCorrupt as error:
            return str(error)

    assert read() == with_numpy(read)
