"""The section `parts`: its bytes, which partitions a query probes, and which rows it finds in them."""

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tests.support.datasets import gaussian
from tests.support.partitions import Case, divided
from tests.support.sections import RecordingFetch
from tests.support.vectors import F32
from vectord.index.kernels import codes
from vectord.index.kernels.hadamard import rotate
from vectord.index.sections.parts import Mask, Parts
from vectord.index.sections.parts_writer import pack
from vectord.lhv1.params import Distance

both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])
HAMMING, ESTIMATED = "nearest", "estimated"
ranked = pytest.mark.parametrize("method", [HAMMING, ESTIMATED])


def case_of(distance: Distance = "cosine", rows: int = 600, dimension: int = 130) -> Case:
    return divided(gaussian(rows, dimension) + np.float32(0.5), 12, distance)


@given(
    rows=st.integers(1, 70),
    dimension=st.sampled_from([1, 5, 63, 64, 65, 130]),
    partitions=st.integers(1, 9),
    distance=st.sampled_from(["cosine", "euclidean"]),
    seed=st.integers(0, 99),
)
def test_a_section_has_the_specified_bytes(
    rows: int, dimension: int, partitions: int, distance: Distance, seed: int
) -> None:
    case = divided(gaussian(rows, dimension, seed) + 2, partitions, distance, seed=seed)
    data, (n, k, m, crc32, largest), at = case.data, struct.unpack_from("<4If", case.data), 20
    fields = []
    for kind, count in (("<f4", dimension), ("<u4", k + 1), ("<u4", k + 1), ("<u4", k), ("<f4", k), ("<f4", k)):
        fields.append(np.frombuffer(data, kind, count, at))
        at += 4 * count
    mean, first_rows, first_entries, checksums, scales, norms = fields
    levels = np.frombuffer(data, np.uint8, k * ((dimension + 1) // 2), at).reshape(k, -1)
    at = -(-(at + levels.size) // 8) * 8
    assert (n, k, m) == (rows, partitions, len(case.partitioning.entry_rows))
    assert crc32 == zlib.crc32(data[:12] + data[16:at])
    assert first_rows.tolist() == case.partitioning.first_rows.tolist()
    assert first_entries.tolist() == case.partitioning.first_entries.tolist()
    encoded = codes.encode(case.vectors, mean, distance)
    assert largest == encoded.norms.max()
    for number in range(k):
        entries = int(first_entries[number + 1] - first_entries[number])
        words = encoded.words.shape[1]
        end = at + entries * (8 * words + 8)
        assert checksums[number] == zlib.crc32(data[at:end])
        planes = np.frombuffer(data, "<u8", words * entries, at).reshape(words, entries)
        at += 8 * words * entries
        found_norms, factors = np.frombuffer(data, "<f2", 2 * entries, at).reshape(2, entries).astype(float)
        found_rows = np.frombuffer(data, "<u4", entries, at + 4 * entries).tolist()
        at += 8 * entries
        assert found_rows == case.rows_of(number)
        assert planes.T.tolist() == encoded.words[found_rows].tolist()
        assert found_norms * largest == pytest.approx(encoded.norms[found_rows], rel=1e-3, abs=1e-6)
        assert factors == pytest.approx(encoded.factors[found_rows], rel=1e-3)
    assert at == len(data)
    components = np.stack([levels & 15, levels >> 4], axis=2).reshape(k, -1)[:, :dimension]
    residuals = rotate(case.partitioning.centroids - mean)
    assert (np.abs(scales[:, None] * (components - 7.5) - residuals) <= scales[:, None] * 0.5001 + 1e-6).all()
    assert norms == pytest.approx(np.linalg.norm(residuals, axis=1), rel=1e-5)


def test_vectors_are_packed_in_the_order_of_their_partitions() -> None:
    case = case_of()
    order = np.random.default_rng(4).permutation(len(case.vectors))
    earlier = np.empty_like(case.vectors)
    earlier[order] = case.vectors
    numbered = structs.replace(case.partitioning, order=order)
    found = pack(earlier, numbered, case.distance)
    assert bytes(found) == case.data


@both
def test_partitions_are_ranked_by_their_centroids(distance: Distance) -> None:
    topics = gaussian(10, 256, 2) + 1
    case = divided(topics[np.arange(4_000) // 400] + gaussian(4_000, 256), 10, distance, spilled=0.0)
    centroids = case.partitioning.centroids.astype(float)
    for query in case.vectors[::501]:
        products = centroids @ query
        far = -products / np.linalg.norm(centroids, axis=1)
        if distance == "euclidean":
            far = ((centroids - query) ** 2).sum(axis=1)
        parts = case.opened()
        order = parts.rank(parts.query(query), 10)
        # 4 bits a component change the order of centroids that are about equally near.
        assert (np.diff(far[order]) > -0.03 * np.ptp(far)).all()
        assert parts.rank(parts.query(query), 3).tolist() == order[:3].tolist()
        assert parts.near(parts.query(query), 3).tolist() == sorted(order[:3].tolist())


def test_only_allowed_partitions_are_ranked() -> None:
    parts = case_of().opened()
    query = parts.query(gaussian(1, 130, 5)[0])
    allowed = np.arange(12) % 3 == 1
    every = parts.rank(query, 12).tolist()
    assert sorted(every) == list(range(12))
    assert parts.rank(query, 12, allowed).tolist() == [each for each in every if allowed[each]]
    assert parts.rank(query, 2, allowed).tolist() == [each for each in every if allowed[each]][:2]
    assert parts.rank(query, 2, np.zeros(12, bool)).tolist() == []
    assert parts.near(query, 2, allowed).tolist() == sorted(parts.rank(query, 2, allowed).tolist())


def test_several_queries_are_ranked_as_each_of_them() -> None:
    parts = case_of().opened()
    queries = [parts.query(vector) for vector in gaussian(7, 130, 5)]
    assert [each.tolist() for each in parts.rank_all(queries, 4)] == [
        parts.rank(query, 4).tolist() for query in queries
    ]


@pytest.mark.parametrize("allowed", [None, np.arange(12) % 3 == 1], ids=["all", "some"])
def test_the_partitions_near_several_queries_are_those_of_each(allowed: Mask | None) -> None:
    parts, vectors = case_of().opened(), list(gaussian(7, 130, 5))
    queries = parts.queries(vectors)
    for count in (2, 4, 12):
        assert [each.tolist() for each in parts.near_all(queries, count, allowed)] == [
            sorted(parts.rank(parts.query(vector), count, allowed).tolist()) for vector in vectors
        ]


def expected_values(case: Case, parts: Parts, query: F32, method: str) -> F32:
    """Return the number by which each row is ranked."""
    mean = codes.mean_of(case.vectors, case.distance)
    encoded, rotated = codes.encode(case.vectors, mean, case.distance), parts.query(query)
    planes = np.ascontiguousarray(encoded.words.T)
    if method == HAMMING:
        return codes.hamming_distances(planes, rotated).astype(np.float32)
    return codes.estimated_distances(planes, encoded.norms, encoded.factors, rotated).astype(np.float32)


@both
@ranked
@pytest.mark.parametrize("count", [1, 10, 77, 1_000])
def test_the_best_rows_of_the_probed_partitions_are_found_once_each(
    distance: Distance, method: str, count: int
) -> None:
    case = case_of(distance)
    parts = case.opened()
    for query, partitions in zip(gaussian(4, 130, 9), ([3], [0, 7], [5, 1, 2], range(12)), strict=True):
        found, examined = getattr(parts, method)(parts.query(query), np.array(partitions), count, None)
        values = expected_values(case, parts, query, method)
        probed = sorted({row for each in partitions for row in case.rows_of(each)})
        assert examined == sum(len(case.rows_of(each)) for each in partitions)
        assert len(set(found.tolist())) == len(found)
        assert set(found.tolist()) <= set(probed)
        if method == ESTIMATED:
            assert len(found) == min(count, len(probed))
            error = 2e-3 * np.abs(values).max()  # float16 norms and factors change an estimate by a thousandth
            assert (np.diff(values[found]) >= -2 * error).all()
            assert values[found].max() <= np.sort(values[probed])[len(found) - 1] + 2 * error
        else:  # the rows of the nearest `count` entries, and of those that tie with the last
            of_entries = np.sort([values[row] for each in partitions for row in case.rows_of(each)])
            limit = of_entries[min(count, len(of_entries)) - 1]
            assert found.tolist() == [row for row in probed if values[row] <= limit]


@ranked
def test_hidden_rows_are_left_out(method: str) -> None:
    case = case_of()
    parts = case.opened()
    query, partitions = parts.query(case.vectors[50]), np.arange(12)
    hidden = np.zeros(600, bool)
    hidden[getattr(parts, method)(query, partitions, 300, None)[0]] = True
    found, examined = getattr(parts, method)(query, partitions, 1_000, hidden)
    assert sorted(found.tolist()) == np.flatnonzero(~hidden).tolist()
    assert examined == len(case.partitioning.entry_rows)
    assert getattr(parts, method)(query, partitions, 10, np.ones(600, bool))[0].tolist() == []


@ranked
@pytest.mark.parametrize("partitions", [[], [1]], ids=["no partition", "an empty partition"])
def test_nothing_is_found_where_there_are_no_entries(method: str, partitions: list[int]) -> None:
    case = divided(gaussian(1, 64), 3, spilled=0.0)  # which is in one of the three
    empty = [number for number in range(3) if not case.rows_of(number)][: len(partitions)]
    parts = case.opened()
    found, examined = getattr(parts, method)(parts.query(case.vectors[0]), np.array(empty, np.int64), 5, None)
    assert (found.tolist(), examined) == ([], 0)


@both
@ranked
def test_equal_rows_are_found(distance: Distance, method: str) -> None:
    case = divided(np.ones((300, 64), np.float32), 3, distance)
    parts = case.opened()
    found, _ = getattr(parts, method)(parts.query(case.vectors[0]), np.arange(3), 300, None)
    assert sorted(found.tolist()) == list(range(300))


@ranked
def test_a_search_needs_only_the_head_and_the_probed_codes(method: str) -> None:
    case = case_of()
    whole, fetch = case.opened(), RecordingFetch()
    section = fetch.section(case.data, "parts")
    parts = Parts(section, *case.vectors.shape, case.distance, case.partitioning.shape)
    fetch((section, [parts.head]))
    query = parts.query(case.vectors[9])
    probes = parts.rank(query, 2)
    ranges = parts.code_ranges(probes)
    assert ranges == sorted(ranges)
    fetch((section, ranges))
    assert fetch.bytes < len(case.data)
    assert getattr(parts, method)(query, probes, 20, None)[0].tolist() == (
        getattr(whole, method)(whole.query(case.vectors[9]), probes, 20, None)[0].tolist()
    )
    assert whole.code_ranges(probes) == []  # all of it is there


def test_code_ranges_are_the_bytes_after_the_head() -> None:
    case = case_of()
    fetch = RecordingFetch()
    section = fetch.section(case.data, "parts")
    parts = Parts(section, *case.vectors.shape, case.distance, case.partitioning.shape)
    fetch((section, [parts.head]))
    ranges = parts.code_ranges(np.arange(12))
    assert [start for start, _ in ranges] == [parts.head[1], *(stop for _, stop in ranges[:-1])]
    assert ranges[-1][1] == len(case.data)


@ranked
def test_a_section_that_is_not_aligned_in_memory_gives_the_same_rows(method: str) -> None:
    case = case_of()
    shifted = memoryview(b"x" + case.data)[1:]
    aligned, other = case.opened(), case.opened(shifted)  # type: ignore[arg-type]
    query = gaussian(1, 130, 5)[0]
    assert getattr(other, method)(other.query(query), np.arange(12), 50, None)[0].tolist() == (
        getattr(aligned, method)(aligned.query(query), np.arange(12), 50, None)[0].tolist()
    )


@ranked
def test_threads_find_the_same_rows(method: str) -> None:
    case = case_of()
    queries = gaussian(64, 130, 5)

    def find(parts: Parts, number: int) -> list[int]:
        query = parts.query(queries[number])
        found: list[int] = getattr(parts, method)(query, parts.rank(query, 1 + number % 12), 20, None)[0].tolist()
        return found

    alone, shared = [find(case.opened(), number) for number in range(64)], case.opened()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: find(shared, number), range(64))) == alone


@both
def test_rows_that_are_hardly_among_the_nearest_are_left_out_except_the_next_one(distance: Distance) -> None:
    near, far = gaussian(20, 130, 1) / 50 + 1, gaussian(580, 130, 2) - 3
    case = divided(np.concatenate([near, far]).astype(np.float32), 12, distance)
    parts, query = case.opened(), np.ones(130, np.float32)
    found, examined = parts.estimated(parts.query(query), np.arange(12), 400, k=10)
    assert examined == case.partitioning.shape.entries
    assert set(found[:20].tolist()) == set(range(20))
    assert len(found) in (21, 22)  # the next entries may be of one row


def test_removed_rows_are_not_among_the_nearest_that_decide_which_rows_are_likely() -> None:
    near, far = gaussian(20, 130, 1) / 50 + 1, gaussian(580, 130, 2) - 3
    case = divided(np.concatenate([near, far]).astype(np.float32), 12)
    parts, removed = case.opened(), np.arange(600) < 15
    query = parts.query(np.ones(130, np.float32))
    found, _ = parts.estimated(query, np.arange(12), 400, k=10, removed=removed)
    hidden, _ = parts.estimated(query, np.arange(12), 400, removed, k=10)
    assert len(found) > 25
    assert sorted(hidden.tolist()) == sorted(set(found.tolist()) - set(range(15)))
