"""Measuring the recall of an index against exact answers, with its own vectors or with given ones."""

from itertools import count

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.sections import packed
from tests.support.vectors import item
from vectord.index.query import recall, search
from vectord.index.query.query import Query
from vectord.index.query.recall import Probe
from vectord.index.rows import Item
from vectord.index.state import Index


@pytest.fixture(scope="module")
def index() -> Index:
    rng = np.random.default_rng(1)
    matrix = (rng.standard_normal((16_000, 192)) * np.arange(1, 193) ** -0.5).astype(np.float32)
    items = [Item(str(row), vector) for row, vector in enumerate(matrix)]
    return packed(items, 192, m=2).index


def _clock() -> float:
    return 0.0


def test_an_exact_search_has_recall_1() -> None:
    small = v.of_matrix(np.random.default_rng(1).standard_normal((50, 4)), "cosine")
    measured = recall.measure(small, recall.sample(small, 20, np.random.default_rng(2)), Query(10), _clock)
    assert list(measured.recalls) == [1.0] * 20
    assert set(measured.strategies) == {"exact"}


@pytest.mark.slow
def test_recall_is_the_found_share_of_the_exact_answer(index: Index) -> None:
    probes = recall.sample(index, 40, np.random.default_rng(2))
    query = Query(10, ef_search=400)
    measured = recall.measure(index, probes, query, _clock)
    by_hand = []
    for each in probes:
        true, found = (v.ids(search.search(index, each.vector, 11, 1.0, effort))[1:] for effort in (0, 400))
        by_hand.append(len(set(true) & set(found)) / 10)
    assert np.mean(measured.recalls) == pytest.approx(np.mean(by_hand), abs=0.02)
    assert 0.2 < np.mean(measured.recalls) < 1


@pytest.mark.slow
def test_too_little_effort_shows_as_low_recall(index: Index) -> None:
    probes = recall.sample(index, 40, np.random.default_rng(2))
    poor = recall.measure(index, probes, Query(10, ef_search=1), _clock)
    assert set(poor.strategies) == {"forest"}
    assert np.mean(poor.recalls) < 0.5


def test_a_stored_vector_does_not_match_itself() -> None:
    two = v.with_items(v.empty(2, "euclidean"), [item("a", [0, 0]), item("b", [3, 4])])
    assert list(recall.measure(two, [Probe(v.f32([0, 0]), "a")], Query(1), _clock).recalls) == [1.0]


def test_an_empty_index_has_recall_1() -> None:
    assert list(recall.measure(v.empty(2), [Probe(v.f32([1, 0]))], Query(5), _clock).recalls) == [1.0]
    assert recall.sample(v.empty(2), 5, np.random.default_rng(1)) == []


def test_a_sample_has_each_live_vector_at_most_once() -> None:
    small = packed([item(str(row), [row + 1, 1, 0]) for row in range(10)])
    small.add(item("late", [5, 5, 5]), item("3", [7, 7, 7]))
    small.remove("4")
    drawn = recall.sample(small.index, 100, np.random.default_rng(1))
    assert {each.own_id for each in drawn} == {"late", *map(str, range(10))} - {"4"}
    for each in drawn:
        assert each.own_id is not None
        assert (
            each.vector.tolist() == small.index.vectors_of(list(small.index.find([each.own_id]).values()))[0].tolist()
        )


def test_the_first_search_is_not_timed() -> None:
    ticks = count()
    small = v.of_matrix(np.eye(3), "euclidean")
    measured = recall.measure(small, [Probe(v.f32([1, 0, 0]))] * 2, Query(1), lambda: float(next(ticks)))
    assert list(measured.seconds) == [1.0, 1.0]
    assert next(ticks) == 13


def test_after_the_deadline_probes_are_skipped_but_the_first() -> None:
    ticks = count()
    small = v.of_matrix(np.eye(3), "euclidean")
    probes = [Probe(v.f32([1, 0, 0]))] * 50
    assert len(recall.measure(small, probes, Query(1), lambda: float(next(ticks)), 3.0).recalls) == 1
    assert len(recall.measure(small, probes, Query(1), lambda: float(next(ticks)), next(ticks) + 30.0).recalls) in {
        5,
        6,
    }
