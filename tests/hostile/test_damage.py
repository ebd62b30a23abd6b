"""Truncated and altered golden blobs in the store: every use case with an empty cache refuses them.

tests/golden does the same to the decoder, at every byte. These tests use a sample of the offsets.
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
    "pieces": h.Probe(71, "row-66 é"),
    "pieces-unbuilt": h.Probe(5, "row-05 é"),
    "parts-head": h.Probe(40, "row-60 é"),
}
SAMPLE = 40  # offsets of each blob besides those at its ends; the seed is fixed, so a failure can be repeated

every_blob = pytest.mark.parametrize("name", PROBES)


def _read(version: str, name: str) -> bytes:
    return (GOLDEN / version / f"{name}.lhv1").read_bytes()


def _offsets(blob: bytes, name: str) -> list[int]:
    """Return the first 16 offsets, the last, and a sample of the others."""
    ends = {*range(16), len(blob) - 1}
    chosen = random.Random(name).sample(range(len(blob)), min(SAMPLE, len(blob)))
    return sorted(ends.union(chosen) & set(range(len(blob))))


@every_blob
def test_every_use_case_works_on_the_undamaged_blob(name: str) -> None:
    for use, answer in h.outcomes(_read("v2", name), PROBES[name]).items():
        assert not isinstance(answer, BlobError), use


@pytest.mark.slow
@every_blob
def test_every_use_case_refuses_a_truncated_blob_and_does_not_change_it(name: str) -> None:
    blob = _read("v2", name)
    not_refused = {length: h.not_refused(blob[:length], PROBES[name]) for length in _offsets(blob, name)}
    assert {length: found for length, found in not_refused.items() if found} == {}


@pytest.mark.slow
@every_blob
def test_every_use_case_refuses_a_blob_with_an_altered_byte_and_does_not_change_it(name: str) -> None:
    blob, dice = _read("v2", name), random.Random(name)
    not_refused = {}
    for at in _offsets(blob, name):
        flip = dice.choice((0x01, 0x20, 0x80, 0xFF))
        if found := h.not_refused(blob[:at] + bytes([blob[at] ^ flip]) + blob[at + 1 :], PROBES[name]):
            not_refused[at, flip] = found
    assert not_refused == {}


@every_blob
@pytest.mark.parametrize("length", [0, 1, 2**31, 2**32 - 1])
def test_every_use_case_refuses_a_blob_with_a_wrong_envelope_length(name: str, length: int) -> None:
    blob = _read("v2", name)
    assert h.not_refused(blob[:4] + length.to_bytes(4, "big") + blob[8:], PROBES[name]) == {}


def _damaged_v1_blobs(name: str) -> Iterator[bytes]:
    blob, dice = _read("v1", name), random.Random(name)
    for at in _offsets(blob, name):
        yield blob[:at]
        yield blob[:at] + bytes([blob[at] ^ dice.choice((0x01, 0x20, 0x80, 0xFF))]) + blob[at + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["empty", "cosine", "euclidean", "many"])
def test_a_damaged_blob_of_version_1_is_refused_or_gives_finite_sorted_distances(name: str) -> None:
    for blob in _damaged_v1_blobs(name):
        service, _ = h.cold_service(blob)
        for use in ("search", "exact"):
            try:
                found = h.outcome(h.READS[use], service, h.Probe(3, "a"))
            except RequestInvalid:
                continue  # the damage changed the dimension consistently: the query has another one
            if not isinstance(found, BlobError):
                distances = [distance for _, distance, _ in found]
                assert np.isfinite(distances).all()
                assert distances == sorted(distances)
