"""A commit writes a copy of the head of the partitions in front of the pieces, for the first read of a search."""

from functools import cache

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.sections import PackedIndex, cold, packed
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.rows import Item
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.lhv1.frame import Head
from vectord.lhv1.parts_copy import read_copy

DIMENSION = 8
COPYING = Thresholds(packed=1, tail_rows=1 << 30, part=100_000)  # a twelfth of a part is longer than the head
BASE = ["parts", "rows", "graph"]


@cache
def drawn() -> v.F32:
    return np.random.default_rng(1).normal(size=(3_010, DIMENSION)).astype(np.float32)


def some(first: int, stop: int) -> list[Item]:
    return [v.item(f"row-{row}", drawn()[row]) for row in range(first, stop)]


@cache
def _built() -> PackedIndex:
    return packed(some(0, 3_000), DIMENSION, COPYING)


def built(thresholds: Thresholds = COPYING) -> PackedIndex:
    """Return an index of 3,000 rows and nothing else. Its build does not depend on the size of a part."""
    index = _built().branch()
    index.thresholds = thresholds
    return index


def sections_of(blob: bytes) -> tuple[Head, dict[str, bytes]]:
    head, sections = frame.decode(blob)
    return head, {entry.name: bytes(data) for entry, data in sections.items()}


def copied(blob: bytes) -> bytes:
    """Return the bytes of the copy, which must be the first of `parts` and have its head."""
    sections = sections_of(blob)[1]
    data, parts = sections["parts-head"], decode.open_blob(blob).base
    copy = bytes(read_copy(memoryview(data), len(data), len(sections["parts"])))
    assert sections["parts"].startswith(copy)
    assert parts is not None
    assert parts.parts is not None
    assert len(copy) >= parts.parts.head[1]
    return copy


def names(blob: bytes) -> list[str]:
    return [entry.name for entry in sections_of(blob)[0].envelope.sections]


@pytest.mark.slow
def test_every_commit_after_a_build_writes_the_copy_again() -> None:
    written = built()
    assert names(written.blob) == BASE
    for number in range(3):
        encoded = written.add(*some(3_000 + number, 3_001 + number))
        assert [entry.name for entry, _ in encoded.sections] == ["parts-head", "piece"]
        assert len(copied(written.blob)) % 4_096 == 0
    assert names(written.blob) == ["parts-head", "piece", *BASE]
    written.remove("row-17")
    assert names(written.blob) == ["parts-head", "piece", *BASE]
    assert copied(written.blob)
    assert len(written.index) == 3_002
    assert written.index.find(["row-16", "row-17", "row-3002"]).keys() == {"row-16", "row-3002"}


@pytest.mark.slow
def test_the_next_build_writes_no_copy() -> None:
    written = built()
    written.add(*some(3_000, 3_001))
    written.commit(written.index, rebuild=True)
    assert names(written.blob) == BASE


@pytest.mark.slow
def test_the_copy_takes_the_place_of_spaces() -> None:
    encoded = built().add(*some(3_000, 3_001))
    assert 100_000 <= len(encoded.front) < 100_064
    assert len(encoded.head) - len(encoded.head.rstrip(b" ")) < 384
    assert len(encoded.head) % 64 == 0
    assert encoded.sections[0][0].bytes % 64 == 0


@pytest.mark.slow
def test_a_head_that_is_longer_than_a_twelfth_of_a_part_is_not_copied() -> None:
    written = built(Thresholds(packed=1, tail_rows=1 << 30, part=12_000))
    encoded = written.add(*some(3_000, 3_001))
    assert [entry.name for entry, _ in encoded.sections] == ["piece"]


def test_a_commit_that_adds_rows_reads_the_head_in_the_round_of_the_mean() -> None:
    written = built()
    index, fetch = cold(written.blob)
    changed = mutations.upsert(index, some(3_000, 3_001))[0]
    before = len(fetch.rounds)
    encoded = encode.encode(changed, "t", "c2", thresholds=COPYING)
    assert [entry.name for entry, _ in encoded.sections] == ["parts-head", "piece"]
    assert len(fetch.rounds) == before + 1


def test_a_commit_that_adds_no_rows_reads_nothing_for_the_copy() -> None:
    index, fetch = cold(built().blob)
    changed = mutations.remove(index, ["row-5"])[0]
    before = len(fetch.rounds)
    encoded = encode.encode(changed, "t", "c2", thresholds=COPYING)
    assert encoded.sections == ()
    assert len(fetch.rounds) == before
