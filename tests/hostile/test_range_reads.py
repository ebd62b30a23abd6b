"""Damage to an index that a search reads by ranges, where the checksum of a section cannot be compared.

docs/lhv1.md lists what such a search checks. It cannot detect an altered byte inside a vector or an id that it reads.
So one altered byte may change one match, and never more than one.
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
from tests.support.services import a_query
from tests.support.sketched import with_sketch
from vectord.errors import BlobError
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.rows import Item
from vectord.index.sections.parts import Parts
from vectord.lhv1 import frame
from vectord.service.service import Service
from vectord.service.snapshots import cache as snapshots_cache

ROWS, DIMENSION, K = 3_000, 64, 5
PROBE = Probe(DIMENSION, "7")
FLIPS = 25  # altered bytes per section


@pytest.fixture(autouse=True)
def no_prefetch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the first read fetch only the envelope, as for an index of a million rows."""
    monkeypatch.setattr(snapshots_cache, "SEARCH_HEAD_BYTES", snapshots_cache.HEAD_BYTES)


@cache
def _original(kind: str = "parts") -> bytes:
    """Return a blob with partitions, or with the sketch of an earlier vectord."""
    matrix = np.random.default_rng(3).standard_normal((ROWS + 3, DIMENSION)) * np.arange(1, DIMENSION + 1) ** -0.6
    items = [
        Item(str(row), vector, msgspec.Raw(json.dumps({"row": row}).encode()))
        for row, vector in enumerate(matrix.astype(np.float32))
    ]
    first = encode.encode(
        mutations.upsert(v.empty(DIMENSION, m=2), items[:ROWS])[0], h.NAME, "c1", thresholds=PACKED
    ).blob
    if kind == "sketch":
        first = with_sketch(first)
    encoded = encode.encode(mutations.upsert(decode.open_blob(first), items[ROWS:])[0], h.NAME, "c2", thresholds=PACKED)
    assert encoded.copied is not None
    return encoded.front + first[slice(*encoded.copied)]


@cache
def _head(kind: str = "parts") -> frame.Head:
    return frame.decode(_original(kind))[0]


def _span_of(name: str, kind: str = "parts") -> tuple[int, int]:
    """Return the span of a section, or of the head, in the blob."""
    if name == "head":
        return 0, _head(kind).body_start
    places = zip(_head(kind).envelope.sections, _head(kind).section_starts(), strict=True)
    entry, start = next((entry, start) for entry, start in places if entry.name == name)
    return start, start + entry.bytes


def _altered(at: int, bits: int, kind: str = "parts") -> bytes:
    blob = bytearray(_original(kind))
    blob[at] ^= bits
    return bytes(blob)


def _random_flips(name: str, kind: str = "parts") -> Iterator[tuple[int, int]]:
    dice, (start, stop) = random.Random(name), _span_of(name, kind)
    for _ in range(FLIPS):
        yield dice.randrange(start, stop), dice.choice((0x01, 0x10, 0x80, 0xFF))


def _service_without_cache(blob: bytes) -> Service:
    """Return a service whose cache has no room, so that it always reads ranges of large sections."""
    return h.cold_service(blob, cache_bytes=1)[0]


def _search(service: Service, use: str = "search") -> list[tuple[str, float, bytes | None]] | BlobError:
    found: list[tuple[str, float, bytes | None]] | BlobError = h.outcome(h.READS[use], service, PROBE)
    return found


@cache
def _expected(use: str = "search", kind: str = "parts") -> list[tuple[str, float, bytes | None]]:
    found = _search(_service_without_cache(_original(kind)), use)
    assert isinstance(found, list)
    assert len(found) == K
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "strategy"), [("parts", "partitions"), pytest.param("sketch", "sketch", marks=pytest.mark.slow)]
)
def test_a_search_without_cache_reads_ranges(kind: str, strategy: str) -> None:
    answer = _service_without_cache(_original(kind)).search(h.NAME, a_query(PROBE.query, K), h.FOREVER).answer
    assert (answer.plan, answer.strategy) == ("ranges", strategy)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("head", "parts"),
        ("piece", "parts"),
        pytest.param("head", "sketch", marks=pytest.mark.slow),
        pytest.param("sketch", "sketch", marks=pytest.mark.slow),
    ],
)
def test_damage_in_a_section_that_is_read_completely_is_refused(name: str, kind: str) -> None:
    found = {place: _search(_service_without_cache(_altered(*place, kind))) for place in _random_flips(name, kind)}
    assert {place: answer for place, answer in found.items() if not isinstance(answer, BlobError)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["parts", "sketch"])
@pytest.mark.parametrize("name", ["rows", "graph"])
def test_damage_in_a_section_that_is_read_partly_changes_at_most_one_match(name: str, kind: str) -> None:
    for place in _random_flips(name, kind):
        found = _search(_service_without_cache(_altered(*place, kind)))
        if not isinstance(found, BlobError):
            distances = [distance for _, distance, _ in found]
            assert np.isfinite(distances).all()
            assert distances == sorted(distances)
            assert len(set(found) - set(_expected(kind=kind))) <= 1
            assert len(found) == K


def _parts() -> Parts:
    base = decode.open_blob(_original()).base
    assert base is not None
    assert base.parts is not None
    return base.parts


@pytest.mark.slow
def test_damage_in_the_partitions_is_refused_or_not_read() -> None:
    head_stop = _span_of("parts")[0] + _parts().head[1]
    for at, bits in _random_flips("parts"):
        found = _search(_service_without_cache(_altered(at, bits)))
        assert isinstance(found, BlobError) or (at >= head_stop and found == _expected())


@pytest.mark.slow
def test_damage_in_a_partition_that_is_probed_is_refused() -> None:
    parts = _parts()
    [nearest] = parts.rank(parts.query(PROBE.query.astype(np.float32)), 1)
    starts = parts.layout.codes + parts.first_entries[nearest : nearest + 2] * parts.layout.entry_bytes
    for offset in np.linspace(starts[0], starts[1] - 1, 20).astype(int).tolist():
        found = _search(_service_without_cache(_altered(_span_of("parts")[0] + offset, 0x01)))
        assert isinstance(found, BlobError)


def _offsets_of_matches() -> list[int]:
    """Return an offset inside the vector, and one inside the document, of each match."""
    offsets = []
    graph, rows = _span_of("graph")[0], _span_of("rows")
    for vector_id, _, _ in _expected():
        row = decode.open_blob(_original()).find([vector_id])[vector_id]
        if row < ROWS:
            offsets.append(graph + row * (12 + 4 * DIMENSION) + 12)
    body = _original()[slice(*rows)]
    offsets += [rows[0] + body.index(text) for _, _, text in _expected() if text and text in body]
    return offsets


@pytest.mark.slow
def test_damage_in_a_match_is_refused_or_changes_only_that_match() -> None:
    assert len(_offsets_of_matches()) >= K
    for at in _offsets_of_matches():
        found = _search(_service_without_cache(_altered(at, 0x01)))
        assert isinstance(found, BlobError) or len(set(found) - set(_expected())) <= 1


@pytest.mark.parametrize("name", ["rows", "graph", "parts", "piece"])
def test_a_service_that_caches_whole_sections_refuses_any_damage(name: str) -> None:
    for place in list(_random_flips(name))[:10]:
        assert isinstance(_search(h.cold_service(_altered(*place))[0], "warm"), BlobError)


def test_damage_outside_the_ranges_is_refused_once_the_section_is_complete() -> None:
    at = _span_of("graph")[1] - 1  # in the trees, which a search by ranges does not read
    service = h.cold_service(_altered(at, 0x01))[0]
    for _ in range(3):
        _search(service)
    assert isinstance(_search(service, "warm"), BlobError)
    assert isinstance(_search(service, "exact"), BlobError)


@cache
def _forgeable(kind: str = "parts") -> Blob:
    return h.take_apart(_original(kind))


@pytest.mark.parametrize(
    "sketch",
    [
        pytest.param(b"", id="no bytes"),
        pytest.param(b"\0" * 8, id="no rows"),
        pytest.param((ROWS + 1).to_bytes(4, "little"), id="one row more"),
        pytest.param(ROWS.to_bytes(4, "little") + b"\xff" * 4, id="4 billion planes"),
        pytest.param(ROWS.to_bytes(4, "little") + b"\1\0\0\0" + b"\xff" * 4, id="a mean that is not finite"),
    ],
)
@pytest.mark.slow
def test_a_forged_sketch_with_a_correct_checksum_is_refused(sketch: bytes) -> None:
    right = bytes(_forgeable("sketch").section("sketch"))
    for data in (sketch, sketch + right[len(sketch) :]):
        forged = _forgeable("sketch").with_section("sketch", data).data
        if data != right:
            assert isinstance(_search(_service_without_cache(forged)), BlobError)


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 8, 20, 5_000, -32, -1])
def test_partitions_of_another_size_under_a_correct_checksum_are_refused(size: int) -> None:
    right = bytes(_forgeable().section("parts"))
    forged = _forgeable().with_section("parts", right[:size] if size >= 0 else right + right[size:]).data
    assert isinstance(_search(_service_without_cache(forged)), BlobError)
    assert isinstance(_search(h.cold_service(forged)[0], "warm"), BlobError)


FORGED_PLANS = {
    "a plan of every partition": [[2**20, 4, 8, 1.0, 1.0]],
    "a plan of requests beyond 31 bits": [[1, 4, 2**31, 1.0, 1.0]],
    "a plan without a row": [[1, 0, 8, 1.0, 1.0]],
}


@pytest.mark.parametrize("cold", FORGED_PLANS.values(), ids=FORGED_PLANS.keys())
def test_a_forged_plan_is_refused(cold: list[list[float]]) -> None:
    forged = _forgeable().with_keys(parts={**_forgeable().envelope["parts"], "cold": cold}).data
    assert isinstance(_search(_service_without_cache(forged)), BlobError)


@pytest.mark.slow
@pytest.mark.parametrize("curves", [{"warm": [], "cold": []}, {"cold": [[1, 1, 1, 1.0, 1.0]]}], ids=["none", "one row"])
def test_curves_that_promise_too_much_or_nothing_give_full_answers(curves: dict[str, list[list[float]]]) -> None:
    forged = _forgeable().with_keys(parts={**_forgeable().envelope["parts"], **curves}).data
    found = _search(_service_without_cache(forged))
    assert not isinstance(found, BlobError)
    assert len(found) == K


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rows", "graph"])
def test_a_truncated_section_with_a_correct_checksum_gives_no_wrong_result(name: str) -> None:
    cut = _forgeable().with_section(name, bytes(_forgeable().section(name))[:-64]).data
    for use in ("lookup", "search", "exact"):
        expected = h.outcome(h.READS[use], _service_without_cache(_original()), PROBE)
        for service in (_service_without_cache(cut), h.cold_service(cut)[0]):
            found = h.outcome(h.READS[use], service, PROBE)
            assert isinstance(found, BlobError) or use == "search" or found == expected


def test_damage_in_the_columns_is_refused_or_selects_the_same_rows() -> None:
    assert "columns" in {entry.name for entry in _head().envelope.sections}
    for place in _random_flips("columns"):
        found = _search(_service_without_cache(_altered(*place)), "filtered")
        assert isinstance(found, BlobError) or found == _expected("filtered")


def test_sections_with_equal_ids_are_not_confused() -> None:
    sections = [Section(each.name, each.data, {"id": "same"}) for each in _forgeable().sections]
    assert _search(_service_without_cache(Blob(_forgeable().envelope, sections).data)) == _expected()
