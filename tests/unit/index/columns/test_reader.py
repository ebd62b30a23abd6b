"""Stored columns: which bytes a filter reads, and that damaged bytes are refused or change nothing."""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.support.columns import in_memory, mask_of, settled_rows, stored
from tests.support.sections import RecordingFetch, UnverifiedSection
from vectord.errors import BlobCorrupt
from vectord.filters.tree import Compare, Exists, Glob, In, Or, Prefix, paths
from vectord.index.columns import reader
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.model import Columns
from vectord.index.columns.reader import StoredColumns
from vectord.index.columns.writer import pack_columns
from vectord.index.sections.base import NOTHING_TO_FETCH, MemorySection


def test_a_filter_reads_the_directory_and_the_blocks_of_its_paths(
    many_documents: Sequence[Any], large_section: bytes
) -> None:
    fetch, rows = RecordingFetch(), len(many_documents)
    columns = StoredColumns(fetch.section(large_section, "columns"), rows)
    tree = Or((In("year", (7,)), In("nowhere", (1,))))
    mask = evaluate(tree, columns.read(paths(tree), fetch), rows)
    assert np.flatnonzero(mask.certain).tolist() == list(range(7, rows, 100))
    assert len(fetch.rounds) == 2
    assert fetch.bytes < len(large_section) / 7


def test_blocks_are_fetched_in_one_round_and_only_once(many_documents: Sequence[Any], large_section: bytes) -> None:
    fetch = RecordingFetch()
    columns = StoredColumns(fetch.section(large_section, "columns"), len(many_documents))
    for _ in range(2):
        columns.read(["name", "score", "year"], fetch)
    assert len(fetch.rounds) == 2


def test_a_directory_longer_than_the_first_read_is_read_completely() -> None:
    documents = [{f"key {row}-{at}": row for at in range(10)} for row in range(150)]
    fetch = RecordingFetch()
    assert reader._FIRST_READ < 16 * 1_500
    columns = StoredColumns(fetch.section(pack_columns(in_memory(documents)), "columns"), 150)
    tree = Exists("key 149-9")
    assert np.flatnonzero(evaluate(tree, columns.read(paths(tree), fetch), 150).certain).tolist() == [149]


def test_paths_with_the_same_crc32_are_not_confused() -> None:
    columns = stored([{"plumless": 1}, {"buckeroo": 2}, {"buckeroo": 1}])
    assert settled_rows(columns, In("plumless", (1,))) == [0]
    assert settled_rows(columns, In("buckeroo", (1,))) == [2]
    assert settled_rows(stored([{"plumless": 1}]), Exists("buckeroo")) == []


DOCUMENTS = [
    {"n": 1, "t": "short", "tags": ["b", "é"], "on": True, "deep": {"x": [None, False]}},
    {"n": 2**60 + 1, "t": "x" * 200, "tags": [], "on": False},
    {"n": 0.5, "plumless": 3},
    {"n": -1, "t": "b", "buckeroo": 4},
]
VALID = pack_columns(in_memory(DOCUMENTS))
FILTERS = [
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


def results(columns: Columns) -> list[Any]:
    return [(mask.certain.tolist(), mask.possible.tolist()) for mask in (mask_of(columns, tree) for tree in FILTERS)]


EXPECTED = results(StoredColumns(MemorySection(VALID), len(DOCUMENTS)))


def altered(at: int, flip: int) -> bytes:
    damaged = bytearray(VALID)
    damaged[at] ^= flip
    return bytes(damaged)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
@pytest.mark.slow
def test_an_altered_byte_is_refused_or_changes_nothing(flip: int) -> None:
    refused = 0
    for at in range(len(VALID)):
        try:
            assert results(StoredColumns(UnverifiedSection(altered(at, flip)), len(DOCUMENTS))) == EXPECTED
        except BlobCorrupt:
            refused += 1
    assert refused > len(VALID) * 0.8


@pytest.mark.parametrize("flip", [0x01, 0x80])
@pytest.mark.slow
def test_an_altered_byte_with_correct_checksums_causes_no_crash(flip: int) -> None:
    for at in range(len(VALID)):
        with suppress(BlobCorrupt):
            results(StoredColumns(with_correct_checksums(altered(at, flip)), len(DOCUMENTS)))


def with_correct_checksums(data: bytes) -> MemorySection:
    """Return a verified section whose directory has a correct checksum."""
    directory_end = 16 + 16 * int.from_bytes(data[4:8], "little")
    if directory_end <= len(data):
        data = data[:12] + zlib.crc32(data[16:directory_end], zlib.crc32(data[:12])).to_bytes(4, "little") + data[16:]
    return MemorySection(data)


@pytest.mark.parametrize("lengths", [b"\x03\x01", b"\x02\x02", b"\x01\x01", b"\x82\x01"])
def test_lengths_that_do_not_fit_the_dictionary_are_corrupt(lengths: bytes) -> None:
    section = pack_columns(in_memory([{"a": "aa"}, {"a": "b"}]))
    at = section.index(b"\x02\x01" + bytes(6) + b"aab")
    with pytest.raises(BlobCorrupt):
        StoredColumns(MemorySection(section[:at] + lengths + section[at + 2 :]), 2).read(["a"], NOTHING_TO_FETCH)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 100, 200, len(VALID) - 8, len(VALID) - 1])
def test_a_truncated_section_is_corrupt(length: int) -> None:
    fetch = RecordingFetch()
    data = VALID[:length]
    for section in (MemorySection(data), UnverifiedSection(data), fetch.section(data, "columns")):
        columns = StoredColumns(section, len(DOCUMENTS))
        with pytest.raises(BlobCorrupt):
            columns.read([path for tree in FILTERS for path in paths(tree)], fetch)


@pytest.mark.parametrize("end", [1, None, 2**40, 2**63, 2**64 - 1])
def test_a_block_outside_the_section_is_corrupt_and_not_fetched(
    end: int | None, many_documents: Sequence[Any], large_section: bytes
) -> None:
    last_end = 16 + 16 * int.from_bytes(large_section[4:8], "little") - 8
    data = large_section[:last_end] + (end or len(large_section)).to_bytes(8, "little") + large_section[last_end + 8 :]
    fetch = RecordingFetch()
    section = fetch.section(with_correct_checksums(data).buffer.tobytes(), "columns")
    with pytest.raises(BlobCorrupt):
        StoredColumns(section, len(many_documents)).read(["year", "name", "score", "tags"], fetch)
    assert len(fetch.rounds) == 1


@pytest.mark.parametrize("rows", [0, 3, 5, 2**31])
def test_a_section_with_another_number_of_rows_is_corrupt(rows: int) -> None:
    with pytest.raises(BlobCorrupt):
        StoredColumns(MemorySection(VALID), rows).read(["nowhere"], NOTHING_TO_FETCH)
