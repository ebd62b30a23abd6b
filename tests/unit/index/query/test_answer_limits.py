"""An answer has a largest size: a search whose matches are certainly larger is refused, and a page is cut."""

import tracemalloc
from itertools import count
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from tests.support import vectors as v
from tests.support.sections import cold, packed
from vectord.errors import AnswerTooLarge, DeadlineExceeded
from vectord.index.query.query import BEFORE_ALL, Answer, Query, key_of_seen
from vectord.index.query.search import search_many
from vectord.index.state import Index

ROWS = 60
QUERY = v.f32([1, 0, 0])
TEXT = "x" * 200  # the metadata of each row, in quotes
MANY = 1_200  # rows at the same distance: more than are read without a look at their ids


@pytest.fixture(scope="module", params=["one blob", "packed", "tail"])
def index(request: pytest.FixtureRequest) -> Index:
    rows = [v.item(f"{row:02}", [1, row, 0], TEXT) for row in range(ROWS)]
    if request.param == "one blob":
        return v.with_items(v.empty(3), rows)
    found = packed(rows if request.param == "packed" else rows[:10])
    if request.param == "tail":
        found.add(*rows[10:])
    return found.index


@pytest.fixture(scope="module", params=["base", "tail"])
def ties(request: pytest.FixtureRequest) -> Index:
    """An index in which MANY rows have the same distance, with ids in another order than rows."""
    rows = [v.item(f"{row * 7 % MANY:04}", [1, 1, 0], {"row": row}) for row in range(MANY)]
    found = packed(rows if request.param == "base" else rows[:1])
    if request.param == "tail":
        found.add(*rows[1:])
    return found.index


def one(index: Index, k: int, **more: Any) -> Answer:
    (answer,) = search_many(index, Query(k, (QUERY,), recall=1.0, **more))
    return answer


@pytest.mark.parametrize("include_vectors", [False, True])
def test_queries_whose_matches_cannot_fit_are_refused_before_anything_is_read(include_vectors: bool) -> None:
    index, fetch = cold(packed([v.item(f"{row:02}", [1, row, 0], TEXT) for row in range(ROWS)]).blob)
    query = Query(ROWS, (QUERY,) * 10, include_vectors=include_vectors, include_metadata=False)
    least = 10 * ROWS * (len('{"id":"a","distance":0.0},') + (len(',"vector":""') + 12 if include_vectors else 0))
    with pytest.raises(AnswerTooLarge, match=f"at least {least:,} bytes"):
        search_many(index, structs.replace(query, max_bytes=least - 1))
    assert fetch.rounds == []
    assert len(search_many(index, structs.replace(query, max_bytes=least))) == 10


def test_a_k_beyond_the_rows_of_the_index_does_not_count(index: Index) -> None:
    query = Query(10_000, (QUERY,) * 10, include_vectors=False, include_metadata=False, max_bytes=26 * ROWS * 10)
    assert [len(answer.matches) for answer in search_many(index, query)] == [ROWS] * 10


def test_queries_with_few_matches_within_a_distance_are_not_refused(index: Index) -> None:
    query = Query(ROWS, (QUERY,) * 10, recall=1.0, include_metadata=False, include_vectors=False, max_bytes=1_000)
    assert [len(answer.matches) for answer in search_many(index, structs.replace(query, max_distance=0.0))] == [1] * 10
    with pytest.raises(AnswerTooLarge):
        search_many(index, structs.replace(query, max_distance=2.0))


def test_ids_and_metadata_count_once_for_each_match(index: Index) -> None:
    query = Query(5, (QUERY,) * 10, recall=1.0, include_vectors=False)
    found = search_many(index, structs.replace(query, max_bytes=50 * 204))
    assert all(len(match.id) + len(match.metadata or b"") == 204 for answer in found for match in answer.matches)
    with pytest.raises(AnswerTooLarge):
        search_many(index, structs.replace(query, max_bytes=50 * 204 - 1))


def test_queries_that_find_long_ids_are_refused() -> None:
    rows = [v.item(f"{row:02}" + "x" * 1_000, [1, row, 0]) for row in range(ROWS)]
    query = Query(ROWS, (QUERY,) * 10, include_metadata=False, include_vectors=False, max_bytes=10 * ROWS * 1_000)
    for index in (packed(rows).index, v.with_items(v.empty(3), rows)):
        with pytest.raises(AnswerTooLarge):
            search_many(index, query)


def test_a_row_that_ties_with_the_last_match_does_not_count() -> None:
    rows = [v.item("a", [1, 0, 0], "near"), *(v.item(f"b{row}", [0, 1, 0], TEXT) for row in range(20))]
    query = Query(2, (QUERY, QUERY), recall=1.0, include_vectors=False, max_bytes=500)
    for index in (packed(rows).index, v.with_items(v.empty(3), rows)):
        assert [v.ids(answer) for answer in search_many(index, query)] == [["a", "b0"]] * 2


@pytest.mark.parametrize("size", [1, 500, 3_000])
def test_a_page_is_cut_and_the_pages_together_have_every_match(index: Index, size: int) -> None:
    everything = v.pairs(one(index, ROWS))
    found = list[tuple[str, float]]()
    after = BEFORE_ALL
    for _ in range(ROWS + 1):
        answer = one(index, ROWS, paged=True, max_bytes=size, include_vectors=False, after=after)
        found += v.pairs(answer)
        assert len(answer.matches) <= size // 200 + 2
        if not answer.more:
            break
        after = answer.matches[-1].distance, answer.matches[-1].id
    assert found == everything


def test_a_page_that_is_cut_leaves_out_the_matches_of_earlier_pages(index: Index) -> None:
    everything = v.ids(one(index, ROWS))
    seen = frozenset(map(key_of_seen, everything[:3]))
    answer = one(index, ROWS, paged=True, max_bytes=300, after=BEFORE_ALL, seen=seen)
    assert v.ids(answer) == everything[3 : 3 + len(answer.matches)]
    assert answer.more


def test_a_page_of_vectors_is_cut_by_their_size(index: Index) -> None:
    answer = one(index, ROWS, paged=True, max_bytes=500, include_metadata=False)
    assert v.ids(answer) == v.ids(one(index, ROWS))[: len(answer.matches)]
    assert len(answer.matches) <= 500 // (26 + 24) + 2
    assert answer.more


@pytest.mark.parametrize("queries", [1, 3])
def test_of_many_rows_at_the_same_distance_the_first_ids_are_matches(ties: Index, queries: int) -> None:
    for answer in search_many(ties, Query(4, (QUERY,) * queries, recall=1.0)):
        assert v.ids(answer) == ["0000", "0001", "0002", "0003"]
        assert answer.examined == MANY


@pytest.mark.slow
def test_of_many_rows_at_the_same_distance_only_the_ids_are_read() -> None:
    rows = [v.item(f"{row:04}", [1, 1, 0], "x" * 2_000) for row in range(2 * MANY)]
    index = packed(rows).index
    one(index, 1)  # fills the caches
    tracemalloc.start()
    try:
        assert v.ids(one(index, 1)) == ["0000"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * MANY * 1_000


def test_pages_go_through_many_rows_at_the_same_distance_in_the_order_of_ids(ties: Index) -> None:
    found, after = list[str](), BEFORE_ALL
    more = True
    while more:
        answer = one(ties, 500, paged=True, after=after)
        found += v.ids(answer)
        after, more = (answer.matches[-1].distance, answer.matches[-1].id), answer.more
    assert found == [f"{row:04}" for row in range(MANY)]


def test_the_members_that_a_query_does_not_request_are_not_read(index: Index) -> None:
    match = one(index, 1, include_metadata=False, include_vectors=False).matches[0]
    assert (match.id, match.metadata, match.vector) == ("00", None, None)


@pytest.mark.parametrize("vectors", [40, 400])
def test_the_deadline_is_checked_between_queries(index: Index, vectors: int) -> None:
    calls = count()

    def check() -> None:
        if next(calls) == 2:
            raise DeadlineExceeded

    with pytest.raises(DeadlineExceeded):
        search_many(index, Query(1, tuple(np.float32([1, row, 1]) for row in range(vectors))), None, check)
