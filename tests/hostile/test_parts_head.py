"""Damaged and forged copies of the head of the partitions: refused, or without an effect on any result."""

import random
import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from tests.support import hostile as h
from tests.support import vectors as v
from tests.support.forged import golden
from tests.support.hostile import Blob, Probe, Section
from tests.support.sections import packed
from vectord.errors import BlobError
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import frame
from vectord.service.values.options import SEARCH_HEAD_BYTES

pytestmark = pytest.mark.slow  # a large index

PROBE = Probe(64, "7")
GOLDEN = Probe(40, "row-60 é")
COPYING = Thresholds(packed=1, tail_rows=1 << 30, part=500_000)  # more than a search reads first


@cache
def _original() -> bytes:
    """Return a blob of 6,000 rows with a copy of 8,192 bytes, the first ones of its partitions, and a piece."""
    drawn = np.random.default_rng(3).standard_normal((6_003, 64)).astype(np.float32)
    items = [v.item(str(row), vector, {"row": row}) for row, vector in enumerate(drawn)]
    written = packed(items[:6_000], 64, COPYING)
    written.add(*items[6_000:])
    return written.blob


def _copy() -> tuple[int, int]:
    """Return where the copy starts and stops in the blob."""
    head = frame.decode(_original())[0]
    assert head.envelope.sections[0].name == "parts-head"
    start = head.body_start + 4
    return start, start + struct.unpack_from("<I", _original(), head.body_start)[0]


def test_only_the_copy_of_the_partitions_is_in_the_first_read() -> None:
    assert _copy()[1] - _copy()[0] == 8_192
    assert _copy()[1] < SEARCH_HEAD_BYTES < frame.decode(_original())[0].section_starts()[2]


@pytest.mark.slow
def test_damage_in_the_copy_is_refused_or_changes_no_result() -> None:
    dice, expected = random.Random(1), h.outcomes(_original(), PROBE, h.READS)
    for at in [*_copy(), *(dice.randrange(*_copy()) for _ in range(12))]:
        damaged = bytearray(_original())
        damaged[at] ^= 0x10
        for use, answer in h.outcomes(bytes(damaged), PROBE, h.READS).items():
            assert isinstance(answer, BlobError) or answer == expected[use], (at, use)


def test_partitions_that_were_completed_with_a_damaged_copy_are_refused() -> None:
    damaged = bytearray(_original())
    damaged[_copy()[0] + 5_000] ^= 0xFF
    service, _ = h.cold_service(bytes(damaged))
    for _ in range(2):  # the first search writes the copy to the cache
        h.outcome(h.READS["search"], service, PROBE)
    assert isinstance(h.outcome(h.READS["warm"], service, PROBE), BlobError)


def _with_copy(data: bytes) -> Blob:
    first, *others = golden("parts-head").sections
    return Blob(golden("parts-head").envelope, [Section(first.name, data, {"id": "forged"}), *others])


def _length(length: int) -> bytes:
    return struct.pack("<I", length) + bytes(golden("parts-head").sections[0].data[4:])


@pytest.mark.parametrize("length", [len(golden("parts-head").sections[3].data) + 1, 1 << 20, 2**32 - 1])
def test_a_copy_of_an_impossible_length_is_refused(length: int) -> None:
    assert h.not_refused(_with_copy(_length(length)).data, GOLDEN) == {}


HARMLESS = {
    "no copy": _length(0),
    "a shorter copy": _length(100),
    "no bytes": b"",
    "three bytes": b"\1\2\3",
    "only a length": struct.pack("<I", 0),
}


@pytest.mark.parametrize("data", HARMLESS.values(), ids=HARMLESS.keys())
def test_a_section_that_has_less_of_a_copy_changes_no_result(data: bytes) -> None:
    assert h.outcomes(_with_copy(data).data, GOLDEN) == h.outcomes(golden("parts-head").data, GOLDEN)


def test_a_copy_of_other_bytes_is_refused_by_whatever_reads_the_partitions() -> None:
    forged = _with_copy(struct.pack("<I", 4_096) + bytes(4_096))
    expected = h.outcomes(golden("parts-head").data, GOLDEN)
    for use, answer in h.outcomes(forged.data, GOLDEN).items():
        assert isinstance(answer, BlobError) or answer == expected[use], use
    assert isinstance(h.outcomes(forged.data, GOLDEN)["warm"], BlobError)


REFUSED = {
    "without partitions": lambda: Blob(
        {key: value for key, value in golden("parts-head").envelope.items() if key != "parts"},
        [each for each in golden("parts-head").sections if each.name != "parts"],
    ),
    "behind the pieces": lambda: Blob(
        golden("parts-head").envelope, [golden("parts-head").sections[at] for at in (1, 2, 0, 3, 4, 5, 6)]
    ),
    "twice": lambda: Blob(
        golden("parts-head").envelope, [golden("parts-head").sections[0], *golden("parts-head").sections]
    ),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED.keys())
def test_a_copy_in_another_place_is_refused(forge: Callable[[], Blob]) -> None:
    assert h.not_refused(forge().data, GOLDEN) == {}
