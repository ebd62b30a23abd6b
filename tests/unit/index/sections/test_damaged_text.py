"""Damaged and forged sections `text`: refused, or read without a row that does not exist or occurs twice."""

import struct
import zlib
from collections.abc import Callable
from functools import cache

import pytest

from tests.support.sections import RecordingFetch
from tests.support.texts import Counted, opened, packed, resealed
from vectord.errors import BlobCorrupt
from vectord.index.sections.text import Text
from vectord.index.sections.text_whole import all_postings
from vectord.index.sections.text_writer import PackedText
from vectord.lhv1.text_layout import COUNTS, HEAD, TextLayout

ROWS = 40
BODY: list[Counted] = [
    {b"all": 300 + row, b"half": 1} if row % 2 else {b"all": 1, f"row{row:02}".encode(): 2} for row in range(ROWS)
]
TITLE: list[Counted] = [{b"few": 1, b"long": 400} if row in (3, 30) else {} for row in range(ROWS)]
TERMS = sorted({term for field in (BODY, TITLE) for text in field for term in text})


@cache
def sound() -> PackedText:
    return packed(BODY, TITLE)


def layout() -> TextLayout:
    return opened(sound(), ROWS, 2).front.layout


def read(data: bytes) -> None:
    """Read all postings by both ways; check that the rows of each list exist and ascend."""
    text = opened(sound(), ROWS, 2, data)
    for field in (0, 1):
        for found in text.find(field, TERMS).values():
            rows = found.rows.tolist()
            assert rows == sorted(set(rows) & set(range(ROWS)))
            assert found.counts is None or len(found.counts) == len(rows)
    for each in all_postings(text):
        assert len(each.rows) == len(each.counts) == each.starts[-1]
        assert each.rows.max(initial=0) < ROWS


def search(data: bytes) -> None:
    """Read the lists of all terms as a search by ranges does."""
    fetch = RecordingFetch()
    text = Text(fetch.section(data, "text"), ROWS, 2, sound().front)
    fetch((text.section, [(0, sound().front)]))
    for ranges in (text.block_ranges, text.list_ranges):
        fetch((text.section, [each for field in (0, 1) for each in ranges(field, TERMS)]))
    for field in (0, 1):
        text.find(field, TERMS)


def test_the_undamaged_section_is_read() -> None:
    read(sound().data)
    search(sound().data)
    assert resealed(sound().data, layout()) == sound().data
    assert layout().fields[0].postings > 0


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_is_refused_at_any_offset(flip: int) -> None:
    data, accepted = bytearray(sound().data), []
    for offset in range(len(data)):
        data[offset] ^= flip
        try:
            all_postings(opened(sound(), ROWS, 2, bytes(data)))
            accepted.append(offset)
        except BlobCorrupt:
            pass
        data[offset] ^= flip
    assert accepted == []


def test_an_altered_byte_is_refused_by_a_search_that_reads_it() -> None:
    data, accepted = bytearray(sound().data), []
    for offset in range(len(data)):
        data[offset] ^= 0xFF
        text = opened(sound(), ROWS, 2, bytes(data))
        try:
            text.find(0, TERMS), text.find(1, TERMS)
            accepted.append(offset)
        except BlobCorrupt:
            pass
        data[offset] ^= 0xFF
    assert accepted == list(range(layout().end, layout().size))  # it does not read the zeros at the end


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_under_correct_checksums_is_refused_or_harmless(flip: int) -> None:
    data, refused = bytearray(sound().data), 0
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= flip
        try:
            read(resealed(changed, layout()))
        except BlobCorrupt:
            refused += 1
    assert refused > len(data) // 3  # every count, size and order, but not every letter of a term


def test_a_section_that_was_cut_is_refused() -> None:
    for size in range(0, len(sound().data), 7):
        with pytest.raises(BlobCorrupt):
            read(sound().data[:size])


def test_lengths_that_changed_places_are_refused() -> None:
    rows: list[Counted] = [{b"a": 1 + row % 2} for row in range(ROWS)]
    section = packed(rows)
    data, at = bytearray(section.data), opened(section, ROWS).front.layout.directories[0][1]
    data[at : at + 2] = data[at : at + 2][::-1]
    with pytest.raises(BlobCorrupt):
        opened(section, ROWS, 1, bytes(data)).lengths(0)


def count(field: int, name: str) -> int:
    """Return the offset of a count in the head."""
    at = HEAD.size + COUNTS.size * field
    names = ("tokens", "postings", "terms", "dictionary", "first_terms", "length_bytes", "listed")
    return at + {"tokens": 0, "postings": 8}.get(name, 16 + 4 * (names.index(name) - 2))


def block(field: int, name: str, term: int = 0) -> int:
    """Return the offset of a field of a block."""
    start, terms = layout().dictionaries[field][0], layout().fields[field].terms
    return start + {"base": 0, "length": 8 + term, "width": 8 + terms + term, "df": 8 + 2 * terms + term}[name]


def first_term(field: int) -> int:
    return layout().directories[field][0] + 9


def letters(field: int, number: int) -> int:
    """Return the offset of a term."""
    terms = sorted({term for text in (BODY, TITLE)[field] for term in text})
    return layout().dictionaries[field][0] + 8 + 3 * len(terms) + sum(map(len, terms[:number]))


ALL, LENGTHS = layout().postings[0][0], layout().directories[0][1]

FORGED = {
    "one row more": (4 * 0, "<I", ROWS + 1),
    "no rows": (0, "<I", 0),
    "one field fewer": (4, "<I", 1),
    "4 billion fields": (4, "<I", 2**32 - 1),
    "one token more": (count(0, "tokens"), "<Q", layout().fields[0].tokens + 1),
    "one byte of postings fewer": (count(0, "postings"), "<Q", layout().fields[0].postings - 1),
    "2^64 - 1 bytes of postings": (count(0, "postings"), "<Q", 2**64 - 1),
    "one term fewer": (count(0, "terms"), "<I", layout().fields[0].terms - 1),
    "4 billion terms": (count(0, "terms"), "<I", 2**32 - 1),
    "no terms": (count(0, "terms"), "<I", 0),
    "a dictionary of 4 GiB": (count(0, "dictionary"), "<I", 2**32 - 1),
    "an empty dictionary": (count(0, "dictionary"), "<I", 0),
    "first terms of 4 GiB": (count(0, "first_terms"), "<I", 2**32 - 1),
    "no first terms": (count(0, "first_terms"), "<I", 0),
    "lengths of 3 bytes": (count(0, "length_bytes"), "<I", 3),
    "lengths of 4 billion bytes": (count(0, "length_bytes"), "<I", 2**32 - 1),
    "4 billion listed lengths": (count(0, "listed"), "<I", 2**32 - 1),
    "an end of a block beyond the dictionary": (layout().directories[0][0], "<I", 2**32 - 1),
    "an end of a block of 0": (layout().directories[0][0], "<I", 0),
    "a first term of no bytes": (layout().directories[0][0] + 8, "<B", 0),
    "a first term of 255 bytes": (layout().directories[0][0] + 8, "<B", 255),
    "another first term": (first_term(0), "<B", ord("b")),
    "a length that the tokens do not have": (LENGTHS, "<B", 9),
    "a base beyond the postings": (block(0, "base"), "<Q", 1),
    "a base of 2^64 - 1": (block(0, "base"), "<Q", 2**64 - 1),
    "a base of 2^63": (block(0, "base"), "<Q", 2**63),
    "a term of no bytes": (block(0, "length", 1), "<B", 0),
    "a term of 200 bytes": (block(0, "length", 1), "<B", 200),
    "counts of an unknown type": (block(0, "width", 0), "<B", 4),
    "counts of another type": (block(0, "width", 0), "<B", 1),
    "a term of no row": (block(0, "df", 1), "<B", 0),
    "a term of more rows than there are": (block(0, "df", 0), "<B", ROWS + 1),
    "a term of one row fewer": (block(0, "df", 1), "<B", ROWS // 2 - 1),
    "a term that is not above the one before": (letters(0, 3), "<B", 0),
    "a term that is equal to the one before": (letters(0, 3), "<5s", b"row00"),
    "a row fewer in the bits of a list": (ALL, "<B", 0xFE),
    "a count of 0": (ALL + 5, "<H", 0),
    "zeros that are not zeros": (layout().end, "<B", 1),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_value_under_correct_checksums_is_refused(forged: tuple[int, str, int | bytes]) -> None:
    offset, kind, value = forged
    data = bytearray(sound().data)
    struct.pack_into(kind, data, offset, value)
    assert bytes(data) != sound().data
    with pytest.raises(BlobCorrupt):
        all_postings(opened(sound(), ROWS, 2, resealed(data, layout())))
    if offset < layout().end:
        with pytest.raises(BlobCorrupt):
            search(resealed(data, layout()))


# Lists that are not in a block, one term each: 100 rows of few for numbers of 2 bytes, and others of more than 65,536.
LISTS: dict[str, tuple[int, list[int], Callable[[bytearray], None]]] = {
    "numbers that descend": (1_000, list(range(0, 800, 20)), lambda data: struct.pack_into("<H", data, 4, 900)),
    "a number twice": (1_000, list(range(0, 800, 20)), lambda data: struct.pack_into("<H", data, 2, 0)),
    "a number that does not exist": (
        1_000,
        list(range(0, 800, 20)),
        lambda data: struct.pack_into("<H", data, 78, 1_000),
    ),
    "a number of 4 bytes that does not exist": (
        600_000,
        list(range(0, 599_000, 50_000)),
        lambda data: struct.pack_into("<I", data, 44, 2**32 - 1),
    ),
    "a container of more rows than the list": (
        70_000,
        list(range(0, 69_000, 3_000)),
        lambda data: struct.pack_into("<I", data, 0, 2**16),
    ),
    "a container of one row more": (
        70_000,
        list(range(0, 69_000, 3_000)),
        lambda data: struct.pack_into("<II", data, 0, 23, 0),
    ),
    "a row in the last container that does not exist": (
        70_000,
        list(range(0, 69_000, 3_000)),
        lambda data: struct.pack_into("<H", data, 8 + 2 * 22, 4_464),
    ),
    "bits behind the last row": (
        300,
        list(range(0, 300, 2)),
        lambda data: struct.pack_into("<BB", data, 36, 0x51, 0x15),
    ),
}


@pytest.mark.parametrize(("rows", "of_term", "change"), LISTS.values(), ids=LISTS.keys())
def test_a_forged_list_is_refused(rows: int, of_term: list[int], change: Callable[[bytearray], None]) -> None:
    texts: list[Counted] = [{}] * rows
    for row in of_term:
        texts[row] = {b"a": 1}
    section = packed(texts)
    text = opened(section, rows)
    start, stop = text.front.layout.postings[0]
    assert stop - start > 32
    assert text.find(0, [b"a"])[b"a"].rows.tolist() == of_term
    stored = bytearray(section.data[start : stop - 4])
    change(stored)
    assert len(stored) == stop - start - 4
    data = bytearray(section.data)
    data[start : stop - 4] = stored
    struct.pack_into("<I", data, stop - 4, zlib.crc32(stored))
    with pytest.raises(BlobCorrupt):
        opened(section, rows, 1, bytes(data)).find(0, [b"a"])
    with pytest.raises(BlobCorrupt):
        all_postings(opened(section, rows, 1, bytes(data)))


def test_lists_with_a_gap_between_them_are_refused_when_all_are_read() -> None:
    data = bytearray(packed(BODY).data)
    text = opened(packed(BODY), ROWS)
    field = text.front.fields[0].counts
    struct.pack_into("<Q", data, HEAD.size + 8, field.postings + 2)  # two bytes that no list has
    end = text.front.layout.end
    assert end + 2 <= len(data)
    forged = resealed(data, text.front.layout)
    with pytest.raises(BlobCorrupt, match="follow each other"):
        all_postings(opened(packed(BODY), ROWS, 1, forged))


@pytest.mark.parametrize("listed", [(1, 254), (2, 300)], ids=["a short one", "of another row"])
def test_a_forged_listed_length_is_refused(listed: tuple[int, int]) -> None:
    rows: list[Counted] = [{b"a": 300} if row == 1 else {b"b": 1} for row in range(60)]
    section = packed(rows)
    text = opened(section, 60)
    assert text.front.fields[0].counts.listed == 1
    data = bytearray(section.data)
    struct.pack_into("<II", data, text.front.layout.directories[0][1] + 60, *listed)
    struct.pack_into("<Q", data, HEAD.size, text.tokens(0) - 300 + listed[1])
    with pytest.raises(BlobCorrupt, match="listed"):
        opened(section, 60, 1, resealed(data, text.front.layout)).lengths(0)


def test_a_frequency_of_4_billion_is_refused_before_a_list_is_read() -> None:
    rows: list[Counted] = [{b"a": 1}] * 70_000
    section = packed(rows)
    layout_of, data = opened(section, 70_000).front.layout, bytearray(section.data)
    struct.pack_into("<I", data, layout_of.dictionaries[0][0] + 10, 2**32 - 1)
    forged = opened(section, 70_000, 1, resealed(data, layout_of))
    for refused in (lambda: forged.find(0, [b"a"]), lambda: all_postings(forged)):
        with pytest.raises(BlobCorrupt, match="of more rows than there are"):
            refused()


def test_a_forged_section_does_not_make_a_reader_allocate_more_than_its_rows() -> None:
    with pytest.raises(BlobCorrupt):
        opened(sound(), 2**32 - 1, 2).find(0, [b"all"])  # as many rows as an envelope can say
