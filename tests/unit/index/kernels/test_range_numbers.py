"""The ranges of lists of rows, in C and in numpy, are those that one finds row by row."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.index.kernels.test_native import native, numpy_alone
from vectord.index.kernels.range_numbers import range_numbers

GAP, PAGE = 16_384, 4_096

type Array = npt.NDArray[np.int64]


@pytest.fixture(params=["C", "numpy"])
def _kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    with numpy_alone() if request.param == "numpy" else nullcontext():
        yield


def row_by_row(rows: Array, row_bytes: int) -> tuple[list[int], list[int]]:
    """Return what `range_numbers` returns for one list."""
    reach = GAP + row_bytes
    starts: list[int] = [-reach - 1, 1 << 62]  # of the rows so far, ascending, between two bounds
    numbers, costs, found, count = dict[int, int](), list[int](), list[int](), 0
    for row in rows.tolist():
        start = row * row_bytes
        at = bisect_left(starts, start)
        before, after = start - starts[at - 1], starts[at] - start
        near = [numbers[other] for other in (start - before, start + after) if abs(other - start) <= reach]
        numbers[start] = min(near, default=count)
        costs.append(max(row_bytes, min(before, after)) if near else row_bytes + PAGE)
        count += not near
        found.append(numbers[start])
        starts.insert(at, start)
    return found, costs


@pytest.mark.slow
@pytest.mark.usefixtures("_kernel")
@given(
    lists=st.integers(1, 4),
    count=st.integers(0, 200),
    spread=st.sampled_from([1, 2, 10, 1_000]),
    row_bytes=st.sampled_from([44, 1_548, 6_156, 60_000]),
    seed=st.integers(0, 1_000),
)
@settings(max_examples=200, deadline=None)
def test_they_are_those_that_one_finds_row_by_row(
    lists: int, count: int, spread: int, row_bytes: int, seed: int
) -> None:
    dice = np.random.default_rng(seed)
    rows = np.array([dice.choice(count * spread, count, replace=False) for _ in range(lists)], np.int64)
    numbers, costs = range_numbers(rows, row_bytes, GAP, PAGE)
    for number, one in enumerate(rows):
        assert (numbers[number].tolist(), costs[number].tolist()) == row_by_row(one, row_bytes)


@pytest.mark.usefixtures("_kernel")
@pytest.mark.parametrize("rows", [range(600), range(599, -1, -1)], ids=["ascending", "descending"])
def test_a_long_run_is_one_range(rows: range) -> None:
    numbers, costs = range_numbers(np.array([rows]), 1_548, GAP, PAGE)
    assert numbers.tolist() == [[0] * 600]
    assert costs.tolist() == [[1_548 + PAGE] + [1_548] * 599]


@pytest.mark.usefixtures("_kernel")
def test_a_row_between_two_ranges_is_in_the_earlier_one() -> None:
    numbers, _ = range_numbers(np.array([[30, 10, 20, 100]]), 1_548, GAP, PAGE)
    assert numbers.tolist() == [[0, 1, 0, 2]]


@pytest.mark.parametrize("by_row", [[0, 2], [0, -1], [1, 1]])
def test_ranks_that_are_no_permutation_are_refused(by_row: list[int]) -> None:
    assert native is not None
    outputs = np.zeros((1, 2), np.int64), np.zeros((1, 2), np.int64)
    with pytest.raises(ValueError, match="each rank once"):
        native.range_numbers(np.array([[3, 4]]), np.array([by_row]), 8, 8, 8, *outputs)


def test_arrays_of_different_shapes_are_refused() -> None:
    assert native is not None
    rows = np.zeros((2, 3), np.int64)
    with pytest.raises(ValueError, match="the same shape"):
        native.range_numbers(rows, rows, 8, 8, 8, rows[:, :2].copy(), rows.copy())
