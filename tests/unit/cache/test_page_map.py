"""The page map gives the results of a set of page numbers."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vectord.cache.section_file import PAGE, ByteRange, PageMap

SIZES = st.integers(1, 12 * PAGE)


@st.composite
def sizes_and_ranges(draw: st.DrawFn) -> tuple[int, list[ByteRange], list[ByteRange]]:
    size = draw(SIZES)
    byte_range = st.tuples(st.integers(0, size), st.integers(0, size)).map(lambda ends: (min(ends), max(ends)))
    return size, draw(st.lists(byte_range, max_size=8)), draw(st.lists(byte_range, max_size=20))


def naive_missing(size: int, written: list[ByteRange], requested: list[ByteRange]) -> list[ByteRange]:
    pages = [(start, min(start + PAGE, size)) for start in range(0, size, PAGE)]
    present = {page for page in pages for start, stop in written if start <= page[0] and page[1] <= stop}
    wanted = [page for page in pages if any(max(page[0], a) < min(page[1], b) for a, b in requested)]
    merged: list[ByteRange] = []
    for start, stop in [page for page in wanted if page not in present]:
        merged = (
            [*merged[:-1], (merged[-1][0], stop)] if merged and merged[-1][1] == start else [*merged, (start, stop)]
        )
    return merged


def marked(size: int, written: list[ByteRange]) -> PageMap:
    pages = PageMap(size)
    for start, stop in written:
        pages.mark_present(*pages.pages_inside(start, stop))
    return pages


@pytest.mark.slow
@given(sizes_and_ranges())
@example((9 * PAGE, [], [(0, 9 * PAGE), (PAGE, 2 * PAGE), (5 * PAGE, 6 * PAGE)]))
def test_missing_pages_are_those_requested_and_not_written(case: tuple[int, list[ByteRange], list[ByteRange]]) -> None:
    size, written, requested = case
    assert marked(size, written).missing(requested) == naive_missing(size, written, requested)


@pytest.mark.slow
@given(sizes_and_ranges())
def test_none_requests_all_pages(case: tuple[int, list[ByteRange], list[ByteRange]]) -> None:
    size, written, _ = case
    assert marked(size, written).missing(None) == naive_missing(size, written, [(0, size)])


@pytest.mark.slow
@given(sizes_and_ranges())
def test_present_and_missing_bytes_add_up(case: tuple[int, list[ByteRange], list[ByteRange]]) -> None:
    size, written, _ = case
    pages = marked(size, written)
    absent = sum(stop - start for start, stop in pages.missing(None))
    assert (pages.present_bytes, pages.complete) == (size - absent, absent == 0)
    assert sum(stop - start for start, stop in pages.present_ranges()) == pages.present_bytes


@pytest.mark.slow
@given(sizes_and_ranges())
def test_ranges_may_be_an_array(case: tuple[int, list[ByteRange], list[ByteRange]]) -> None:
    size, written, requested = case
    pages = marked(size, written)
    assert pages.missing(np.array(requested, np.int64).reshape(-1, 2)) == pages.missing(requested)


@pytest.mark.parametrize("size", [PAGE - 1, PAGE, PAGE + 1])
def test_a_map_created_as_present_is_complete(size: int) -> None:
    assert PageMap(size, present=True).complete


def test_cleared_pages_are_missing_again() -> None:
    pages = marked(2 * PAGE, [(0, 2 * PAGE)])
    pages.clear()
    assert (pages.missing(None), pages.present_bytes) == ([(0, 2 * PAGE)], 0)
