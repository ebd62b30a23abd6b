"""Ranges of many lists of rows at once are those that a search makes of each list."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectord.index.build.range_numbers import range_numbers
from vectord.index.query import prefetch


@pytest.mark.slow
@given(
    lists=st.integers(1, 4),
    count=st.integers(1, 200),
    spread=st.sampled_from([1, 2, 10, 1_000]),
    row_bytes=st.sampled_from([44, 1_548, 6_156, 60_000]),
    seed=st.integers(0, 1_000),
)
@settings(max_examples=200, deadline=None)
def test_they_are_those_of_each_list(lists: int, count: int, spread: int, row_bytes: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    rows = np.array([dice.choice(count * spread, count, replace=False) for _ in range(lists)])
    numbers, costs = range_numbers(rows, row_bytes)
    for number, one in enumerate(rows):
        expected_numbers, expected_costs = prefetch.range_numbers(one, row_bytes)
        assert numbers[number].tolist() == expected_numbers.tolist()
        assert costs[number].tolist() == expected_costs.tolist()


@pytest.mark.parametrize("rows", [range(600), range(599, -1, -1)], ids=["ascending", "descending"])
def test_a_long_run_is_one_range(rows: range) -> None:
    numbers, costs = range_numbers(np.array([rows]), 1_548)
    assert numbers.tolist() == [[0] * 600]
    assert costs.tolist() == [[1_548 + prefetch.PAGE] + [1_548] * 599]
