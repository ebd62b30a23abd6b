"""The section `text`: its bytes, and what a reader gets from a few ranges of it."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sections import RecordingFetch
from tests.support.texts import Counted, counted, opened, packed, postings, texts
from vectord.errors import BlobCorrupt
from vectord.index.sections.base import MemorySection
from vectord.index.sections.text import Text
from vectord.index.sections.text_postings import Postings
from vectord.index.sections.text_whole import all_postings
from vectord.index.sections.text_writer import pack
from vectord.lhv1.text_layout import SMALL


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def test_a_section_has_the_specified_bytes() -> None:
    body: list[Counted] = [{}] * 20
    body[3:5] = {b"b": 1, b"a": 300}, {b"a": 1}
    title: list[Counted] = [{"ç".encode(): 300}] * 20
    # a: bits of the rows 3 and 4, and counts of 2 bytes; b: the number of row 3, and a count of 1, which has no bytes
    block = struct.pack("<Q", 0) + bytes([1, 1]) + bytes([2, 0]) + bytes([2, 1]) + b"ab"
    block += bytes([0b11000, 0, 0]) + struct.pack("<2H", 300, 1) + bytes([3])
    lengths = bytes([0, 0, 0, 255, 1, *[0] * 15]) + u32(3, 301)
    directory = u32(len(block), zlib.crc32(block)) + b"\x01a"
    # ç: bits of all rows and counts of 2 bytes are 43 bytes, which are not in the block
    rows_and_counts = bytes([255, 255, 15]) + struct.pack("<20H", *[300] * 20)
    of_title = struct.pack("<Q", 0) + bytes([2]) + bytes([2]) + bytes([20]) + "ç".encode()
    lengths_of_title = struct.pack("<20H", *[300] * 20)
    directory_of_title = u32(len(of_title), zlib.crc32(of_title)) + b"\x02" + "ç".encode()
    counts = struct.pack(
        "<QQ7I", 302, 0, 2, len(block), 1, 1, 1, zlib.crc32(directory), zlib.crc32(lengths)
    ) + struct.pack(
        "<QQ7I", 6_000, 47, 1, len(of_title), 2, 2, 0, zlib.crc32(directory_of_title), zlib.crc32(lengths_of_title)
    )
    front = u32(20, 2) + u32(zlib.crc32(u32(20, 2) + counts)) + counts
    front += directory + lengths + directory_of_title + lengths_of_title
    expected = front + block + of_title + rows_and_counts + u32(zlib.crc32(rows_and_counts))
    section = packed(body, title)
    assert section.front == len(front)
    assert section.data == expected + bytes(-len(expected) % 64)


def same(first: Postings, second: Postings) -> bool:
    arrays = ("starts", "rows", "counts", "lengths")
    return list(first.terms) == list(second.terms) and all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays
    )


@pytest.mark.slow
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=40))
def test_what_was_written_is_read(rows: list[tuple[Counted, Counted]]) -> None:
    fields = [[row[number] for row in rows] for number in (0, 1)]
    text = opened(packed(*fields), len(rows), 2)
    for number, field in enumerate(fields):
        terms = {term for each in field for term in each}
        for term in terms:
            assert counted(text, number, term) == {row: each[term] for row, each in enumerate(field) if term in each}
        assert text.lengths(number).tolist() == [sum(each.values()) for each in field]
        assert text.tokens(number) == sum(sum(each.values()) for each in field)
        assert text.find(number, [b"\x00\x00\x00\x00", b"\xff" * 128]).keys() <= terms
        assert same(all_postings(text)[number], postings(field))


def zipf(rows: int, terms: int, tokens: int, seed: int = 1) -> Postings:
    """Return the postings of random texts, with some frequent and many rare terms."""
    draw = np.random.default_rng(seed)
    ids, of_row = np.minimum(draw.zipf(1.3, tokens), terms) - 1, draw.integers(0, rows, tokens)
    used, ranks = np.unique(ids, return_inverse=True)
    keys, counts = np.unique(ranks * rows + of_row, return_counts=True)
    starts = np.searchsorted(keys, np.arange(len(used) + 1) * rows)
    of_keys, lengths = (keys % rows).astype(np.uint32), np.bincount(of_row, minlength=rows).astype(np.uint32)
    return Postings([f"{number:05x}".encode() for number in used], starts, of_keys, counts.astype(np.uint32), lengths)


@pytest.mark.parametrize("rows", [70, 255, 256, 257, 65_535, 65_536, 65_537, 200_000])
def test_lists_of_every_form_are_read_one_by_one_and_together(rows: int) -> None:
    field = zipf(rows, 400, 60_000)
    section = pack([field])
    text = opened(section, rows)
    assert same(all_postings(text)[0], field)
    for number, term in enumerate(field.terms):
        start, stop = field.starts[number : number + 2]
        found = text.find(0, [term])[term]
        assert found.rows.tolist() == field.rows[start:stop].tolist()
        expected = field.counts[start:stop].tolist()
        assert expected == ([1] * len(expected) if found.counts is None else found.counts.tolist())


def test_lengths_are_written_in_the_shortest_way() -> None:
    short, some, more, many = [254] * 99, [3] * 98 + [70_000], [3] * 85 + [300] * 15, [255, 256] * 50
    widths = []
    for lengths in (short, some, more, many, [65_536] * 99):
        text = opened(packed([{b"a": length} for length in lengths]), len(lengths))
        assert text.lengths(0).tolist() == lengths
        counts = text.front.fields[0].counts
        widths.append((counts.length_bytes, counts.listed))
    assert widths == [(1, 0), (1, 1), (2, 0), (2, 0), (4, 0)]


def test_texts_without_a_term() -> None:
    text = opened(packed([{}, {}, {}]), 3)
    assert (text.find(0, [b"a"]), text.tokens(0), text.lengths(0).tolist()) == ({}, 0, [0, 0, 0])
    assert list(all_postings(text)[0].terms) == []


def test_a_section_ends_at_a_multiple_of_64_bytes() -> None:
    assert {len(packed([{b"a" * size: 1}]).data) % 64 for size in range(1, 70)} == {0}


@pytest.mark.parametrize("term", [b"", b"x" * 129])
def test_a_term_of_another_length_is_not_written(term: bytes) -> None:
    with pytest.raises(AssertionError):
        packed([{term: 1}])


def test_a_search_reads_the_front_some_blocks_and_the_long_lists() -> None:
    field, fetch = zipf(20_000, 5_000, 200_000), RecordingFetch()
    section = pack([field])
    text = Text(fetch.section(section.data, "text"), 20_000, 1, section.front)
    wanted = [field.terms[0], field.terms[int(field.frequencies.argmax())], field.terms[-1], b"no term"]
    assert text.head == (0, section.front)
    fetch((text.section, [text.head]))
    blocks = text.block_ranges(0, wanted)
    assert len(blocks) <= 4
    assert sorted(blocks) == blocks
    fetch((text.section, blocks))
    lists = text.list_ranges(0, wanted)
    fetch((text.section, lists))
    assert len(fetch.rounds) == 3
    assert fetch.bytes < len(section.data) // 4
    whole = opened(section, 20_000)
    for term in wanted:
        assert counted(text, 0, term) == counted(whole, 0, term)
    assert counted(text, 0, field.terms[0])
    assert whole.block_ranges(0, wanted) == whole.list_ranges(0, wanted) == []


def test_a_small_section_is_read_whole() -> None:
    section, fetch = packed([{b"a": 1, b"b": 70_000}] * 9), RecordingFetch()
    assert len(section.data) <= SMALL
    text = Text(fetch.section(section.data, "text"), 9, 1, section.front)
    fetch((text.section, [text.head]))
    assert counted(text, 0, b"b") == dict.fromkeys(range(9), 70_000)


def test_the_first_terms_with_a_prefix() -> None:
    terms = sorted(f"{word}{number:03}".encode() for word in ("ab", "b", "c") for number in range(100))
    section, fetch = packed([dict.fromkeys(terms, 1)] * 300), RecordingFetch()
    text = Text(fetch.section(section.data, "text"), 300, 1, section.front)
    fetch((text.section, [(0, section.front)]))
    for prefix, limit in (
        (b"b", 7),
        (b"b", 1_000),
        (b"b09", 20),
        (b"", 65),
        (b"a", 64),
        (b"bx", 3),
        (b"zz", 3),
        (b"A", 3),
    ):
        fetch((text.section, text.prefix_ranges(0, prefix, limit)))
        expected = [term for term in terms if term.startswith(prefix)][:limit]
        assert text.with_prefix(0, prefix, limit) == expected


def test_a_front_that_was_read_stays_valid_when_the_section_gets_another_buffer() -> None:
    field, fetch = zipf(20_000, 5_000, 200_000), RecordingFetch()
    section = pack([field])
    text = Text(fetch.section(section.data, "text"), 20_000, 1, section.front)
    fetch((text.section, [text.head]))
    before = text.front
    fetch((text.section, None))
    assert text.front is before
    assert same(all_postings(text)[0], field)


def test_a_section_that_is_not_aligned_in_memory_reads_the_same() -> None:
    field = zipf(70_000, 400, 60_000)
    section = pack([field])
    text = Text(MemorySection(memoryview(b"x" + section.data)[1:]), 70_000, 1, section.front)
    assert same(all_postings(text)[0], field)
    assert counted(text, 0, field.terms[0]) == counted(opened(section, 70_000), 0, field.terms[0])


@pytest.mark.parametrize("front", [0, 55, 1 << 20])
def test_a_front_that_the_section_cannot_have_is_refused(front: int) -> None:
    section = packed([{b"a": 1}])
    with pytest.raises(BlobCorrupt):
        Text(MemorySection(section.data), 1, 1, front)
