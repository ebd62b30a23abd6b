"""Which ranges of a section are fetched is known for many of them at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sections import RecordingFetch
from vectord.cache.section_file import PAGE
from vectord.index.sections.base import MemorySection, are_present

PAGES = 6
SIZE = PAGES * PAGE - 100
starts = st.lists(st.integers(0, SIZE - 1) | st.sampled_from(range(0, SIZE, PAGE)), max_size=8)


@given(st.sets(st.integers(0, PAGES - 1)), starts, st.integers(1, 3 * PAGE))
def test_a_range_is_present_if_all_of_its_pages_are(pages: set[int], starts: list[int], size: int) -> None:
    fetch = RecordingFetch()
    section = fetch.section(bytes(SIZE))
    fetch((section, [(page * PAGE, min(SIZE, page * PAGE + 1)) for page in sorted(pages)]))
    at = np.array([start for start in starts if start + size <= SIZE], np.int64)
    expected = [set(range(start // PAGE, (start + size - 1) // PAGE + 1)) <= pages for start in at.tolist()]
    assert are_present(section, at, size).tolist() == expected


def test_ranges_may_have_different_sizes() -> None:
    fetch = RecordingFetch()
    section = fetch.section(bytes(SIZE))
    fetch((section, [(0, 1)]))
    assert are_present(section, np.array([0, 0]), np.array([PAGE, PAGE + 1])).tolist() == [True, False]


def test_all_of_a_section_in_memory_is_present() -> None:
    assert are_present(MemorySection(bytes(10)), np.array([0, 4]), 6).tolist() == [True, True]
