"""Searching a packed index: its base, its removed rows and its tail answer as one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import pytest

from tests.support import datasets
from tests.support import vectors as v
from tests.support.sections import PACKED, PackedIndex
from tests.support.vectors import F32, item
from vectord.index import mutations
from vectord.index.query import search
from vectord.index.query.query import DEFAULT_RECALL
from vectord.index.sections import graph
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.lhv1.params import Distance

pytestmark = pytest.mark.usefixtures("early_strategies")
both = pytest.mark.parametrize("distance", ["cosine", pytest.param("euclidean", marks=pytest.mark.slow)])


def mixture(rows: int, dimension: int, seed: int, exponent: float = 0.5) -> F32:
    draw = datasets.mixture(dimension, 30, exponent=exponent, separation=2.0)
    return draw(np.random.default_rng(seed), rows)


@dataclass
class Case:
    """A packed index beside the rows that it should contain."""

    packed: PackedIndex
    distance: Distance
    rows: dict[str, F32]

    def add(self, vectors: F32, first: int) -> None:
        items = v.items_of(vectors, first)
        self.rows |= {each.id: each.vector for each in items}
        self.__dict__.pop("oracle", None)
        self.packed.add(*items)

    def remove(self, ids: list[str]) -> None:
        self.packed.remove(*ids)
        self.__dict__.pop("oracle", None)
        for vector_id in ids:
            del self.rows[vector_id]

    @cached_property
    def oracle(self) -> Callable[[F32], npt.NDArray[np.float64]]:
        """The distances of all rows to a query, computed once."""
        oracle, found = v.Oracle(np.array(list(self.rows.values())), self.distance), {}

        def distances(query: F32) -> npt.NDArray[np.float64]:
            key = query.tobytes()
            if key not in found:
                found[key] = oracle.distances(query)
            return found[key]

        return distances

    def truth(self, query: F32, k: int) -> list[tuple[str, float]]:
        distances = self.oracle(query)
        names = list(self.rows)
        nearest = np.flatnonzero(distances <= np.sort(distances)[min(k, len(distances)) - 1])
        pairs = [(names[row], float(distances[row])) for row in nearest]
        return sorted(pairs, key=lambda pair: (pair[1], pair[0]))[:k]

    def recall(self, queries: F32, k: int = 10, recall: float = DEFAULT_RECALL) -> float:
        hits = 0
        for query in queries:
            farthest = self.truth(query, k)[-1][1]
            found = search.search(self.packed.index, query, k, recall).matches
            hits += sum(match.distance <= farthest + 1e-12 for match in found)
        return hits / (k * len(queries))


def a_case(vectors: F32, distance: Distance) -> Case:
    items = v.items_of(vectors)
    packed = PackedIndex(mutations.upsert(v.empty(vectors.shape[1], distance, m=4), items)[0], PACKED)
    return Case(packed, distance, {each.id: each.vector for each in items})


ROWS, DIMENSION = 6_700, 136  # more than are scanned
QUERIES = mixture(30, DIMENSION, 6)


@pytest.fixture(scope="module", params=["cosine", "euclidean"])
def large(request: pytest.FixtureRequest, early_strategies: None) -> Case:
    """More rows than are scanned, with removed and replaced ones and two tails."""
    assert not exact_scan_is_cheap(ROWS, DIMENSION)
    case = a_case(mixture(ROWS, DIMENSION, 3), request.param)
    case.remove([str(row) for row in range(0, 3_000, 2)])
    case.add(mixture(300, DIMENSION, 4), 900)
    case.add(mixture(700, DIMENSION, 5), 40_000)
    return case


@pytest.mark.slow
def test_an_exact_search_equals_brute_force(large: Case) -> None:
    for query in QUERIES[:15]:
        answer = search.search(large.packed.index, query, 25, 1.0)
        truth = large.truth(query, 25)
        assert (v.ids(answer), answer.count) == ([vector_id for vector_id, _ in truth], len(large.rows))
        assert [match.distance for match in answer.matches] == pytest.approx(
            [distance for _, distance in truth], abs=1e-12
        )


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 10, 50])
def test_the_default_recall_is_reached_over_base_removed_rows_and_tail(large: Case, k: int) -> None:
    assert large.recall(QUERIES, k) >= 0.95


def test_a_large_packed_index_is_not_scanned(large: Case) -> None:
    assert "exact" not in {search.search(large.packed.index, query, 10).strategy for query in QUERIES}


def test_removed_and_replaced_rows_are_never_answered_as_they_were(large: Case) -> None:
    before = mixture(ROWS, DIMENSION, 3)
    for row in range(0, 3_000, 150):
        for match in search.search(large.packed.index, before[row], 10).matches:
            assert match.vector.tobytes() == large.rows[match.id].tobytes()


def test_rows_of_base_and_tail_find_themselves_at_zero(large: Case) -> None:
    for vector_id in [*list(large.rows)[::2_000], *list(large.rows)[-40::9]]:
        assert v.pairs(search.search(large.packed.index, large.rows[vector_id], 1)) == [(vector_id, 0.0)]


def test_a_search_for_more_than_there_is_returns_every_live_row_and_no_other(large: Case) -> None:
    answer = search.search(large.packed.index, QUERIES[0], len(large.rows) + 1_000)
    assert (len(answer.matches), answer.strategy) == (len(large.rows), "exact")
    assert set(v.ids(answer)) == large.rows.keys()


@both
def test_ties_break_by_id_across_base_and_tail(distance: Distance) -> None:
    case = a_case(np.ones((40, 32), np.float32), distance)
    case.add(np.ones((20, 32), np.float32), 40)
    case.remove(["0", "10", "41"])
    for k in (1, 5, 57):
        expected = sorted(set(map(str, range(60))) - {"0", "10", "41"})[:k]
        assert v.ids(search.search(case.packed.index, v.f32(np.arange(1, 33)), k)) == expected


@pytest.mark.slow
def test_ties_break_by_id_among_many_equal_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "_CHEAP_SCAN_COMPONENTS", 500_000)
    rows, dimension = 3_000, 256
    assert not exact_scan_is_cheap(rows, dimension)
    case = a_case(np.ones((rows, dimension), np.float32), "euclidean")
    case.add(np.ones((20, dimension), np.float32), rows)
    expected = sorted(map(str, range(rows + 20)))[:5]
    assert v.ids(search.search(case.packed.index, v.f32(np.arange(dimension)), 5)) == expected


@both
def test_if_the_whole_base_is_removed_the_tail_answers(distance: Distance) -> None:
    case = a_case(mixture(50, 40, 7), distance)
    case.add(mixture(5, 40, 8), 50)
    case.remove([str(row) for row in range(50)])
    assert [entry.name for entry in case.packed.envelope.sections] == ["piece", "parts", "rows", "graph"]
    query = mixture(1, 40, 9)[0]
    assert v.pairs(search.search(case.packed.index, query, 10)) == [
        (vector_id, pytest.approx(distance, abs=1e-12)) for vector_id, distance in case.truth(query, 10)
    ]


def test_if_everything_is_removed_the_answer_is_empty() -> None:
    case = a_case(mixture(50, 40, 7), "cosine")
    case.remove(list(case.rows))
    answer = search.search(case.packed.index, mixture(1, 40, 9)[0], 10)
    assert (answer.matches, answer.count) == ([], 0)


@cache
def _unremoved(dimension: int) -> Case:
    """Return an index just too large for a scan."""
    return a_case(mixture(4_150_000 // (dimension + 64), dimension, 3), "euclidean")


@pytest.mark.parametrize(("dimension", "removed", "in_tail"), [(28, 400, 0), (28, 2_000, 30), (192, 400, 30)])
@pytest.mark.slow
def test_a_query_whose_neighbourhood_was_removed_finds_the_next_one(dimension: int, removed: int, in_tail: int) -> None:
    full = _unremoved(dimension)
    case = Case(full.packed.branch(), "euclidean", dict(full.rows))
    vectors = np.array(list(case.rows.values()))
    middle = vectors[17]
    nearest = np.argsort(np.linalg.norm(vectors - middle, axis=1))[:removed]
    case.remove([str(row) for row in nearest])
    if in_tail:
        case.add((100 + mixture(in_tail, dimension, 5)).astype(np.float32), len(vectors))
    queries = middle + np.float32(0.01) * mixture(5, dimension, 6)
    assert case.recall(queries) >= 0.9


@both
@pytest.mark.parametrize("scale", [1e-30, 1e-19, 1e20, 1e37])
def test_vectors_of_any_length_are_answered_right_from_base_and_tail(distance: Distance, scale: float) -> None:
    case = a_case(mixture(300, 40, 3) * np.float32(scale), distance)
    case.add(mixture(30, 40, 4) * np.float32(scale), 300)
    for query in mixture(5, 40, 6) * np.float32(scale):
        found = [match.distance for match in search.search(case.packed.index, query, 10).matches]
        assert found == pytest.approx([distance for _, distance in case.truth(query, 10)], rel=1e-6, abs=1e-9)


def test_a_tail_of_vectors_beyond_float32_arithmetic_is_answered_exactly() -> None:
    case = a_case(mixture(300, 40, 3), "euclidean")
    case.add(mixture(10, 40, 4) * np.float32(1e30), 300)
    query = (mixture(1, 40, 6) * np.float32(1e30))[0]
    found = [match.distance for match in search.search(case.packed.index, query, 320).matches]
    assert found == pytest.approx([distance for _, distance in case.truth(query, 320)], rel=1e-9)


def test_matches_of_base_and_tail_have_metadata_and_vector() -> None:
    case = a_case(mixture(50, 40, 3), "cosine")
    case.packed.add(item("7", mixture(1, 40, 4)[0], {"replaced": True}), item("new", mixture(1, 40, 5)[0], "text"))
    found = {match.id: match for match in search.search(case.packed.index, mixture(1, 40, 6)[0], 60).matches}
    metadata = {vector_id: bytes(found[vector_id].metadata or b"") for vector_id in ("7", "new", "9")}
    assert metadata == {"7": b'{"replaced": true}', "new": b'"text"', "9": b""}
    assert found["9"].vector.tobytes() == case.rows["9"].tobytes()
    assert found["new"].vector.tobytes() == mixture(1, 40, 5)[0].tobytes()
