"""Golden blobs cut off and altered, stored, and asked by every use case of a function that has kept nothing.

tests/golden does the same at every byte to the decoder alone. Here a sample of the larger blobs has to do.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support import hostile as h
from vectord.errors import BlobError, RequestInvalid

GOLDEN = Path(__file__).parents[1] / "golden"
PROBES = {
    "empty": h.Probe(3, "a"),
    "cosine": h.Probe(3, "a"),
    "euclidean": h.Probe(3, "a"),
    "forest": h.Probe(3, "row-001"),
    "packed": h.Probe(33, "row-01 é"),
    "packed-euclidean": h.Probe(3, "row-01 é"),
}
SAMPLE = 150  # offsets of each blob; the seed is fixed, so that a failure comes again

both = pytest.mark.parametrize("name", PROBES)


def _read(version: str, name: str) -> bytes:
    return (GOLDEN / version / f"{name}.lhv1").read_bytes()


def _offsets(blob: bytes, name: str) -> list[int]:
    """Return every offset of a small blob, else the first 64, the last and a sample of the others."""
    ends = {*range(64), len(blob) - 1}
    chosen = random.Random(name).sample(range(len(blob)), min(SAMPLE, len(blob)))
    return sorted(ends.union(chosen) & set(range(len(blob))))


@both
def test_the_blobs_are_sound_before_they_are_damaged(name: str) -> None:
    for use, answer in h.answers(_read("v2", name), PROBES[name]).items():
        assert not isinstance(answer, BlobError), use


@both
def test_a_blob_cut_off_is_refused_by_every_use_case_and_left_as_it_is(name: str) -> None:
    blob = _read("v2", name)
    wrong = {length: h.answered(blob[:length], PROBES[name]) for length in _offsets(blob, name)}
    assert {length: found for length, found in wrong.items() if found} == {}


@both
def test_a_flip_of_one_byte_is_refused_by_every_use_case_and_left_as_it_is(name: str) -> None:
    blob, dice = _read("v2", name), random.Random(name)
    wrong = {}
    for at in _offsets(blob, name):
        flip = dice.choice((0x01, 0x20, 0x80, 0xFF))
        if found := h.answered(blob[:at] + bytes([blob[at] ^ flip]) + blob[at + 1 :], PROBES[name]):
            wrong[at, flip] = found
    assert wrong == {}


@both
@pytest.mark.parametrize("length", [0, 1, 2**31, 2**32 - 1])
def test_an_envelope_of_a_length_that_cannot_be_is_refused(name: str, length: int) -> None:
    blob = _read("v2", name)
    assert h.answered(blob[:4] + length.to_bytes(4, "big") + blob[8:], PROBES[name]) == {}


def _damaged_version_1(name: str) -> Iterator[bytes]:
    blob, dice = _read("v1", name), random.Random(name)
    for at in _offsets(blob, name):
        yield blob[:at]
        yield blob[:at] + bytes([blob[at] ^ dice.choice((0x01, 0x20, 0x80, 0xFF))]) + blob[at + 1 :]


@pytest.mark.parametrize("name", ["empty", "cosine", "euclidean", "many"])
def test_damaged_version_1_which_has_no_checksums_is_refused_or_answers_in_order(name: str) -> None:
    for blob in _damaged_version_1(name):
        service, _ = h.cold(blob)
        for use in ("search", "exact"):
            try:
                found = h.outcome(h.READS[use], service, h.Probe(3, "a"))
            except RequestInvalid:
                continue  # it says another dimension, and agrees with itself
            if not isinstance(found, BlobError):
                distances = [distance for _, distance, _ in found]
                assert np.isfinite(distances).all()
                assert distances == sorted(distances)
