"""What a search by ranges can afford, and the recall that it keeps."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support import vectors as v
from tests.support.sections import PACKED, RecordingFetch
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.query import planner, prefetch, search
from vectord.index.rows import Item
from vectord.index.state import Base, Index
from vectord.lhv1 import frame

SIZE = 1_548  # bytes of a row of 384 dimensions


def _runs(rows: list[int]) -> int:
    """Count the ranges that a request each would bring."""
    starts = sorted(row * SIZE for row in rows)
    return sum(after - before - SIZE > prefetch.MAX_GAP for before, after in pairwise(starts)) + 1


@given(rows=st.lists(st.integers(0, 100_000), min_size=1, max_size=60, unique=True), requests=st.integers(1, 20))
def test_the_rows_afforded_take_no_more_ranges_than_requests(rows: list[int], requests: int) -> None:
    taken = prefetch.rows_within_budget(np.array(rows), SIZE, requests).tolist()
    assert set(taken) <= set(rows)
    assert _runs(taken) <= requests


@given(rows=st.lists(st.integers(0, 2**40), min_size=1, max_size=60, unique=True), requests=st.integers(1, 20))
def test_the_best_row_is_always_afforded_and_the_order_kept(rows: list[int], requests: int) -> None:
    taken = prefetch.rows_within_budget(np.array(rows), SIZE, requests).tolist()
    assert taken[0] == rows[0]
    assert taken == [row for row in rows if row in taken]


def test_rows_near_one_that_is_read_take_no_request() -> None:
    assert prefetch.rows_within_budget(np.array([5_000, 90_000, 5_010, 40_000]), SIZE, 2).tolist() == [
        5_000,
        90_000,
        5_010,
    ]


def test_the_bytes_of_rows_are_bounded_however_near_they_lie() -> None:
    taken = prefetch.rows_within_budget(np.arange(10_000), SIZE, 1)
    assert len(taken) * SIZE <= planner.BYTES_PER_REQUEST


@pytest.fixture(scope="module")
def packed() -> Index:
    """Rows whose neighbours lie in many ranges: noise in many directions."""
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((20_000, 256)) * np.arange(1, 257) ** -0.45
    items = [Item(str(row), vector) for row, vector in enumerate(matrix.astype(np.float32))]
    return decode.open_blob(
        encode.encode(mutations.upsert(v.empty(256, m=2), items)[0], "t", "c", thresholds=PACKED).blob
    )


def _base(index: Index) -> Base:
    assert index.base is not None
    return index.base


def _cold(index: Index) -> Index:
    """Return the index as a function opens it that has no room for all of it."""
    blob = encode.encode(index, "t", "c", thresholds=PACKED, rebuild=True).blob
    head, sections = frame.decode(blob)
    fetch = RecordingFetch(capacity=1)
    return decode.open_head(head, lambda entry: fetch.section(bytes(sections[entry]), entry.name), fetch)


def test_a_build_measures_what_more_requests_find(packed: Index) -> None:
    curve = _base(packed).calibration["ranges"]
    assert list(curve) == sorted(curve)
    assert curve[min(curve)] < curve[max(curve)]


@pytest.mark.parametrize("recall", [0.9, 0.95])
def test_a_search_by_ranges_finds_what_was_asked(packed: Index, recall: float) -> None:
    way = planner.plan_by_ranges(_base(packed), packed.live, 10, recall)
    assert way is not None
    queries = packed.rows.vectors[:60] * 0.7 + packed.rows.vectors[60:120] * 0.3
    found = []
    cold = _cold(packed)
    for query in queries:
        answer = search.search(cold, query, 10, recall)
        assert answer.plan == "ranges"
        true = search.search(packed, query, 10, 1.0)
        found.append(len(set(v.ids(answer)) & set(v.ids(true))) / 10)
    assert np.mean(found) >= recall


def test_where_no_ranges_reach_the_recall_the_search_does_not_go_by_them(packed: Index) -> None:
    base = _base(packed)
    poor = replace(base, calibration={**base.calibration, "ranges": {42: 0.5}})
    assert planner.plan_by_ranges(poor, packed.live, 10, 0.95) is None
    assert planner.plan_by_ranges(base, packed.live, 10, 1.0) is None


def test_more_results_take_more_requests(packed: Index) -> None:
    few, many = (planner.plan_by_ranges(_base(packed), packed.live, k, 0.9) for k in (10, 30))
    assert few is not None
    assert many is not None
    assert many.requests == 3 * few.requests
