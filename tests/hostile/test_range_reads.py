"""Damage to an index of which a search reads ranges alone, so that no checksum of a section can be compared.

docs/lhv1.md lists what such a search checks. What it cannot know is whether the bits of a vector or the letters of an
id are those that were written: so one altered byte may alter one match, and never more than one.
"""

import json
import random
from collections.abc import Iterator
from functools import cache

import msgspec
import numpy as np
import pytest

from tests.support import hostile as h
from tests.support import vectors as v
from tests.support.hostile import Blob, Probe, Section
from tests.support.sections import PACKED
from vectord.errors import BlobError
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.rows import Item
from vectord.lhv1 import frame
from vectord.service.service import Service
from vectord.service.snapshots import cache as snapshots_cache

ROWS, DIMENSION, K = 6_000, 64, 5
PROBE = Probe(DIMENSION, "7")
FLIPS = 60  # of each section


@pytest.fixture(autouse=True)
def nothing_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a search read no more of this index at first than of one of a million rows: its envelope."""
    monkeypatch.setattr(snapshots_cache, "AHEAD_BYTES", snapshots_cache.HEAD_BYTES)


@cache
def _blob() -> bytes:
    matrix = np.random.default_rng(3).standard_normal((ROWS + 3, DIMENSION)) * np.arange(1, DIMENSION + 1) ** -0.6
    items = [
        Item(str(row), vector, msgspec.Raw(json.dumps({"row": row}).encode()))
        for row, vector in enumerate(matrix.astype(np.float32))
    ]
    first = encode.encode(
        mutations.upsert(v.empty(DIMENSION, m=2), items[:ROWS])[0], h.NAME, "c1", thresholds=PACKED
    ).blob
    encoded = encode.encode(mutations.upsert(decode.open_blob(first), items[ROWS:])[0], h.NAME, "c2", thresholds=PACKED)
    assert encoded.copied is not None
    return encoded.head + first[slice(*encoded.copied)] + encoded.new_bytes


@cache
def _head() -> frame.Head:
    return frame.decode(_blob())[0]


def _extent(name: str) -> tuple[int, int]:
    """Return where a section lies in the blob; the head counts as one."""
    if name == "head":
        return 0, _head().body_start
    places = zip(_head().envelope.sections, _head().section_starts(), strict=True)
    entry, start = next((entry, start) for entry, start in places if entry.name == name)
    return start, start + entry.bytes


def _flipped(at: int, bits: int) -> bytes:
    blob = bytearray(_blob())
    blob[at] ^= bits
    return bytes(blob)


def _sample(name: str) -> Iterator[tuple[int, int]]:
    dice, (start, stop) = random.Random(name), _extent(name)
    for _ in range(FLIPS):
        yield dice.randrange(start, stop), dice.choice((0x01, 0x10, 0x80, 0xFF))


def _without_room(blob: bytes) -> Service:
    """Return a function in which no section stays: it reads ranges, and never all of a large section."""
    return h.cold(blob, room=1)[0]


def _search(service: Service, use: str = "search") -> list[tuple[str, float, bytes | None]] | BlobError:
    found: list[tuple[str, float, bytes | None]] | BlobError = h.outcome(h.READS[use], service, PROBE)
    return found


@cache
def _truth(use: str = "search") -> list[tuple[str, float, bytes | None]]:
    found = _search(_without_room(_blob()), use)
    assert isinstance(found, list)
    assert len(found) == K
    return found


def test_the_search_goes_by_ranges() -> None:
    answer = _without_room(_blob()).search(h.NAME, PROBE.query, K, h.FOREVER).answer
    assert (answer.plan, answer.strategy) == ("ranges", "sketch")


@pytest.mark.parametrize("name", ["head", "sketch", "tail"])
def test_a_flip_in_what_a_search_reads_whole_is_refused(name: str) -> None:
    found = {place: _search(_without_room(_flipped(*place))) for place in _sample(name)}
    assert {place: answer for place, answer in found.items() if not isinstance(answer, BlobError)} == {}


@pytest.mark.parametrize("name", ["rows", "graph"])
def test_a_flip_in_what_is_read_in_part_alters_one_match_at_most(name: str) -> None:
    for place in _sample(name):
        found = _search(_without_room(_flipped(*place)))
        if not isinstance(found, BlobError):
            distances = [distance for _, distance, _ in found]
            assert np.isfinite(distances).all()
            assert distances == sorted(distances)
            assert len(set(found) - set(_truth())) <= 1
            assert len(found) == K


def _touched() -> list[int]:
    """Return an offset inside the vector and one inside the document of each match."""
    places = []
    graph, rows = _extent("graph")[0], _extent("rows")
    for vector_id, _, _ in _truth():
        row = decode.open_blob(_blob()).find([vector_id])[vector_id]
        if row < ROWS:
            places.append(graph + row * (12 + 4 * DIMENSION) + 12)
    body = _blob()[slice(*rows)]
    places += [rows[0] + body.index(text) for _, _, text in _truth() if text and text in body]
    return places


def test_a_flip_in_each_match_is_refused_or_alters_that_match_alone() -> None:
    assert len(_touched()) >= K
    for at in _touched():
        found = _search(_without_room(_flipped(at, 0x01)))
        assert isinstance(found, BlobError) or len(set(found) - set(_truth())) <= 1


@pytest.mark.parametrize("name", ["rows", "graph", "sketch", "tail"])
def test_a_function_with_room_for_all_refuses_every_flip(name: str) -> None:
    for place in list(_sample(name))[:20]:
        assert isinstance(_search(h.cold(_flipped(*place))[0], "warm"), BlobError)


def test_a_flip_that_a_search_by_ranges_cannot_see_is_refused_once_the_section_is_whole() -> None:
    at = _extent("graph")[1] - 1  # of the trees, which no search by ranges reads
    service = h.cold(_flipped(at, 0x01))[0]
    for _ in range(3):
        _search(service)
    assert isinstance(_search(service, "warm"), BlobError)
    assert isinstance(_search(service, "exact"), BlobError)


@cache
def _parts() -> Blob:
    return h.taken_apart(_blob())


@pytest.mark.parametrize(
    "sketch",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0" * 8, id="no rows"),
        pytest.param((ROWS + 1).to_bytes(4, "little"), id="a row more"),
        pytest.param(ROWS.to_bytes(4, "little") + b"\xff" * 4, id="planes by the milliard"),
        pytest.param(ROWS.to_bytes(4, "little") + b"\1\0\0\0" + b"\xff" * 4, id="a mean that is not finite"),
    ],
)
def test_a_sketch_that_lies_under_a_right_checksum_is_refused(sketch: bytes) -> None:
    right = bytes(_parts().of("sketch"))
    for data in (sketch, sketch + right[len(sketch) :]):
        lie = _parts().with_section("sketch", data).whole
        if data != right:
            assert isinstance(_search(_without_room(lie)), BlobError)


@pytest.mark.parametrize("name", ["rows", "graph"])
def test_a_section_that_ends_early_under_a_right_checksum_gives_no_wrong_answer(name: str) -> None:
    cut = _parts().with_section(name, bytes(_parts().of(name))[:-64]).whole
    for use in ("lookup", "search", "exact"):
        true = h.outcome(h.READS[use], _without_room(_blob()), PROBE)
        for service in (_without_room(cut), h.cold(cut)[0]):
            found = h.outcome(h.READS[use], service, PROBE)
            assert isinstance(found, BlobError) or use == "search" or found == true


def test_a_flip_in_the_columns_never_chooses_other_rows() -> None:
    assert _head().envelope.sections[1].name == "columns"
    for place in _sample("columns"):
        found = _search(_without_room(_flipped(*place)), "filtered")
        assert isinstance(found, BlobError) or found == _truth("filtered")


def test_sections_of_one_content_and_id_are_not_taken_for_each_other() -> None:
    sections = [Section(each.name, each.data, {"id": "same"}) for each in _parts().sections]
    assert _search(_without_room(Blob(_parts().envelope, sections).whole)) == _truth()
