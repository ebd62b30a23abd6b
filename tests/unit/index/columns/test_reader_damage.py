"""Columns that are not what was written are found corrupt, or answer what was."""

import zlib
from contextlib import suppress
from typing import Any

import pytest

from tests.support.columns import MANY, SECTION, in_memory, told
from tests.support.sections import RecordingFetch
from vectord.errors import BlobCorrupt
from vectord.filters.tree import Compare, Exists, Glob, In, Prefix, paths
from vectord.index.columns.model import Columns
from vectord.index.columns.reader import StoredColumns
from vectord.index.columns.writer import pack_columns
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection

SMALL = [
    {"n": 1, "t": "short", "tags": ["b", "é"], "on": True, "deep": {"x": [None, False]}},
    {"n": 2**60 + 1, "t": "x" * 200, "tags": [], "on": False},
    {"n": 0.5, "plumless": 3},
    {"n": -1, "t": "b", "buckeroo": 4},
]
SOUND = pack_columns(in_memory(SMALL))
QUESTIONS = [
    Exists("deep"),
    In("n", (1, 2**60)),
    Compare("n", "$lt", 1),
    Compare("t", "$gt", "c"),
    Glob("t", "s*"),
    Prefix("tags", "b"),
    In("on", (True, False)),
    In("deep.x", (None,)),
    In("plumless", (3,)),
    In("buckeroo", (4,)),
    Exists("nowhere"),
]


class Here(MemorySection):
    """A section of which all that is asked for is here, and whose checksum nobody could check yet."""

    whole = False


def answers(columns: Columns) -> list[Any]:
    return [(found.certain.tolist(), found.possible.tolist()) for found in (told(columns, each) for each in QUESTIONS)]


TRUTH = answers(StoredColumns(MemorySection(SOUND), len(SMALL)))


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_a_flip_of_any_byte_is_found_or_changes_nothing(flip: int) -> None:
    found = 0
    for at in range(len(SOUND)):
        damaged = bytearray(SOUND)
        damaged[at] ^= flip
        try:
            assert answers(StoredColumns(Here(bytes(damaged)), len(SMALL))) == TRUTH
        except BlobCorrupt:
            found += 1
    assert found > len(SOUND) * 0.8


@pytest.mark.parametrize("flip", [0x01, 0x02, 0x20, 0x80, 0xFF])
def test_no_byte_that_passed_the_checksum_leads_to_a_crash(flip: int) -> None:
    for at in range(len(SOUND)):
        damaged = bytearray(SOUND)
        damaged[at] ^= flip
        with suppress(BlobCorrupt):
            answers(StoredColumns(_resealed(bytes(damaged)), len(SMALL)))


def _resealed(data: bytes) -> MemorySection:
    """Return a section in which somebody made every checksum right again."""
    paths = int.from_bytes(data[4:8], "little")
    start = 16 + 16 * paths
    if start <= len(data):
        data = data[:12] + zlib.crc32(data[16:start], zlib.crc32(data[:12])).to_bytes(4, "little") + data[16:]
    return MemorySection(data)


@pytest.mark.parametrize("lengths", [b"\x03\x01", b"\x02\x02", b"\x01\x01", b"\x82\x01"])
def test_words_of_another_length_than_theirs_are_corrupt(lengths: bytes) -> None:
    section = pack_columns(in_memory([{"a": "aa"}, {"a": "b"}]))
    at = section.index(b"\x02\x01" + bytes(6) + b"aab")
    with pytest.raises(BlobCorrupt):
        StoredColumns(MemorySection(section[:at] + lengths + section[at + 2 :]), 2).read(["a"], NOTHING_TO_FETCH)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100, 200, len(SOUND) - 8, len(SOUND) - 1])
def test_a_section_cut_off_is_corrupt(length: int) -> None:
    fetch = RecordingFetch()
    for section in (MemorySection(SOUND[:length]), Here(SOUND[:length]), fetch.section(SOUND[:length], "columns")):
        columns = StoredColumns(section, len(SMALL))
        with pytest.raises(BlobCorrupt):
            columns.read([path for tree in QUESTIONS for path in paths(tree)], fetch)


@pytest.mark.parametrize("end", [0, len(SECTION), 2**40, 2**63, 2**64 - 1])
def test_a_block_that_lies_nowhere_is_corrupt_before_it_is_asked_for(end: int) -> None:
    paths = int.from_bytes(SECTION[4:8], "little")
    last = 16 + 16 * paths - 8
    fetch = RecordingFetch()
    damaged = _resealed(SECTION[:last] + end.to_bytes(8, "little") + SECTION[last + 8 :]).buffer.tobytes()
    with pytest.raises(BlobCorrupt):
        StoredColumns(fetch.section(damaged, "columns"), len(MANY)).read(["year", "name", "score", "tags"], fetch)
    assert len(fetch.rounds) == 1


@pytest.mark.parametrize("rows", [0, 3, 5, 2**31])
def test_a_section_of_other_rows_than_the_graphs_is_corrupt(rows: int) -> None:
    with pytest.raises(BlobCorrupt):
        StoredColumns(MemorySection(SOUND), rows).read(["nowhere"], NOTHING_TO_FETCH)
