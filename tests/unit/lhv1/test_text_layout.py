"""Where the parts of a section `text` are, and which form a list has."""

import pytest

from vectord.lhv1.text_layout import FieldCounts, TextLayout, form, frequency_bytes, row_bytes

# 100 terms are two blocks, whose first terms have 9 bytes together.
FIELD = FieldCounts(
    tokens=500,
    postings=77,
    terms=100,
    dictionary=2_000,
    first_terms=9,
    length_bytes=1,
    listed=2,
    directory_crc32=0,
    lengths_crc32=0,
)
EMPTY = FieldCounts(0, 0, 0, 0, 0, 1, 0, 0, 0)


def test_the_parts_follow_each_other() -> None:
    layout = TextLayout(50, (FIELD, EMPTY, FIELD))
    head = 12 + 3 * 44
    of_field = 2 * 9 + 9  # end, checksum and length of each first term; the first terms
    lengths = 50 + 2 * 8
    assert layout.directories == [
        (head, head + of_field),
        (head + of_field + lengths, head + of_field + lengths),
        (head + of_field + lengths + 50, head + 2 * of_field + lengths + 50),
    ]
    front = head + 2 * (of_field + lengths) + 50
    assert layout.front == front
    assert layout.dictionaries == [(front, front + 2_000), (front + 2_000,) * 2, (front + 2_000, front + 4_000)]
    lists = front + 4_000
    assert layout.postings == [(lists, lists + 77), (lists + 77,) * 2, (lists + 77, lists + 154)]
    assert (layout.end, layout.size) == (lists + 154, -(-(lists + 154) // 64) * 64)


@pytest.mark.parametrize(
    ("rows", "frequency", "expected", "size"),
    [
        (1, 1, "bits", 1),
        (16, 1, "numbers", 1),
        (256, 16, "numbers", 16),
        (257, 16, "numbers", 32),
        (15, 1, "bits", 2),
        (100, 6, "numbers", 6),
        (100, 7, "bits", 13),
        (65_536, 4_096, "numbers", 8_192),
        (65_536, 4_097, "bits", 8_192),
        (65_537, 4, "numbers", 16),
        (65_537, 5, "containers", 18),
        (65_537, 4_097, "bits", 8_193),
        (1_000_000, 32, "numbers", 128),
        (1_000_000, 33, "containers", 130),
        (1_000_000, 62_500, "containers", 125_064),
        (1_000_000, 62_501, "bits", 125_000),
        (2**32 - 1, 2**32 - 1, "bits", 2**29),
    ],
)
def test_the_form_of_a_list_is_the_shortest(rows: int, frequency: int, expected: str, size: int) -> None:
    assert (form(rows, frequency), row_bytes(rows, frequency)) == (expected, size)


def test_a_frequency_has_as_many_bytes_as_the_number_of_rows_needs() -> None:
    assert [frequency_bytes(rows) for rows in (1, 255, 256, 65_535, 65_536)] == [1, 1, 2, 2, 4]


def test_counts_of_a_field_that_can_be_right() -> None:
    assert [each.invalid_reason(50) for each in (FIELD, EMPTY)] == [None, None]


@pytest.mark.parametrize(
    "changed",
    [
        {"length_bytes": 0},
        {"length_bytes": 3},
        {"listed": 51},
        {"length_bytes": 2, "listed": 1},
        {"first_terms": 1},
        {"first_terms": 257},
        {"dictionary": 2 * 8 + 100 * 4 - 1},
        {"terms": 2**32 - 1},
        {"terms": 0},
    ],
)
def test_counts_of_a_field_that_contradict_each_other(changed: dict[str, int]) -> None:
    fields = {name: getattr(FIELD, name) for name in FIELD.__struct_fields__} | changed
    assert FieldCounts(**fields).invalid_reason(50)
