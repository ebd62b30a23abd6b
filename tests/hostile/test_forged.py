"""Blobs whose every checksum is right and whose content is not: each is refused, or answers what is true."""

import json
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support import forged
from tests.support import hostile as h
from tests.support.forged import ROW, A, forest, golden, with_graph, with_rows, with_vector
from tests.support.hostile import Blob, Probe, Section
from vectord.errors import BlobError


@pytest.mark.parametrize("name", ["empty", "cosine", "packed", "packed-euclidean"])
def test_a_blob_put_together_again_is_the_same_blob(name: str) -> None:
    probe = Probe(golden(name).envelope["params"]["dimension"], "row-01 é")
    ours, written = golden(name).whole, (forged.GOLDEN / f"{name}.lhv1").read_bytes()
    assert _plainly(h.answers(ours, probe)) == _plainly(h.answers(written, probe))


def _plainly(found: dict[str, Any]) -> dict[str, Any]:
    """Return the answers with metadata as values: put together again, it has other spaces."""

    def plain(answer: Any) -> Any:
        if not isinstance(answer, list):
            return answer
        return [(name, distance, text and json.loads(text)) for name, distance, text in answer]

    return {use: plain(answer) for use, answer in found.items()}


REFUSED = {
    "a plain graph of more dimensions": lambda: (with_graph("cosine", forest(4, rows=3)), A),
    "a plain graph of fewer dimensions": lambda: (with_graph("cosine", forest(2, rows=3)), A),
    "a plain graph of the other metric": lambda: (with_graph("cosine", forest(3, "euclidean", 3)), A),
    "a plain graph of more rows": lambda: (with_graph("cosine", forest(3, rows=4)), A),
    "a plain graph of fewer rows": lambda: (with_graph("cosine", forest(3, rows=2)), A),
    "a plain graph with a vector that is not finite": lambda: (with_vector(golden("cosine"), 2, [0, np.nan, 1]), A),
    "a packed graph of too few bytes": lambda: (with_graph("packed", forest(11)), ROW),
    "another dimension": lambda: (golden("cosine").with_params(dimension=4), A),
    "another dimension of whole tails": lambda: (golden("packed").with_params(dimension=11), Probe(11, "row-01 é")),
    "another distance": lambda: (golden("cosine").with_params(distance="euclidean"), A),
    "a dimension of 2^70": lambda: (golden("cosine").with_params(dimension=2**70), A),
    "rows by the million": lambda: (golden("packed").telling(graph_rows=2**62), ROW),
    "rows beyond 64 bits": lambda: (golden("packed").telling(graph_rows=2**70), ROW),
    "a row removed that is not there": lambda: (golden("packed").telling(removed=[2**40]), ROW),
    "an effort beyond Annoy's": lambda: (golden("packed").telling(calibration={"forest": {str(2**31): 1.0}}), ROW),
    "a section that ends before it starts": lambda: (golden("cosine").with_section("graph", bytes=-840), A),
    "a section of 2^63 bytes": lambda: (golden("cosine").with_section("graph", bytes=2**63), A),
    "a section of 2^64 bytes": lambda: (golden("cosine").with_section("graph", bytes=2**64), A),
    "a section that exceeds the body": lambda: (golden("packed").with_section("graph", bytes=6_913), ROW),
    "sections that leave bytes over": lambda: (golden("packed").with_section("graph", bytes=6_911), ROW),
    "a graph listed twice": lambda: (forged.doubled("graph"), ROW),
    "rows listed twice": lambda: (forged.doubled("rows"), ROW),
    "a sketch listed twice": lambda: (forged.doubled("sketch"), ROW),
    "a checksum that is no hex": lambda: (golden("cosine").with_section("graph", crc32="é"), A),
    "two sections whose lengths are exchanged": lambda: (forged.exchanged(), ROW),
    "an empty graph": lambda: (Blob({**golden("empty").envelope, "ids": ["a"]}, [Section("graph", b"")]), A),
    "an empty graph of no rows": lambda: (Blob(golden("empty").envelope, [Section("graph", b"")]), A),
    "the shards of another index": lambda: (golden("cosine").with_params(shards=2, generation="g"), A),
}


@pytest.mark.parametrize("lie", REFUSED.values(), ids=REFUSED.keys())
def test_what_contradicts_itself_is_refused_by_every_use_case(lie: Callable[[], tuple[Blob, Probe]]) -> None:
    blob, probe = lie()
    assert h.answered(blob.whole, probe) == {}


NEVER_WRONG = {
    "a packed graph of more dimensions": lambda: with_graph("packed", forest(34)),
    "a packed graph of the other metric": lambda: with_graph("packed", forest(forged.DIMENSION, "euclidean")),
    "the other distance": lambda: golden("packed").with_params(distance="euclidean"),
    "a vector that is not finite": lambda: with_vector(golden("packed"), 1, [np.inf] * forged.DIMENSION),
    "a vector without a direction": lambda: with_vector(golden("packed"), 1, [0.0] * forged.DIMENSION),
    "ids that lead to one row": lambda: with_rows(forged.every_row(3)),
    "ids that lead to no row": lambda: with_rows(forged.every_row(2**32 - 1)),
    "blocks that overlap": lambda: with_rows(forged.block(1, 0)),
    "a block behind the end": lambda: with_rows(forged.block(3, 2**63)),
    "a block that ends before it starts": lambda: with_rows(forged.block(0, 2**64 - 1)),
    "a block that forged wholly behind the end": lambda: with_rows(forged.behind_the_end),
    "metadata that is no JSON": lambda: with_rows(forged.instead(b'{"row": 11}', b'{"row": 1}}')),
    "metadata that is no UTF-8": lambda: with_rows(forged.instead(b'{"row": 11}', b'{"\xffow": 11')),
    "an id that is no UTF-8": lambda: with_rows(forged.instead("row-11 é".encode(), b"row-11 \xc3\xc3")),
    "lengths in a block that are too large": lambda: with_rows(forged.text(forged.FIRST, b"\xff" * 96)),
    "rows of no bytes": lambda: golden("packed").with_section("rows", b""),
}


@pytest.mark.parametrize("lie", NEVER_WRONG.values(), ids=NEVER_WRONG.keys())
def test_what_a_use_case_need_not_look_at_changes_no_answer(lie: Callable[[], Blob]) -> None:
    true = h.answers(golden("packed").whole, ROW)
    told = h.answers(lie().whole, ROW)
    refused = {use for use, answer in told.items() if isinstance(answer, BlobError)}
    assert {use: told[use] for use in told if use not in refused} == {
        use: true[use] for use in true if use not in refused
    }
    assert refused


@pytest.mark.parametrize("row", [0, 2])
def test_a_plain_vector_without_a_direction_is_no_answer(row: int) -> None:
    found = h.answers(with_vector(golden("cosine"), row, [0, 0, 0]).whole, Probe(3, "b/%2F + é"), h.READS)
    assert {use for use, answer in found.items() if isinstance(answer, BlobError)} >= {"search", "exact"}


def test_a_tail_without_a_direction_is_no_answer() -> None:
    blob = golden("packed")
    sections = [
        Section("tail", bytes(len(each.data)), each.said) if each.name == "tail" else each for each in blob.sections
    ]
    found = h.answers(Blob(blob.envelope, sections).whole, ROW, h.READS)
    assert {use for use, answer in found.items() if isinstance(answer, BlobError)} >= {"search", "exact", "near"}


@pytest.mark.parametrize("use", h.WRITES)
def test_a_packed_blob_of_another_writer_too_short_to_be_copied_can_be_changed(use: str) -> None:
    assert h.answers(golden("packed").whole, ROW)[use] == {"add": 42, "delete": 40}[use]


def test_the_ids_of_sections_are_no_paths() -> None:
    blob = golden("cosine").with_section("graph", id="../../../etc/x\0y")
    assert h.answers(blob.whole, A) == h.answers(golden("cosine").whole, A)


def test_sections_without_an_id_are_not_taken_for_those_of_another_index_by_length_and_crc32() -> None:
    *others, ours, last = golden("packed").sections

    def nameless(data: bytes) -> bytes:
        return Blob(golden("packed").envelope, [*others, Section("tail", data, {"id": ""}), last]).whole

    right, theirs = ours.data, _of_the_same_crc32(ours.data)
    service, store = h.cold(nameless(right))
    store.put("other", nameless(theirs), h.IfAbsent(), "nobody")
    found = [service.lookup(name, "row-40 é", h.FOREVER).vector.tobytes() for name in (h.NAME, "other")]
    assert found == [right[:132], theirs[:132]]
    assert right[:132] != theirs[:132]


def _of_the_same_crc32(data: bytes) -> bytes:
    """Return other bytes, five of them altered by the polynomial."""
    other = bytearray(data)
    for at, bits in enumerate(b"\x41\x06\x71\xdb\x01", 64):
        other[at] ^= bits
    assert zlib.crc32(data) == zlib.crc32(other)
    assert np.isfinite(np.frombuffer(other, "<f4")).all()
    return bytes(other)


def test_a_shard_that_says_it_is_in_shards_itself_is_refused() -> None:
    inside = {"name": h.NAME, "dimension": 3, "shards": 2, "generation": "g"}
    service, store = h.cold(h.sealed({"version": 2, "params": inside}))
    for number in range(2):
        name = f"{h.NAME}/g/{number}"
        shard = h.sealed({"version": 2, "params": {**inside, "name": name}})
        store.put(name, shard, h.IfAbsent(), "nobody")
    for name in h.USE_CASES.keys() - {"warm"}:  # which no index in shards has
        with pytest.raises(BlobError, match=h.NAME):
            h.USE_CASES[name](service, A)


def _metadata(text: bytes) -> bytes:
    """Return the plain blob with other metadata of "a"."""
    blob = golden("cosine")
    told = {**blob.envelope, "sections": [section.entry for section in blob.sections]}
    del told["metadata"]
    return h.sealed(json.dumps(told).encode()[:-1] + b',"metadata":{"a":' + text + b"}}", bytes(blob.of("graph")))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="nested by the hundred thousand"),
        pytest.param(b'{"a":' * 2_000 + b"1" + b"}" * 2_000, id="objects in objects"),
        pytest.param(b"[" * 1_000_000, id="never closed"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'"\xff\xfe"', id="no UTF-8"),
        pytest.param(b'"\\ud800"', id="half a surrogate pair"),
        pytest.param(b'"\x01"', id="a control character"),
        pytest.param(b"01", id="a number with a zero before it"),
        pytest.param(b"1,", id="a comma too many"),
    ],
)
def test_metadata_that_no_reader_would_read_is_refused(text: bytes) -> None:
    assert h.answered(_metadata(text), A) == {}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"1e999", id="a number beyond float64"),
        pytest.param(b"1" * 5_000, id="a number of thousands of digits"),
        pytest.param(b"[" * 500 + b"]" * 500, id="nested by the hundred"),
        pytest.param(b'{"row":1e999}', id="a number beyond float64 under a key"),
        pytest.param(b'{"row":' + b"1" * 5_000 + b"}", id="thousands of digits under a key"),
        pytest.param(b'{"row":' + b"[" * 500 + b"]" * 500 + b"}", id="nested under a key"),
        pytest.param(b'{"row":1,"row":2}', id="a key twice"),
        pytest.param(b'"' + b"x" * 5_000_000 + b'"', id="five million characters"),
    ],
)
def test_metadata_that_is_json_of_an_unwelcome_kind_answers_or_is_refused(text: bytes) -> None:
    for use, answer in h.answers(_metadata(text), A).items():
        if not isinstance(answer, BlobError) and use in {"search", "exact"}:
            assert [found[2] for found in answer if found[0] == "a"] == [text]


def test_an_envelope_without_a_seal_is_refused() -> None:
    raw = b'{"version":2,"params":{"name":"n","dimension":3}}'
    assert h.answered(struct.pack(">4sI", b"LHV1", len(raw)) + raw, A) == {}


def test_a_section_of_which_more_is_said_than_is_known_here_is_refused() -> None:
    assert h.answered(golden("cosine").with_section("graph", codec="zstd").whole, A) == {}


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param(b'{"version":2,"version":3,"params":{"name":"n","dimension":3}}', id="a version twice"),
        pytest.param(b'{"version":2,"params":{"name":"n","dimension":3},"ids":["\\ud800"]}', id="half a pair"),
        pytest.param(b'{"version":2,"params":{"name":"n","dimension":3},"crc32":"00000000"}', id="a seal in it"),
        pytest.param(b'{"version":' + b"1" * 1_000_000 + b"}", id="a version of a million digits"),
        pytest.param(b'{"version":2e0,"params":{"name":"n","dimension":3},"ids":[""]}', id="an id of nothing"),
        pytest.param(b'{"version":2,"params":' + b'{"params":' * 5_000 + b"}" * 5_001, id="params within params"),
        pytest.param(b'{"version":2,"params":{"name":"../../x","dimension":3}}', id="a name that is a path"),
        pytest.param(b"[2]", id="no object"),
        pytest.param(b'"version"', id="a text"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'\xef\xbb\xbf{"version":2,"params":{"name":"n","dimension":3}}', id="a byte order mark"),
    ],
)
def test_an_envelope_that_says_what_cannot_be_is_refused(envelope: bytes) -> None:
    assert h.answered(h.sealed(envelope), A) == {}
