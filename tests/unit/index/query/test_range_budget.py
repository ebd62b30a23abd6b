"""Which of the best rows a bounded number of range requests can cover."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vectord.index.query import speed
from vectord.index.query.coalescing import MAX_GAP
from vectord.index.query.prefetch import rows_within_budget

ROW_BYTES = 1_548  # of 384 dimensions

ROWS = st.lists(st.integers(0, 2**40) | st.integers(0, 100_000), min_size=1, max_size=60, unique=True)


def ranges(rows: list[int]) -> int:
    """Count the ranges that contain the rows, with small gaps read along."""
    starts = sorted(row * ROW_BYTES for row in rows)
    return sum(after - before - ROW_BYTES > MAX_GAP for before, after in pairwise(starts)) + 1


@given(rows=ROWS, requests=st.integers(1, 20))
def test_the_chosen_rows_need_at_most_the_allowed_requests(rows: list[int], requests: int) -> None:
    chosen = rows_within_budget(np.array(rows), ROW_BYTES, requests).tolist()
    assert set(chosen) <= set(rows)
    assert ranges(chosen) <= requests


@given(rows=ROWS, requests=st.integers(1, 20))
def test_the_best_row_is_always_chosen_and_the_order_kept(rows: list[int], requests: int) -> None:
    chosen = rows_within_budget(np.array(rows), ROW_BYTES, requests).tolist()
    assert chosen[0] == rows[0]
    assert chosen == [row for row in rows if row in chosen]


def test_a_row_near_a_chosen_one_needs_no_request() -> None:
    rows = np.array([5_000, 90_000, 5_010, 40_000])
    assert rows_within_budget(rows, ROW_BYTES, 2).tolist() == [5_000, 90_000, 5_010]


def test_the_bytes_of_the_rows_are_bounded_however_near_they_are() -> None:
    chosen = rows_within_budget(np.arange(10_000), ROW_BYTES, 1)
    assert len(chosen) * ROW_BYTES <= speed.BYTES_PER_REQUEST
