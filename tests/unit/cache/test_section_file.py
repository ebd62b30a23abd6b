"""A section file: which pages are missing, when it is complete, and how wrong bytes are handled."""

import zlib
from pathlib import Path

import numpy as np
import pytest

from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import PAGE
from vectord.errors import BlobCorrupt
from vectord.lhv1.frame import SectionEntry

PLENTY = 1 << 30


def content(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def entry(data: bytes, ident: str = "a") -> SectionEntry:
    return SectionEntry("graph", len(data), f"{zlib.crc32(data):08x}", ident)


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def test_all_of_a_new_section_is_missing(tmp_path: Path) -> None:
    section = SectionCache(tmp_path, PLENTY).open(entry(content(10_000)))
    assert (section.missing(None), section.whole, section.size) == ([(0, 10_000)], False, 10_000)


def test_a_written_page_is_present_and_readable(tmp_path: Path) -> None:
    data = content(10_000)
    section = SectionCache(tmp_path, PLENTY).open(entry(data))
    section.write(PAGE, data[PAGE : 2 * PAGE])
    assert section.missing(None) == [(0, PAGE), (2 * PAGE, 10_000)]
    assert section.buffer[PAGE : 2 * PAGE].tobytes() == data[PAGE : 2 * PAGE]


def test_a_page_that_is_written_partly_stays_missing(tmp_path: Path) -> None:
    data = content(3 * PAGE)
    section = SectionCache(tmp_path, PLENTY).open(entry(data))
    section.write(1, data[1 : 2 * PAGE + 1])
    assert section.missing(None) == [(0, PAGE), (2 * PAGE, 3 * PAGE)]


def test_the_last_page_may_be_short(tmp_path: Path) -> None:
    data = content(PAGE + 7)
    files = SectionCache(tmp_path, PLENTY)
    section = files.open(entry(data))
    section.write(PAGE, data[PAGE:])
    assert (section.missing(None), files.used) == ([(0, PAGE)], 7)


def test_a_section_is_whole_after_its_last_page(tmp_path: Path) -> None:
    data = content(10_000)
    section = SectionCache(tmp_path, PLENTY).open(entry(data))
    section.write(PAGE, data[PAGE:])
    section.write(0, data[:PAGE])
    assert (section.whole, section.missing(None), section.missing([(5, 6)])) == (True, [], [])
    assert section.path is not None
    assert section.path.read_bytes() == data


def test_the_buffer_is_read_only(tmp_path: Path) -> None:
    data = content(2 * PAGE)
    section = SectionCache(tmp_path, PLENTY).open(entry(data))
    section.write(0, data[:PAGE])
    assert not section.buffer.flags.writeable


def test_no_file_is_created_before_the_first_byte(tmp_path: Path) -> None:
    section = SectionCache(tmp_path, PLENTY).open(entry(content(PAGE)))
    assert (section.path, section.buffer.size, list(tmp_path.iterdir())) == (None, 0, [])


def test_equal_content_has_the_same_file(tmp_path: Path) -> None:
    files, data = SectionCache(tmp_path, PLENTY), content(PAGE)
    first = files.open(entry(data))
    assert files.open(entry(data)) is first
    assert files.open(entry(data, "b")) is not first


def test_wrong_bytes_are_reported_and_removed(tmp_path: Path) -> None:
    files, data = SectionCache(tmp_path, PLENTY), content(2 * PAGE)
    with pytest.raises(BlobCorrupt, match="its section 'graph' does not match the checksum in the envelope"):
        files.open(entry(data)).write(0, bytes(2 * PAGE))
    assert (names(tmp_path), files.used) == ([], 0)
    again = files.open(entry(data))
    again.write(0, data)
    assert again.whole


def test_a_file_with_wrong_bytes_can_be_filled_again(tmp_path: Path) -> None:
    data = content(2 * PAGE)
    section = SectionCache(tmp_path, PLENTY).open(entry(data))
    with pytest.raises(BlobCorrupt):
        section.write(0, bytes(2 * PAGE))
    assert section.missing(None) == [(0, 2 * PAGE)]
    section.write(0, data)
    assert section.whole
    assert section.buffer.tobytes() == data


def test_a_present_page_is_not_overwritten(tmp_path: Path) -> None:
    data = content(2 * PAGE)
    section = SectionCache(tmp_path, PLENTY).open(entry(data))
    section.write(0, data[:PAGE])
    section.write(0, bytes(PAGE))
    assert section.buffer[:PAGE].tobytes() == data[:PAGE]


def test_an_empty_section_is_whole(tmp_path: Path) -> None:
    section = SectionCache(tmp_path, PLENTY).open(entry(b""))
    assert (section.whole, section.missing(None), section.path, len(section.buffer)) == (True, [], None, 0)


def test_an_empty_section_with_a_wrong_checksum_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(BlobCorrupt):
        SectionCache(tmp_path, PLENTY).open(SectionEntry("graph", 0, "00000001", "a"))


@pytest.mark.parametrize("span", [(-1, 5), (5, 4), (0, PAGE + 1)])
def test_a_span_outside_the_section_is_a_value_error(tmp_path: Path, span: tuple[int, int]) -> None:
    section = SectionCache(tmp_path, PLENTY).open(entry(content(PAGE)))
    with pytest.raises(ValueError, match="not within"):
        section.missing([(0, 1), span])


@pytest.mark.parametrize(("start", "data"), [(-1, b"xx"), (PAGE, b"x"), (0, bytes(PAGE + 1))])
def test_bytes_outside_the_section_are_a_value_error(tmp_path: Path, start: int, data: bytes) -> None:
    section = SectionCache(tmp_path, PLENTY).open(entry(content(PAGE)))
    with pytest.raises(ValueError, match="not within"):
        section.write(start, data)
