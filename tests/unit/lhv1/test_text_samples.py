"""The samples of a section of texts: where the block of a term is by them, and what a reader refuses."""

import struct

import pytest

from vectord.errors import BlobCorrupt
from vectord.lhv1 import text_samples
from vectord.lhv1.text_samples import Run, separator

FRONT, SIZE = 1_000, 9_000
RUNS = [Run(b"", 10), Run(b"b", 30), Run(b"ca", 70)]
PACKED = struct.pack("<4I", 3, 10, 30, 70) + bytes([0, 1, 2]) + b"bca"


@pytest.mark.parametrize(
    ("before", "term", "expected"),
    [(b"abc", b"abd", b"abd"), (b"abc", b"b", b"b"), (b"ab", b"abcd", b"abc"), (b"\0", b"\0\0\1", b"\0\0")],
)
def test_a_separator_is_the_shortest_beginning_above_the_term_before(
    before: bytes, term: bytes, expected: bytes
) -> None:
    assert separator(before, term) == expected
    assert before < expected <= term


def test_samples_have_the_specified_bytes() -> None:
    assert text_samples.pack([RUNS, []]) == PACKED + bytes(4)


@pytest.mark.parametrize(
    ("term", "expected"),
    [(b"a", (1_000, 1_010)), (b"b", (1_010, 1_030)), (b"c", (1_010, 1_030)), (b"ca", (1_030, 1_070))],
)
def test_a_term_is_in_the_last_run_that_does_not_begin_above_it(term: bytes, expected: tuple[int, int]) -> None:
    [field] = text_samples.unpack(PACKED, 1, FRONT, SIZE)
    assert field.of_term(term) == [expected]


@pytest.mark.parametrize(
    ("prefix", "most", "expected"),
    [(b"c", 9, (1_010, 1_070)), (b"c", 1, (1_010, 1_030)), (b"b", 9, (1_010, 1_030)), (b"", 9, (1_000, 1_070))],
)
def test_a_prefix_has_the_runs_that_may_have_its_terms(prefix: bytes, most: int, expected: tuple[int, int]) -> None:
    [field] = text_samples.unpack(PACKED, 1, FRONT, SIZE)
    assert field.of_prefix(prefix, most) == [expected]


def test_the_blocks_of_a_field_follow_those_of_the_field_before() -> None:
    one, none, other = text_samples.unpack(PACKED + bytes(4) + PACKED, 3, FRONT, SIZE)
    assert none.of_term(b"a") == none.of_prefix(b"", 9) == []
    assert (one.of_term(b"a"), other.of_term(b"a")) == ([(1_000, 1_010)], [(1_070, 1_080)])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="no bytes"),
        pytest.param(PACKED[:-1], id="too short"),
        pytest.param(PACKED + b"\0", id="too long"),
        pytest.param(b"\xff\xff\xff\xff" + PACKED[4:], id="more runs than bytes"),
        pytest.param(struct.pack("<4I", 3, 10, 10, 70) + PACKED[16:], id="a run without bytes"),
        pytest.param(struct.pack("<4I", 3, 10, 30, 9_001) + PACKED[16:], id="blocks outside the section"),
        pytest.param(PACKED[:16] + bytes([0, 2, 1]) + b"cab", id="terms that do not ascend"),
        pytest.param(PACKED[:16] + bytes([1, 1, 1]) + b"abc", id="terms before the first run"),
        pytest.param(PACKED[:16] + bytes([0, 1, 200]) + b"bca", id="a term that is longer than all bytes"),
    ],
)
def test_samples_that_contradict_themselves_are_refused(data: bytes) -> None:
    with pytest.raises(BlobCorrupt, match="samples"):
        text_samples.unpack(data, 1, FRONT, SIZE)
