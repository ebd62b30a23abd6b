"""Section files behave like byte arrays for any order of writes, and the cache stays within its budget."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE, SectionFile
from vectord.lhv1.frame import SectionEntry

pytestmark = pytest.mark.slow  # many random cases

PAGES = 6
SPANS = st.tuples(st.integers(0, PAGES * PAGE), st.integers(0, PAGES * PAGE)).map(lambda ends: (min(ends), max(ends)))
DATA = [np.random.default_rng(seed).bytes(PAGES * PAGE - seed) for seed in range(5)]


def entry(which: int) -> SectionEntry:
    return SectionEntry("rows", len(DATA[which]), f"{zlib.crc32(DATA[which]):08x}", str(which))


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def present(section: SectionFile) -> list[tuple[int, int]]:
    ends = [0, *(end for span in section.missing(None) for end in span), section.size]
    return [(start, stop) for start, stop in zip(ends[::2], ends[1::2], strict=True) if start < stop]


@given(st.lists(SPANS, max_size=12))
def test_present_pages_have_the_written_bytes(spans: list[tuple[int, int]]) -> None:
    data = DATA[0]
    with folder() as path:
        section = SectionCache(path, 1 << 30).open(entry(0))
        for start, stop in spans:
            section.write(start, data[start:stop])
        for start, stop in present(section):
            assert section.buffer[start:stop].tobytes() == data[start:stop]


@given(st.randoms(use_true_random=False), st.sets(st.integers(1, PAGES * PAGE - 1), max_size=10))
def test_writing_the_missing_spans_completes_the_section(random: Random, cuts: set[int]) -> None:
    data = DATA[0]
    pieces = list(zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True))
    random.shuffle(pieces)
    with folder() as path:
        section = SectionCache(path, 1 << 30).open(entry(0))
        for piece in pieces:
            for start, stop in section.missing([piece]):
                section.write(start, data[start:stop])
        assert section.whole
        assert section.buffer.tobytes() == data


@given(st.integers(0, 3 * PAGES), st.lists(st.tuples(st.integers(0, 4), st.integers(0, PAGES - 1)), max_size=60))
def test_only_the_file_being_written_may_exceed_the_budget(pages: int, steps: list[tuple[int, int]]) -> None:
    with folder() as path:
        files = SectionCache(path, pages * PAGE)
        for which, page in steps:
            section = files.open(entry(which))
            section.write(page * PAGE, DATA[which][page * PAGE : (page + 1) * PAGE])
            own = section.size - sum(stop - start for start, stop in section.missing(None))
            assert files.used <= max(files.budget, own)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, PAGES - 1)), max_size=60))
def test_an_evicted_file_stays_usable_for_its_users(steps: list[tuple[int, int]]) -> None:
    with folder() as path:
        files = SectionCache(path, 2 * PAGES * PAGE)
        opened = [files.open(entry(which)) for which in range(5)]
        for which, page in steps:
            opened[which].write(page * PAGE, DATA[which][page * PAGE : (page + 1) * PAGE])
            assert opened[which].missing([(page * PAGE, page * PAGE + 1)]) == []
        for which, section in enumerate(opened):
            written = {page for file, page in steps if file == which}
            assert sum(stop - start for start, stop in section.missing(None)) == sum(
                min(PAGE, section.size - page * PAGE) for page in set(range(PAGES)) - written
            )
            for start, stop in present(section):
                assert section.buffer[start:stop].tobytes() == DATA[which][start:stop]
