"""The section `parts-head`: which bytes of `parts` it copies, and what a reader accepts."""

import pytest

from vectord.errors import BlobCorrupt
from vectord.lhv1 import parts_copy

PARTS = bytes(range(256)) * 64  # 16 KiB


@pytest.mark.parametrize(
    ("head", "parts", "copied"),
    [
        pytest.param(1, 16_384, 4_096, id="whole pages, as a cache keeps them"),
        pytest.param(4_096, 16_384, 4_096, id="a head of whole pages"),
        pytest.param(4_097, 16_384, 8_192, id="a head that ends in a page"),
        pytest.param(5_000, 6_000, 6_000, id="all of a short section"),
        pytest.param(99_000, 1 << 30, 102_400, id="the longest copy"),
        pytest.param(102_401, 1 << 30, 0, id="none of a head that is too long"),
    ],
)
def test_the_copy_has_all_pages_of_the_head(head: int, parts: int, copied: int) -> None:
    assert parts_copy.copy_size(head, parts, 102_400) == copied


def test_a_copy_is_padded_and_read_as_it_was_written() -> None:
    section = parts_copy.pack(memoryview(PARTS)[:8_192], 20_000)
    assert len(section) == 20_000
    assert section[:4] == (8_192).to_bytes(4, "little")
    assert parts_copy.read_copy(memoryview(section), 20_000, len(PARTS)) == PARTS[:8_192]


def test_a_copy_that_needs_more_bytes_is_not_cut() -> None:
    section = parts_copy.pack(PARTS, 10, 64)
    assert len(section) == len(PARTS) + 64
    assert parts_copy.read_copy(memoryview(section), len(section), len(PARTS)) == PARTS


@pytest.mark.parametrize(("read", "copied"), [(0, 0), (3, 0), (4, 0), (5, 1), (8_196, 8_192), (9_000, 8_192)])
def test_of_a_section_that_was_read_in_part_as_much_is_copied(read: int, copied: int) -> None:
    section = memoryview(parts_copy.pack(PARTS[:8_192], 20_000))
    assert parts_copy.read_copy(section[:read], 20_000, len(PARTS)) == PARTS[:copied]


@pytest.mark.parametrize("length", [len(PARTS) + 1, 2**32 - 1])
def test_a_copy_longer_than_the_partitions_is_refused(length: int) -> None:
    section = length.to_bytes(4, "little") + PARTS
    with pytest.raises(BlobCorrupt):
        parts_copy.read_copy(memoryview(section), 1 << 40, len(PARTS))


def test_a_copy_longer_than_its_section_is_refused() -> None:
    section = (101).to_bytes(4, "little") + PARTS
    with pytest.raises(BlobCorrupt):
        parts_copy.read_copy(memoryview(section), 104, len(PARTS))
