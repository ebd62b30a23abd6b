"""Searching a packed index: its build, its removed rows and its tail answer as one."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex
from tests.support.vectors import F32, item
from vectord.index import mutations
from vectord.index.query import search
from vectord.index.query.planner import exact_scan_is_cheap
from vectord.index.query.query import DEFAULT_RECALL
from vectord.index.rows import Item
from vectord.lhv1.params import Distance

both = pytest.mark.parametrize("distance", ["cosine", "euclidean"])


def mixture(rows: int, dimension: int, seed: int, spectrum: float = 0.5) -> F32:
    rng = np.random.default_rng(2)
    centres = 2 * rng.standard_normal((30, dimension))
    rng = np.random.default_rng(seed)
    weights = np.arange(1, dimension + 1) ** -spectrum
    drawn = (centres[rng.integers(0, 30, rows)] + rng.standard_normal((rows, dimension))) * weights
    return drawn.astype(np.float32)


@dataclass
class Case:
    """A packed index beside the rows that it should hold."""

    here: PackedIndex
    distance: Distance
    rows: dict[str, F32]
    matrix: F32 = field(default_factory=lambda: np.empty((0, 1), np.float32))
    names: list[str] = field(default_factory=list)

    def add(self, vectors: F32, first: int) -> None:
        items = [Item(str(row), vector) for row, vector in enumerate(vectors, first)]
        self.rows |= {each.id: each.vector for each in items}
        self.matrix = self.matrix[:0]
        self.here.add(*items)

    def remove(self, ids: list[str]) -> None:
        self.here.remove(*ids)
        for vector_id in ids:
            del self.rows[vector_id]

    def truth(self, query: F32, k: int) -> list[tuple[str, float]]:
        if len(self.matrix) != len(self.rows):
            self.matrix, self.names = np.array(list(self.rows.values())), list(self.rows)
        distances = v.true_distances(self.matrix, query, self.distance)
        near = np.flatnonzero(distances <= np.sort(distances)[min(k, len(distances)) - 1])
        pairs = [(self.names[row], float(distances[row])) for row in near]
        return sorted(pairs, key=lambda pair: (pair[1], pair[0]))[:k]

    def recall(self, queries: F32, k: int = 10, recall: float = DEFAULT_RECALL) -> float:
        hits = 0
        for query in queries:
            last = self.truth(query, k)[-1][1]
            hits += sum(
                match.distance <= last + 1e-12 for match in search.search(self.here.index, query, k, recall).matches
            )
        return hits / (k * len(queries))

    def ways(self, queries: F32) -> set[str]:
        return {search.search(self.here.index, query, 10).strategy for query in queries}


def a_case(vectors: F32, distance: Distance) -> Case:
    items = [Item(str(row), vector) for row, vector in enumerate(vectors)]
    here = PackedIndex(mutations.upsert(v.empty(vectors.shape[1], distance), items)[0], PACKED)
    return Case(here, distance, {each.id: each.vector for each in items})


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def large(request: pytest.FixtureRequest) -> Case:
    """More rows than are scanned, with removed and replaced ones and two tails."""
    assert not exact_scan_is_cheap(32_000, 64)
    case = a_case(mixture(32_000, 64, 3), request.param)
    case.remove([str(row) for row in range(0, 3_000, 2)])
    case.add(mixture(300, 64, 4), 900)
    case.add(mixture(700, 64, 5), 40_000)
    return case


QUERIES = mixture(30, 64, 6)


def test_a_search_for_all_there_is_to_find_equals_brute_force(large: Case) -> None:
    for query in QUERIES[:15]:
        answer = search.search(large.here.index, query, 25, 1.0)
        truth = large.truth(query, 25)
        assert (v.ids(answer), answer.count) == ([vector_id for vector_id, _ in truth], len(large.rows))
        assert [match.distance for match in answer.matches] == pytest.approx(
            [distance for _, distance in truth], abs=1e-12
        )


@pytest.mark.parametrize("k", [1, 10, 50])
def test_the_default_finds_what_it_promises_over_build_removed_rows_and_tail(large: Case, k: int) -> None:
    assert large.recall(QUERIES, k) >= 0.95


def test_a_large_packed_index_is_not_scanned(large: Case) -> None:
    assert not large.ways(QUERIES) & {"exact"}


def test_removed_and_replaced_rows_are_never_answered_as_they_were(large: Case) -> None:
    for row in range(0, 3_000, 150):
        for match in search.search(large.here.index, mixture(32_000, 64, 3)[row], 10).matches:
            assert match.vector.tobytes() == large.rows[match.id].tobytes()


def test_rows_of_build_and_tail_find_themselves_at_zero(large: Case) -> None:
    for vector_id in [*list(large.rows)[::2_000], *list(large.rows)[-40::9]]:
        assert v.pairs(search.search(large.here.index, large.rows[vector_id], 1)) == [(vector_id, 0.0)]


def test_all_live_rows_and_no_more_can_be_asked_for(large: Case) -> None:
    answer = search.search(large.here.index, QUERIES[0], len(large.rows) + 1_000)
    assert (len(answer.matches), answer.strategy) == (len(large.rows), "exact")
    assert set(v.ids(answer)) == large.rows.keys()


@both
def test_ties_break_by_id_across_build_and_tail(distance: Distance) -> None:
    case = a_case(np.ones((40, 32), np.float32), distance)
    case.add(np.ones((20, 32), np.float32), 40)
    case.remove(["0", "10", "41"])
    for k in (1, 5, 57):
        expected = sorted(set(map(str, range(60))) - {"0", "10", "41"})[:k]
        assert v.ids(search.search(case.here.index, v.f32(np.arange(1, 33)), k)) == expected


def test_ties_break_by_id_among_many_equal_rows_too() -> None:
    case = a_case(np.ones((32_000, 64), np.float32), "euclidean")
    case.add(np.ones((20, 64), np.float32), 32_000)
    assert v.ids(search.search(case.here.index, v.f32(np.arange(64)), 5)) == sorted(map(str, range(32_020)))[:5]


@both
def test_where_all_of_the_build_is_removed_the_tail_answers(distance: Distance) -> None:
    case = a_case(mixture(50, 40, 7), distance)
    case.add(mixture(5, 40, 8), 50)
    case.remove([str(row) for row in range(50)])
    assert [entry.name for entry in case.here.envelope.sections] == ["sketch", "rows", "graph", "tail"]
    query = mixture(1, 40, 9)[0]
    assert v.pairs(search.search(case.here.index, query, 10)) == [
        (vector_id, pytest.approx(distance, abs=1e-12)) for vector_id, distance in case.truth(query, 10)
    ]


def test_where_everything_is_removed_nothing_is_answered() -> None:
    case = a_case(mixture(50, 40, 7), "cosine")
    case.remove(list(case.rows))
    answer = search.search(case.here.index, mixture(1, 40, 9)[0], 10)
    assert (answer.matches, answer.count) == ([], 0)


@pytest.mark.parametrize(
    ("dimension", "removed", "behind"), [(8, 400, 0), (8, 400, 30), (8, 2_000, 30), (64, 2_000, 30)]
)
def test_a_query_whose_neighbourhood_was_removed_finds_the_next_one(dimension: int, removed: int, behind: int) -> None:
    rows = 4_100_000 // (dimension + 64)
    vectors = mixture(rows, dimension, 3, 0)
    case = a_case(vectors, "euclidean")
    middle = vectors[17]
    near = np.argsort(np.linalg.norm(vectors - middle, axis=1))[:removed]
    case.remove([str(row) for row in near])
    if behind:
        case.add((100 + mixture(behind, dimension, 5)).astype(np.float32), rows)
    assert case.recall(middle + np.float32(0.01) * mixture(5, dimension, 6)) >= 0.9


@both
@pytest.mark.parametrize("scale", [1e-30, 1e-19, 1e20, 1e37])
def test_vectors_of_any_length_are_answered_right_from_build_and_tail(distance: Distance, scale: float) -> None:
    case = a_case(mixture(300, 40, 3) * np.float32(scale), distance)
    case.add(mixture(30, 40, 4) * np.float32(scale), 300)
    for query in mixture(5, 40, 6) * np.float32(scale):
        found = [match.distance for match in search.search(case.here.index, query, 10).matches]
        assert found == pytest.approx([distance for _, distance in case.truth(query, 10)], rel=1e-6, abs=1e-9)


def test_a_tail_of_vectors_beyond_float32_arithmetic_is_answered_exactly() -> None:
    case = a_case(mixture(300, 40, 3), "euclidean")
    case.add(mixture(10, 40, 4) * np.float32(1e30), 300)
    query = (mixture(1, 40, 6) * np.float32(1e30))[0]
    found = [match.distance for match in search.search(case.here.index, query, 320).matches]
    assert found == pytest.approx([distance for _, distance in case.truth(query, 320)], rel=1e-9)


def test_matches_of_build_and_tail_carry_metadata_and_vector() -> None:
    case = a_case(mixture(50, 40, 3), "cosine")
    case.here.add(item("7", mixture(1, 40, 4)[0], {"replaced": True}), item("new", mixture(1, 40, 5)[0], "text"))
    found = {match.id: match for match in search.search(case.here.index, mixture(1, 40, 6)[0], 60).matches}
    assert (bytes(found["7"].metadata or b""), bytes(found["new"].metadata or b"")) == (
        b'{"replaced": true}',
        b'"text"',
    )
    assert found["9"].metadata is None
    assert found["9"].vector.tobytes() == case.rows["9"].tobytes()
    assert found["new"].vector.tobytes() == mixture(1, 40, 5)[0].tobytes()
