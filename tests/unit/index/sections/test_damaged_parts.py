"""Damaged and forged sections `parts`: refused, or searched without a row that does not exist or occurs twice."""

import struct
from functools import cache

import numpy as np
import pytest

from tests.support.datasets import gaussian
from tests.support.partitions import Case, divided
from vectord.errors import BlobCorrupt
from vectord.index.sections.base import MemorySection
from vectord.index.sections.parts import Parts
from vectord.lhv1.parts_shape import PartsShape

ROWS, DIMENSION, PARTITIONS = 40, 70, 4
NAN, INF = float("nan"), float("inf")


@cache
def sound() -> Case:
    return divided(gaussian(ROWS, DIMENSION), PARTITIONS)


def search(data: bytes | None = None) -> set[tuple[int, ...]]:
    """Return what both ways to search all partitions find; check that these are rows, each once."""
    parts, partitions, found = sound().opened(data), np.arange(PARTITIONS), set()
    query = parts.query(gaussian(1, DIMENSION, 9)[0])
    assert sorted(parts.rank(query, PARTITIONS).tolist()) == partitions.tolist()
    for method in (parts.nearest, parts.estimated):
        rows = method(query, partitions, 2 * ROWS, None)[0].tolist()  # a row has up to two entries
        assert set(rows) <= set(range(ROWS))
        assert len(set(rows)) == len(rows)
        found.add(tuple(rows))
    return found


def test_the_undamaged_section_has_every_row() -> None:
    assert {tuple(sorted(rows)) for rows in search()} == {tuple(range(ROWS))}


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_an_altered_byte_is_refused_at_any_offset(flip: int) -> None:
    data, accepted = bytearray(sound().data), []
    for offset in range(len(data)):
        data[offset] ^= flip
        try:
            search(bytes(data))
            accepted.append(offset)
        except BlobCorrupt:
            pass
        data[offset] ^= flip
    assert accepted == []


@pytest.mark.slow
@pytest.mark.parametrize("flip", [0xFF, *(pytest.param(each, marks=pytest.mark.slow) for each in (0x01, 0x80))])
def test_an_altered_byte_under_correct_checksums_is_refused_or_harmless(flip: int) -> None:
    data, refused = bytearray(sound().data), 0
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= flip
        try:
            search(sound().resealed(changed))
        except BlobCorrupt:
            refused += 1
    assert 200 < refused < len(data)  # every count and row, but not every bit of a code


def field(name: str, number: int = 0) -> int:
    """Return the offset of an element, 4 bytes each, of an array in the head."""
    return int(getattr(sound().layout, name)) + 4 * number


def entry(name: str, partition: int, number: int) -> int:
    """Return the offset of the norm, factor or row of an entry of a partition; the last if `number` is -1."""
    case = sound()
    first, last = case.partitioning.first_entries[partition : partition + 2].tolist()
    count, start = last - first, case.layout.codes_range(first, last)[0] + 8 * case.layout.words * (last - first)
    place, size = {"norm": (0, 2), "factor": (2 * count, 2), "row": (4 * count, 4)}[name]
    return start + place + size * (number % count)


IN_FIRST = int(sound().partitioning.first_rows[1])  # primary rows of partition 0
PRIMARY = int(sound().partitioning.first_rows[2] - sound().partitioning.first_rows[1])  # rows of partition 1

FORGED = {
    "one row more": (0, "<I", ROWS + 1),
    "no rows": (0, "<I", 0),
    "one partition more": (4, "<I", PARTITIONS + 1),
    "4 billion partitions": (4, "<I", 2**32 - 1),
    "one entry fewer": (8, "<I", len(sound().partitioning.entry_rows) - 1),
    "a largest norm that is not a number": (16, "<f", NAN),
    "an infinite largest norm": (16, "<f", INF),
    "a negative largest norm": (16, "<f", -1.0),
    "a largest norm of 1e38": (16, "<f", 1e38),
    "a mean that is not a number": (field("mean", 3), "<f", NAN),
    "a mean that is infinite": (field("mean", DIMENSION - 1), "<f", -INF),
    "a mean of 3e38": (field("mean"), "<f", 3e38),
    "a first row that is not 0": (field("first_rows"), "<I", 1),
    "first rows that descend": (field("first_rows", 1), "<I", ROWS),
    "a first row beyond the last": (field("first_rows", 2), "<I", 2**32 - 1),
    "another number of rows at the end": (field("first_rows", PARTITIONS), "<I", ROWS - 1),
    "first entries that descend": (field("first_entries", 2), "<I", 0),
    "a first entry beyond the last": (field("first_entries", 1), "<I", 2**32 - 1),
    "another number of entries at the end": (field("first_entries", PARTITIONS), "<I", 2**31),
    "a partition of fewer entries than rows": (field("first_entries", 1), "<I", 1),
    "a scale that is not a number": (field("scales", 1), "<f", NAN),
    "a negative scale": (field("scales", 1), "<f", -0.5),
    "an infinite scale": (field("scales", 2), "<f", INF),
    "a norm of a centroid that is not a number": (field("norms", 1), "<f", NAN),
    "a norm of a centroid of 1e38": (field("norms", 1), "<f", 1e38),
    "a norm that is not a number": (entry("norm", 1, 0), "<e", NAN),
    "a norm larger than the largest": (entry("norm", 2, 3), "<e", 1.01),
    "a negative norm": (entry("norm", 1, -1), "<e", -0.25),
    "a factor that is not a number": (entry("factor", 1, 0), "<e", NAN),
    "a factor of 0": (entry("factor", 3, 2), "<e", 0.0),
    "an infinite factor": (entry("factor", 0, 0), "<e", INF),
    "a negative factor": (entry("factor", 0, -1), "<e", -0.5),
    "a row that does not exist": (entry("row", 1, -1), "<I", ROWS),
    "a row of 2^32 - 1": (entry("row", 1, -1), "<I", 2**32 - 1),
    "another row among the primary ones": (entry("row", 1, 0), "<I", 0),
    "a primary row among the spilled ones": (entry("row", 0, IN_FIRST), "<I", IN_FIRST - 1),
    "spilled rows that descend": (entry("row", 1, PRIMARY), "<I", ROWS - 1),
    "a spilled row twice": (entry("row", 1, PRIMARY), "<I", sound().rows_of(1)[PRIMARY + 1]),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_value_under_correct_checksums_is_refused(forged: tuple[int, str, float]) -> None:
    offset, kind, value = forged
    data = bytearray(sound().data)
    struct.pack_into(kind, data, offset, value)
    # The checksums of the partitions are those of the true directory: a false one does not match them anyway.
    resealed = sound().resealed(data)
    with pytest.raises(BlobCorrupt):
        search(resealed)
    if offset < sound().layout.codes:  # a reader of ranges computes them from the head
        with pytest.raises(BlobCorrupt):
            sound().opened(resealed).query(np.ones(DIMENSION, np.float32))


def test_first_rows_that_descend_at_a_partition_without_primary_rows_are_refused() -> None:
    def is_forgeable(case: Case) -> bool:
        rows, entries = np.diff(case.partitioning.first_rows), np.diff(case.partitioning.first_entries)
        return bool(rows[0] > 0 == rows[1] and entries[2] > rows[2])

    drawn = (divided(gaussian(9, DIMENSION), PARTITIONS, seed=seed) for seed in range(1_000))
    case = next(case for case in drawn if is_forgeable(case))
    data = bytearray(case.data)
    at = case.layout.first_rows + 4 * 2
    struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] - 1)
    with pytest.raises(BlobCorrupt):
        case.opened(case.resealed(data)).query(np.ones(DIMENSION, np.float32))


def test_a_partition_is_checked_again_in_another_buffer() -> None:
    parts, section = sound().opened(), MemorySection(sound().data)
    parts = Parts(section, ROWS, DIMENSION, "cosine", parts.shape)
    query, partitions = parts.query(np.ones(DIMENSION, np.float32)), np.arange(PARTITIONS)
    found = parts.nearest(query, partitions, ROWS)[0].tolist()
    section.buffer = section.buffer.copy()
    assert parts.nearest(query, partitions, ROWS)[0].tolist() == found
    section.buffer = section.buffer.copy()
    section.buffer[-1] ^= 1
    with pytest.raises(BlobCorrupt):
        parts.nearest(query, partitions, ROWS)


@pytest.mark.parametrize("size", [-8, -1, 1, 32])
def test_a_section_of_another_size_is_refused_before_a_range_of_it_is_read(size: int) -> None:
    with pytest.raises(BlobCorrupt, match="entries"):
        sound().opened((sound().data + bytes(32))[: len(sound().data) + size])


def test_a_shape_of_other_counts_is_refused() -> None:
    case = sound()
    parts = case.opened()
    for shape in (PartsShape(PARTITIONS, 41), PartsShape(3, 42), PartsShape(2**40, 2**40)):
        with pytest.raises(BlobCorrupt):
            Parts(parts.section, ROWS, DIMENSION, "cosine", shape)


def test_a_code_that_differs_in_its_second_partition_gives_its_row_once() -> None:
    case, data = sound(), bytearray(sound().data)
    first, last = case.partitioning.first_entries[:2].tolist()
    start, _ = case.layout.codes_range(first, last)
    data[start : start + 8 * case.layout.words * (last - first)] = bytes(8 * case.layout.words * (last - first))
    assert {tuple(sorted(rows)) for rows in search(case.resealed(data))} == {tuple(range(ROWS))}
