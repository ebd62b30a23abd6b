"""Forged blobs, whose checksums are correct and whose content is not: refused, or read with a true result."""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support import forged
from tests.support import hostile as h
from tests.support.forged import PARTS, ROW, A, forest, golden, with_graph, with_rows, with_vector
from tests.support.hostile import Blob, Probe, Section
from vectord.errors import BlobError


@pytest.mark.parametrize("name", ["empty", "cosine", "packed", "packed-euclidean"])
def test_a_reassembled_blob_gives_the_same_results(name: str) -> None:
    probe = Probe(golden(name).envelope["params"]["dimension"], "row-01 é")
    reassembled, original = golden(name).data, (forged.GOLDEN / f"{name}.lhv1").read_bytes()
    assert _decoded(h.outcomes(reassembled, probe)) == _decoded(h.outcomes(original, probe))


def _decoded(found: dict[str, Any]) -> dict[str, Any]:
    """Return the outcomes with decoded metadata, because reassembly changes its whitespace."""

    def decode(answer: Any) -> Any:
        if not isinstance(answer, list):
            return answer
        return [(name, distance, text and json.loads(text)) for name, distance, text in answer]

    return {use: decode(answer) for use, answer in found.items()}


REFUSED = {
    "a plain graph of more dimensions": lambda: (with_graph("cosine", forest(4, rows=3)), A),
    "a plain graph of fewer dimensions": lambda: (with_graph("cosine", forest(2, rows=3)), A),
    "a plain graph of the other metric": lambda: (with_graph("cosine", forest(3, "euclidean", 3)), A),
    "a plain graph of more rows": lambda: (with_graph("cosine", forest(3, rows=4)), A),
    "a plain graph of fewer rows": lambda: (with_graph("cosine", forest(3, rows=2)), A),
    "a plain graph with a vector that is not finite": lambda: (with_vector(golden("cosine"), 2, [0, np.nan, 1]), A),
    "a packed graph of too few bytes": lambda: (with_graph("packed", forest(11)), ROW),
    "another dimension": lambda: (golden("cosine").with_params(dimension=4), A),
    "another dimension that divides the tails": lambda: (
        golden("packed").with_params(dimension=11),
        Probe(11, "row-01 é"),
    ),
    "another distance": lambda: (golden("cosine").with_params(distance="euclidean"), A),
    "a dimension of 2^70": lambda: (golden("cosine").with_params(dimension=2**70), A),
    "2^62 rows": lambda: (golden("packed").with_keys(graph_rows=2**62), ROW),
    "2^70 rows": lambda: (golden("packed").with_keys(graph_rows=2**70), ROW),
    "a removed row that does not exist": lambda: (golden("packed").with_keys(removed=[2**40]), ROW),
    "an effort beyond 31 bits": lambda: (golden("packed").with_keys(calibration={"forest": {str(2**31): 1.0}}), ROW),
    "a section of negative length": lambda: (golden("cosine").with_section("graph", bytes=-840), A),
    "a section of 2^63 bytes": lambda: (golden("cosine").with_section("graph", bytes=2**63), A),
    "a section of 2^64 bytes": lambda: (golden("cosine").with_section("graph", bytes=2**64), A),
    "a section that exceeds the body": lambda: (golden("packed").with_section("graph", bytes=6_913), ROW),
    "sections that do not fill the body": lambda: (golden("packed").with_section("graph", bytes=6_911), ROW),
    "a graph listed twice": lambda: (forged.with_section_twice("graph"), ROW),
    "rows listed twice": lambda: (forged.with_section_twice("rows"), ROW),
    "a sketch listed twice": lambda: (forged.with_section_twice("sketch"), ROW),
    "partitions without their key": lambda: (forged.without_key("parts", "parts"), PARTS),
    "the key of partitions without them": lambda: (
        golden("packed").with_keys(parts={"partitions": 1, "entries": 40}),
        ROW,
    ),
    "partitions beside a sketch": lambda: (forged.with_sketch_beside_partitions(), PARTS),
    "2^62 partitions": lambda: (golden("parts").with_keys(parts={"partitions": 2**62, "entries": 2**62}), PARTS),
    "one entry more": lambda: (golden("parts").with_keys(parts={"partitions": 6, "entries": 81}), PARTS),
    "one partition more": lambda: (golden("parts").with_keys(parts={"partitions": 7, "entries": 80}), PARTS),
    "a checksum that is not hexadecimal": lambda: (golden("cosine").with_section("graph", crc32="é"), A),
    "two overlapping sections": lambda: (forged.with_overlapping_sections(), ROW),
    "an empty graph": lambda: (Blob({**golden("empty").envelope, "ids": ["a"]}, [Section("graph", b"")]), A),
    "an empty graph of no rows": lambda: (Blob(golden("empty").envelope, [Section("graph", b"")]), A),
    "a bucket index created before 1970": lambda: (
        golden("bucket-index").with_keys(s3vectors={"created": -1}),
        Probe(3, "row-0"),
    ),
    "a bucket index with shards": lambda: (
        golden("empty").with_params(shards=2, generation="g").with_keys(s3vectors={"created": 1}),
        Probe(3, "a"),
    ),
    "shards and rows in one blob": lambda: (golden("cosine").with_params(shards=2, generation="g"), A),
}


@pytest.mark.parametrize("forge", REFUSED.values(), ids=REFUSED.keys())
def test_every_use_case_refuses_a_blob_that_contradicts_itself(forge: Callable[[], tuple[Blob, Probe]]) -> None:
    blob, probe = forge()
    assert h.not_refused(blob.data, probe) == {}


NEVER_WRONG = {
    "a packed graph of more dimensions": lambda: with_graph("packed", forest(34)),
    "a packed graph of the other metric": lambda: with_graph("packed", forest(forged.DIMENSION, "euclidean")),
    "the other distance": lambda: golden("packed").with_params(distance="euclidean"),
    "a vector that is not finite": lambda: with_vector(golden("packed"), 1, [np.inf] * forged.DIMENSION),
    "a vector without a direction": lambda: with_vector(golden("packed"), 1, [0.0] * forged.DIMENSION),
    "vectors of the tail that are not finite": lambda: forged.with_tail_of(np.nan),
    "all ids at one row": lambda: with_rows(forged.all_ids_at(3)),
    "all ids at a row that does not exist": lambda: with_rows(forged.all_ids_at(2**32 - 1)),
    "blocks that overlap": lambda: with_rows(forged.block_start(1, 0)),
    "a block that starts after the end": lambda: with_rows(forged.block_start(3, 2**63)),
    "a block that ends before it starts": lambda: with_rows(forged.block_start(0, 2**64 - 1)),
    "a block completely after the end": lambda: with_rows(forged.block_after_the_end),
    "metadata that is not JSON": lambda: with_rows(forged.replace(b'{"row": 11}', b'{"row": 1}}')),
    "metadata that is not UTF-8": lambda: with_rows(forged.replace(b'{"row": 11}', b'{"\xffow": 11')),
    "an id that is not UTF-8": lambda: with_rows(forged.replace("row-11 é".encode(), b"row-11 \xc3\xc3")),
    "too large lengths in a block": lambda: with_rows(forged.bytes_at(forged.FIRST, b"\xff" * 96)),
    "an empty section of rows": lambda: golden("packed").with_section("rows", b""),
}


@pytest.mark.slow
@pytest.mark.parametrize("forge", NEVER_WRONG.values(), ids=NEVER_WRONG.keys())
def test_every_use_case_refuses_a_forged_section_or_gives_the_true_result(forge: Callable[[], Blob]) -> None:
    expected = h.outcomes(golden("packed").data, ROW)
    found = h.outcomes(forge().data, ROW)
    refused = {use for use, answer in found.items() if isinstance(answer, BlobError)}
    assert {use: found[use] for use in found if use not in refused} == {
        use: expected[use] for use in expected if use not in refused
    }
    assert refused


@pytest.mark.parametrize("row", [0, 2])
def test_a_zero_vector_in_the_graph_is_refused_by_searches(row: int) -> None:
    found = h.outcomes(with_vector(golden("cosine"), row, [0, 0, 0]).data, Probe(3, "b/%2F + é"), h.READS)
    assert {use for use, answer in found.items() if isinstance(answer, BlobError)} >= {"search", "exact"}


def test_a_zero_vector_in_the_tail_is_refused_by_searches() -> None:
    blob = golden("packed")
    sections = [
        Section("tail", bytes(len(each.data)), each.forged) if each.name == "tail" else each for each in blob.sections
    ]
    found = h.outcomes(Blob(blob.envelope, sections).data, ROW, h.READS)
    assert {use for use, answer in found.items() if isinstance(answer, BlobError)} >= {"search", "exact", "near"}


@pytest.mark.parametrize("use", h.WRITES)
def test_a_packed_blob_that_is_too_short_for_a_server_side_copy_can_be_changed(use: str) -> None:
    assert h.outcomes(golden("packed").data, ROW)[use] == {"add": 42, "delete": 40}[use]


def test_a_section_id_is_not_used_as_a_path() -> None:
    blob = golden("cosine").with_section("graph", id="../../../etc/x\0y")
    assert h.outcomes(blob.data, A) == h.outcomes(golden("cosine").data, A)


def test_sections_without_ids_are_not_confused_with_those_of_another_index() -> None:
    *others, tail, last = golden("packed").sections

    def nameless(content: bytes) -> bytes:
        return Blob(golden("packed").envelope, [*others, Section("tail", content, {"id": ""}), last]).data

    data, other = tail.data, _with_same_crc32(tail.data)
    service, store = h.cold_service(nameless(data))
    store.put("other", nameless(other), h.IfAbsent(), "a-commit")
    found = [service.lookup(name, "row-40 é", h.FOREVER).vector.tobytes() for name in (h.NAME, "other")]
    assert found == [data[:132], other[:132]]
    assert data[:132] != other[:132]


def _with_same_crc32(data: bytes) -> bytes:
    """Return different bytes with the same checksum: five are altered by the CRC polynomial."""
    other = bytearray(data)
    for at, bits in enumerate(b"\x41\x06\x71\xdb\x01", 64):
        other[at] ^= bits
    assert zlib.crc32(data) == zlib.crc32(other)
    assert np.isfinite(np.frombuffer(other, "<f4")).all()
    return bytes(other)


def test_a_shard_that_claims_to_be_sharded_is_refused() -> None:
    inside = {"name": h.NAME, "dimension": 3, "shards": 2, "generation": "g"}
    service, store = h.cold_service(h.sealed({"version": 2, "params": inside}))
    for number in range(2):
        name = f"{h.NAME}/g/{number}"
        shard = h.sealed({"version": 2, "params": {**inside, "name": name}})
        store.put(name, shard, h.IfAbsent(), "a-commit")
    for name in h.USE_CASES.keys() - {"warm"}:  # which sharded indexes do not have
        with pytest.raises(BlobError, match=h.NAME):
            h.USE_CASES[name](service, A)


def _metadata(text: bytes) -> bytes:
    """Return the plain blob with other metadata of "a"."""
    blob = golden("cosine")
    envelope = {**blob.envelope, "sections": [section.entry for section in blob.sections]}
    del envelope["metadata"]
    return h.sealed(
        json.dumps(envelope).encode()[:-1] + b',"metadata":{"a":' + text + b"}}", bytes(blob.section("graph"))
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="nested 100,000 levels"),
        pytest.param(b'{"a":' * 2_000 + b"1" + b"}" * 2_000, id="nested objects"),
        pytest.param(b"[" * 1_000_000, id="never closed"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'"\xff\xfe"', id="not UTF-8"),
        pytest.param(b'"\\ud800"', id="half a surrogate pair"),
        pytest.param(b'"\x01"', id="a control character"),
        pytest.param(b"01", id="a leading zero"),
        pytest.param(b"1,", id="a trailing comma"),
    ],
)
def test_every_use_case_refuses_invalid_metadata(text: bytes) -> None:
    assert h.not_refused(_metadata(text), A) == {}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"1e999", id="a number beyond float64"),
        pytest.param(b"1" * 5_000, id="a number of thousands of digits"),
        pytest.param(b"[" * 500 + b"]" * 500, id="nested 500 levels"),
        pytest.param(b'{"row":1e999}', id="a number beyond float64 under a key"),
        pytest.param(b'{"row":' + b"1" * 5_000 + b"}", id="thousands of digits under a key"),
        pytest.param(b'{"row":' + b"[" * 500 + b"]" * 500 + b"}", id="nested under a key"),
        pytest.param(b'{"row":1,"row":2}', id="a repeated key"),
        pytest.param(b'"' + b"x" * 5_000_000 + b'"', id="five million characters"),
    ],
)
def test_unusual_but_valid_metadata_is_returned_unchanged_or_refused(text: bytes) -> None:
    for use, answer in h.outcomes(_metadata(text), A).items():
        if not isinstance(answer, BlobError) and use in {"search", "exact"}:
            assert [found[2] for found in answer if found[0] == "a"] == [text]


def test_an_envelope_without_a_seal_is_refused() -> None:
    raw = b'{"version":2,"params":{"name":"n","dimension":3}}'
    assert h.not_refused(struct.pack(">4sI", b"LHV1", len(raw)) + raw, A) == {}


def test_a_section_entry_with_an_unknown_key_is_refused() -> None:
    assert h.not_refused(golden("cosine").with_section("graph", codec="zstd").data, A) == {}


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(b'{"version":2,"version":3,"params":{"name":"n","dimension":3}}', id="a repeated version"),
        pytest.param(
            b'{"version":2,"params":{"name":"n","dimension":3},"ids":["\\ud800"]}', id="half a surrogate pair"
        ),
        pytest.param(b'{"version":2,"params":{"name":"n","dimension":3},"crc32":"00000000"}', id="a seal in it"),
        pytest.param(b'{"version":' + b"1" * 1_000_000 + b"}", id="a version of a million digits"),
        pytest.param(b'{"version":2e0,"params":{"name":"n","dimension":3},"ids":[""]}', id="an empty id"),
        pytest.param(b'{"version":2,"params":' + b'{"params":' * 5_000 + b"}" * 5_001, id="params within params"),
        pytest.param(b'{"version":2,"params":{"name":"../../x","dimension":3}}', id="a name that is a path"),
        pytest.param(b"[2]", id="an array"),
        pytest.param(b'"version"', id="a text"),
        pytest.param(b"", id="no bytes"),
        pytest.param(b'\xef\xbb\xbf{"version":2,"params":{"name":"n","dimension":3}}', id="a byte order mark"),
    ],
)
def test_every_use_case_refuses_an_invalid_envelope(envelope: bytes) -> None:
    assert h.not_refused(h.sealed(envelope), A) == {}
