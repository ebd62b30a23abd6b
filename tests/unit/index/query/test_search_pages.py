"""The pages of a search contain every eligible row once, whatever strategy finds the first page."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.support import datasets
from tests.support import vectors as v
from tests.support.search_pages import Search, page, pages
from tests.support.sections import PACKED, PackedIndex, cold
from tests.support.vectors import F32
from vectord.index import mutations
from vectord.index.codec import decode
from vectord.index.kernels.distance import distances
from vectord.index.query.query import BEFORE_ALL, Query, Result, key_of_seen
from vectord.index.query.search import search_many
from vectord.index.rows import Item, RowMask
from vectord.index.sections.graph import exact_scan_is_cheap
from vectord.index.state import Index

# More rows than are scanned: the planner chooses partitions or forest for the first page.
ROWS, TAIL, DIMENSION = 950, 100, 1_024
TIED = 250  # rows that equal one of 5 others

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("early_strategies")]  # a large index

type Ordered = list[tuple[float, str]]


@pytest.fixture(scope="module", params=["cosine", pytest.param("euclidean", marks=pytest.mark.slow)])
def packed(request: pytest.FixtureRequest, early_strategies: None) -> PackedIndex:
    """A packed index with many equal rows, a tail, and removed rows in both."""
    assert not exact_scan_is_cheap(ROWS, DIMENSION)
    rows, tail = datasets.decaying(ROWS, DIMENSION, 1), datasets.decaying(TAIL, DIMENSION, 2)
    rows[-TIED:], tail[:20] = rows[np.arange(TIED) % 5], rows[0]
    items = [Item(f"{row:04}", vector) for row, vector in enumerate(rows)]
    index = PackedIndex(mutations.upsert(v.empty(DIMENSION, request.param, m=4), items)[0], PACKED)
    index.add(*(Item(f"t{row:03}", vector) for row, vector in enumerate(tail)))
    index.remove("0007", "1801", "t007", "t085")
    return index


@pytest.fixture(scope="module")
def index(packed: PackedIndex) -> Index:
    return decode.open_blob(packed.blob)


QUERIES = {
    "another vector": datasets.decaying(1, DIMENSION, 9)[0],
    "a tied row": datasets.decaying(1, DIMENSION, 1)[0],
}


def share_of(index: Index, share: float) -> RowMask:
    """Return a random mask of about this share of the live rows."""
    rng = np.random.default_rng(5)
    base, tail = rng.random(index.base_rows) < share, rng.random(len(index.tail)) < share
    return RowMask(base & index.live.base, tail & index.live.tail, filtered=True)


def truth(index: Index, query: F32, mask: RowMask | None = None) -> Ordered:
    """Return distance and id of every eligible row, in order."""
    allowed = set(index.ids_of((mask or index.live).rows.tolist()))
    rows = index.rows
    pairs = zip(distances(rows.vectors, None, query, index.params.distance).tolist(), rows.ids, strict=True)
    return sorted(pair for pair in pairs if pair[1] in allowed)


def over(index: Index, mask: RowMask | None = None) -> Search:
    return lambda query: Result(search_many(index, query, mask), "etag")


def walk(search: Search, k: int, query: F32, **more: Any) -> list[Ordered]:
    body = {"vector": query.tolist(), "k": k, **more}
    return [[(match.distance, match.id) for match in one.matches] for one in pages(search, body)]


def sizes(count: int, k: int) -> list[int]:
    """Return the sizes of the pages of `count` matches: only the last page may be shorter."""
    return [k] * (count // k) + ([count % k] if count % k else [])


def assert_complete(found: Sequence[Ordered], expected: Ordered, k: int) -> None:
    assert sorted(pair for one in found for pair in one) == expected
    assert list(map(len, found)) == sizes(len(expected), k)
    assert all(one == sorted(one) for one in found)


@pytest.mark.parametrize(
    ("effort", "of"),
    [
        ({}, "a tied row"),
        ({}, "another vector"),
        ({"recall": 0.5}, "another vector"),
        ({"ef_search": 10}, "a tied row"),
        ({"recall": 1}, "a tied row"),
    ],
    ids=str,
)
@pytest.mark.slow
def test_pages_are_all_rows(index: Index, of: str, effort: dict[str, Any]) -> None:
    query = QUERIES[of]
    assert_complete(walk(over(index), 100, query, **effort), truth(index, query), 100)


@pytest.mark.parametrize("k", [1, 3, 1_000])
def test_pages_of_any_size_are_all_rows(index: Index, k: int) -> None:
    query, mask = QUERIES["a tied row"], share_of(index, 0.02)
    assert_complete(walk(over(index, mask), k, query, ef_search=2), truth(index, query, mask), k)


@pytest.mark.parametrize("capacity", [1, sys.maxsize], ids=["an index larger than the cache", "one that fits"])
@pytest.mark.parametrize("share", [None, 0.4, 0.04])
def test_pages_of_a_cold_search_are_all_rows(
    packed: PackedIndex, index: Index, capacity: int, share: float | None
) -> None:
    query, mask = QUERIES["another vector"], share and share_of(index, share)
    unread, _ = cold(packed.blob, capacity)
    assert_complete(walk(over(unread, mask or None), 50, query), truth(index, query, mask or None), 50)


@pytest.mark.parametrize(
    ("rank", "effort"), [(5, {}), (60, {"ef_search": 2}), (1_000, {}), (1_000, {"ef_search": 2})], ids=str
)
def test_pages_end_at_the_largest_distance(index: Index, rank: int, effort: dict[str, Any]) -> None:
    query = QUERIES["another vector"]
    everything = truth(index, query)
    expected = [pair for pair in everything if pair[0] <= everything[rank][0]]
    found = walk(over(index), 20, query, max_distance=expected[-1][0], **effort)
    assert_complete([one for one in found if one], expected, 20)


def test_pages_of_a_cold_search_end_at_the_largest_distance(packed: PackedIndex, index: Index) -> None:
    query = QUERIES["another vector"]
    expected = truth(index, query)[:35]
    unread, _ = cold(packed.blob, sys.maxsize)
    assert_complete(walk(over(unread), 50, query, max_distance=expected[-1][0]), expected, 50)


def test_an_index_that_the_cache_cannot_keep_is_not_read_for_a_short_first_page(
    packed: PackedIndex, index: Index
) -> None:
    query = QUERIES["another vector"]
    expected = truth(index, query)[:4]
    unread, fetch = cold(packed.blob, 1)
    body = {"vector": query.tolist(), "k": 10, "max_distance": expected[-1][0]}
    first = page(over(unread), body)
    assert fetch.bytes < len(packed.blob) / 2
    assert first.next
    rest = walk(over(unread), 10, query, max_distance=expected[-1][0], after=first.next)
    assert sorted([(match.distance, match.id) for match in first.matches] + rest[0]) == expected


def test_the_first_page_has_the_strategy_of_a_search_without_pages(index: Index) -> None:
    answer = over(index)(Query(10, (QUERIES["another vector"],), ef_search=2)).answer
    assert (answer.strategy, answer.complete, answer.more) == ("forest", False, True)


def test_rows_that_the_first_page_missed_are_on_the_second(index: Index) -> None:
    query = QUERIES["another vector"]
    nearest = truth(index, query)[:4]
    seen = frozenset(map(key_of_seen, (nearest[0][1], nearest[2][1])))
    answer = over(index)(Query(2, (query,), after=BEFORE_ALL, seen=seen)).answer
    assert [(match.distance, match.id) for match in answer.matches] == [nearest[1], nearest[3]]


def test_a_cursor_does_not_grow_with_the_position(index: Index) -> None:
    body = {"vector": QUERIES["another vector"].tolist(), "k": 200, "ef_search": 2}
    lengths = [len(one.next or "") for one in pages(over(index), body)]
    assert max(lengths[3:]) < 60 < lengths[0]


def test_the_size_of_a_page_may_change(index: Index) -> None:
    query, expected = QUERIES["another vector"], truth(index, QUERIES["another vector"])
    found: Ordered = []
    after: dict[str, Any] = {}
    for k in (3, 50, 1, 400):
        one = page(over(index), {"vector": query.tolist(), "k": k, "recall": 1, **after})
        found += [(match.distance, match.id) for match in one.matches]
        after = {"after": one.next}
    assert found == expected[:454]


def test_an_exact_search_of_spread_rows_by_ranges_reads_all_of_them() -> None:
    """Rows 45 KB apart: a range for several of them has more bytes than a request is meant to have."""
    vectors = datasets.decaying(630, 1_024, 1)
    built = PackedIndex(mutations.upsert(v.empty(1_024, "euclidean", m=1), v.items_of(vectors))[0], PACKED)
    unread, _ = cold(built.blob)
    mask = RowMask(np.arange(630) % 11 == 0, np.zeros(0, bool), filtered=True)
    answer = over(unread, mask)(Query(100, (vectors[0],))).answer
    assert (answer.strategy, answer.plan) == ("exact", "ranges")
    assert len(answer.matches) == mask.count
