"""Ranges are joined where that is faster than another request, and further if a round would have many requests."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.index.query.coalescing import (
    CODE_REQUESTS,
    MAX_GAP,
    MAX_REQUESTS,
    in_few_requests,
    is_second_wave,
    joined,
    within_reach,
)
from vectord.index.sections.base import ByteRange, MemorySection

PAGE = 4_096
NEAR = 48 << 10  # bytes


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Ascending ranges of whole pages with gaps between them."""
    gaps = draw(st.lists(st.integers(1, 30), min_size=1, max_size=120))
    found, at = [], 0
    for gap in gaps:
        start = at + gap * PAGE
        at = start + draw(st.integers(1, 20)) * PAGE
        found.append((start, at))
    return found


def gaps(wanted: list[tuple[int, int]]) -> list[int]:
    return sorted(after[0] - before[1] for before, after in pairwise(wanted))


@given(wanted=spans())
def test_merged_ranges_cover_the_requested_ones_in_order_without_overlap(wanted: list[tuple[int, int]]) -> None:
    found = joined(wanted, NEAR)
    assert all(any(start <= a and b <= stop for start, stop in found) for a, b in wanted)
    assert all(before[1] < after[0] for before, after in pairwise(found))
    assert {start for start, _ in found} <= {start for start, _ in wanted}
    assert {stop for _, stop in found} <= {stop for _, stop in wanted}


@given(wanted=spans())
def test_merged_ranges_include_only_small_gaps(wanted: list[tuple[int, int]]) -> None:
    waste = sum(stop - start for start, stop in joined(wanted, NEAR)) - sum(stop - start for start, stop in wanted)
    assert waste <= sum(gap for gap in gaps(wanted) if gap <= NEAR)


@given(wanted=spans())
def test_the_number_of_merged_ranges_is_the_number_of_large_gaps_plus_one(wanted: list[tuple[int, int]]) -> None:
    assert len(joined(wanted, NEAR)) == 1 + sum(gap > NEAR for gap in gaps(wanted))


def test_ranges_with_small_gaps_are_merged() -> None:
    assert joined([(0, PAGE), (2 * PAGE, 3 * PAGE), (7 * PAGE, 8 * PAGE)], NEAR) == [(0, 8 * PAGE)]


@pytest.mark.parametrize("wanted", [[(0, 100), (10, 20)], [(0, 20), (10, 100)], [(0, 100), (0, 100)]])
def test_ranges_that_overlap_are_covered(wanted: list[tuple[int, int]]) -> None:
    assert joined(wanted, 0) == [(0, 100)]


def test_ranges_with_large_gaps_stay_separate() -> None:
    wanted = [(0, PAGE), (100 * PAGE, 101 * PAGE)]
    assert joined(wanted, NEAR) == wanted


def far_apart(*gaps: int) -> list[ByteRange]:
    """Ranges of one page with the given gaps between them."""
    starts = np.cumsum([0, *(gap + PAGE for gap in gaps)]).tolist()
    return [(start, start + PAGE) for start in starts]


@pytest.fixture
def sections() -> tuple[MemorySection, MemorySection]:
    return MemorySection(b""), MemorySection(b"")


def test_a_round_of_few_requests_joins_small_gaps_alone(sections: tuple[MemorySection, MemorySection]) -> None:
    [(_, found)] = in_few_requests([(sections[0], far_apart(MAX_GAP, MAX_GAP + 1, 100_000))], 3)
    assert found == joined(far_apart(MAX_GAP, MAX_GAP + 1, 100_000), MAX_GAP)
    assert found is not None
    assert len(found) == 3


def test_a_round_of_many_requests_is_joined_by_its_least_gaps(sections: tuple[MemorySection, MemorySection]) -> None:
    one, other = sections
    found = in_few_requests([(one, far_apart(40_000, 20_000, 60_000)), (other, far_apart(30_000, 50_000))], 4)
    assert [len(ranges or []) for _, ranges in found] == [2, 2]
    assert [section for section, _ in found] == [one, other]


def test_a_round_of_a_second_wave_of_requests_is_joined_by_wider_gaps(
    sections: tuple[MemorySection, MemorySection],
) -> None:
    [(_, found)] = in_few_requests([(sections[0], far_apart(*[200_000] * 39))], MAX_REQUESTS)
    assert len(found or []) == 1
    [(_, fewer)] = in_few_requests([(sections[0], far_apart(*[200_000] * 30))], MAX_REQUESTS)
    assert len(fewer or []) == 31


def test_several_queries_have_as_many_connections_each(sections: tuple[MemorySection, MemorySection]) -> None:
    wanted = far_apart(*[200_000] * 63)
    [(_, found)] = in_few_requests([(sections[0], wanted)], 2 * MAX_REQUESTS, 2)
    assert found == wanted


@pytest.mark.parametrize(("gap", "queries", "expected"), [(60_000, 1, False), (70_000, 1, True), (70_000, 2, False)])
def test_a_round_of_many_distant_ranges_is_a_second_wave(
    gap: int, queries: int, *, expected: bool, sections: tuple[MemorySection, MemorySection]
) -> None:
    wanted = [(sections[0], far_apart(*[gap] * 19)), (sections[1], far_apart(*[gap] * 12))]
    assert is_second_wave(wanted, queries) == expected
    assert not is_second_wave([wanted[0]], queries)


def test_wide_gaps_are_not_read_to_save_a_request(sections: tuple[MemorySection, MemorySection]) -> None:
    [(_, found)] = in_few_requests([(sections[0], far_apart(*[1 << 20] * 9, 50_000))], 2)
    assert len(found or []) == 10


def test_a_section_that_is_read_as_a_whole_stays_whole(sections: tuple[MemorySection, MemorySection]) -> None:
    one, other = sections
    assert in_few_requests([(one, None), (other, far_apart(60_000))], 1) == [(one, None), (other, [(0, 68_192)])]


def starts_of(sizes: list[int]) -> np.ndarray:
    """Return where the codes of partitions of these sizes start, and where the last end."""
    return np.cumsum([1_000, *sizes])


def runs(numbers: list[int]) -> list[list[int]]:
    """Divide ascending numbers where one is missing."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return found


@given(
    count=st.integers(1, 700),
    share=st.floats(0.01, 1),
    size=st.sampled_from([100, 7_000, 20_000]),
    seed=st.integers(0, 999),
)
def test_a_search_reads_the_ranges_with_the_nearest_partitions(count: int, share: float, size: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    starts = starts_of(dice.integers(0, 2 * size, count).tolist())
    ranked = dice.permutation(count)[: min(150, max(1, int(share * count)))]
    read = within_reach(ranked.tolist(), starts.tolist())
    gap = max(MAX_GAP, 384 * len(ranked))
    # All ranges, each with the place of its nearest partition.
    spans = joined([(int(starts[each]), int(starts[each + 1])) for each in sorted(ranked.tolist())], gap)
    span_of = {int(each): max(at for at, span in enumerate(spans) if span[0] <= starts[each]) for each in ranked}
    kept = list(dict.fromkeys(span_of[int(each)] for each in ranked))[:CODE_REQUESTS]
    assert set(ranked.tolist()) & set(read) == {int(each) for each in ranked if span_of[int(each)] in kept}
    assert read == sorted(set(read))
    assert len(runs(read)) <= CODE_REQUESTS
    assert sum(int(starts[each + 1] - starts[each]) for each in read) == sum(
        stop - start for at, (start, stop) in enumerate(spans) if at in kept
    )


def test_partitions_between_two_that_are_near_are_read_too() -> None:
    assert within_reach([9, 2, 4], starts_of([7_000] * 20).tolist()) == [2, 3, 4, 9]


def test_the_more_partitions_are_probed_the_wider_the_gaps_that_are_read() -> None:
    starts = starts_of([10_000] * 3_000)
    few, many = np.arange(0, 80, 4), np.arange(0, 400, 4)
    assert within_reach(few.tolist(), starts.tolist()) == few.tolist()
    assert within_reach(many.tolist(), starts.tolist()) == list(range(397))


@pytest.mark.parametrize("count", [0, 1, 151, 1_000])
def test_no_partition_is_left_out_of_very_few_or_many(count: int) -> None:
    ranked = np.random.default_rng(0).permutation(1_000)[:count] * 10
    assert within_reach(ranked.tolist(), starts_of([7_000] * 10_000).tolist()) == sorted(ranked.tolist())
