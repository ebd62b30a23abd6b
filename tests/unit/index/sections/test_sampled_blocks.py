"""The samples of a section of texts lead to the blocks of all of its terms, before the front is read."""

from collections.abc import Iterable, Sequence

import pytest

from tests.support.sections import RecordingFetch
from tests.support.texts import Counted, packed
from vectord.index.sections.base import ByteRange
from vectord.index.sections.text import Text
from vectord.index.sections.text_writer import PackedText
from vectord.lhv1 import text_samples
from vectord.lhv1.text_layout import SMALL
from vectord.lhv1.text_samples import LEAST_RUN, MOST_RUNS

ROWS = 300
TITLES: Sequence[Counted] = [{b"title": 1}] * ROWS
BODIES: Sequence[Counted] = [{f"{row % 30:02}-{n:05}".encode(): 1 for n in range(40)} for row in range(ROWS)]
TERMS = sorted({term for body in BODIES for term in body})


@pytest.fixture(scope="module")
def section() -> PackedText:
    found = packed(TITLES, BODIES)
    assert len(found.data) > SMALL
    return found


def cold(section: PackedText) -> tuple[Text, RecordingFetch]:
    fetch = RecordingFetch()
    return Text(fetch.section(section.data, "text"), ROWS, 2, section.front, samples=section.samples), fetch


def has(ranges: Iterable[ByteRange], wanted: Iterable[ByteRange]) -> bool:
    return all(any(start <= first and last <= stop for start, stop in ranges) for first, last in wanted)


def test_the_blocks_of_each_term_are_in_the_ranges_of_its_samples(section: PackedText) -> None:
    text, fetch = cold(section)
    sampled = {term: text.sampled_ranges({1: [term]}, (), 64) for term in TERMS}
    of_title = text.sampled_ranges({0: [b"title"]}, (), 64)
    fetch((text.section, [text.head]))
    assert all(has(ranges, text.block_ranges(1, [term])) for term, ranges in sampled.items())
    assert has(of_title, text.block_ranges(0, [b"title"]))
    sizes = [stop - start for [(start, stop)] in sampled.values()]
    assert max(sizes) < 2 * LEAST_RUN < len(section.data) // 4


@pytest.mark.parametrize("prefix", [b"0", b"07-", b"29-00039", b"x", b"!"])
def test_the_blocks_of_a_prefix_are_in_the_ranges_of_its_samples(section: PackedText, prefix: bytes) -> None:
    text, fetch = cold(section)
    sampled = text.sampled_ranges({}, [(1, prefix)], 128)
    fetch((text.section, [text.head]))
    assert has(sampled, text.prefix_ranges(1, prefix, 128))


def test_nothing_is_read_by_samples_when_the_front_was_read(section: PackedText) -> None:
    text, fetch = cold(section)
    fetch((text.section, [text.head]))
    assert text.sampled_ranges({1: TERMS}, [(1, b"0")], 64) == []


def test_a_section_without_samples_is_read_by_its_directory(section: PackedText) -> None:
    fetch = RecordingFetch()
    text = Text(fetch.section(section.data, "text"), ROWS, 2, section.front)
    assert text.sampled_ranges({1: TERMS}, [(1, b"0")], 64) == []


def test_a_small_section_has_no_samples() -> None:
    assert packed(TITLES).samples == b""


@pytest.mark.slow
def test_a_large_dictionary_has_few_samples() -> None:
    section = packed([dict.fromkeys((b"%064d" % number for number in range(60_000)), 1)])
    [field] = text_samples.unpack(section.samples, 1, section.front, len(section.data))
    assert MOST_RUNS // 2 < len(field.firsts) <= MOST_RUNS + 1
