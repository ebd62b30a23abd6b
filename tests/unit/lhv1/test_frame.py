"""The frame: encoding and decoding, checksums, and values that are refused."""

import json
import struct
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.errors import BlobCorrupt, BlobUnsupported
from vectord.lhv1 import frame
from vectord.lhv1.frame import Envelope
from vectord.lhv1.params import Params

PARAMS = Params("an-index", 3)
GRAPH = b"any bytes at all"

ids = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), unique=True, min_size=1)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abc. "\\é'), inner, max_size=3),
    max_leaves=8,
)


def _blob(graph: bytes = GRAPH, **changed: object) -> bytes:
    values = {"version": 2, "params": PARAMS, "ids": ["a"], "commit": "c1", "applied": ["c1"], **changed}
    return frame.encode_head(Envelope(sections=[frame.section_entry("graph", "c1/graph", graph)], **values)) + graph


def _sealed(envelope: dict[str, object], body: bytes = b"", *, separators: tuple[str, str] = (",", ":")) -> bytes:
    """Return a blob with a correct seal over any envelope, as another writer could produce it."""
    covered = json.dumps(envelope, separators=separators)[:-1].encode()
    comma, colon = separators
    raw = covered + f'{comma}"crc32"{colon}"{zlib.crc32(covered):08x}"}}'.encode()
    return struct.pack(">4sI", b"LHV1", len(raw)) + raw + body


def _plain(**changed: object) -> dict[str, Any]:
    section = {"name": "graph", "bytes": 4, "crc32": f"{zlib.crc32(b'body'):08x}", "id": "x"}
    params = {"name": "n", "dimension": 3, "m": 16, "ef_search": 20, "distance": "cosine"}
    return {"version": 2, "params": params, "metadata": {}, "ids": ["a"], "sections": [section], **changed}


@given(ids=ids, body=st.binary(max_size=200), data=st.data())
def test_an_encoded_blob_is_decoded_to_the_same_values(ids: list[str], body: bytes, data: st.DataObject) -> None:
    values = data.draw(st.dictionaries(st.sampled_from(ids), json_values))
    metadata = {key: msgspec.Raw(json.dumps(value).encode()) for key, value in values.items()}
    head, sections = frame.decode(_blob(body, ids=ids, metadata=metadata))
    assert head.envelope.ids == ids
    assert {key: json.loads(bytes(raw)) for key, raw in head.envelope.metadata.items()} == values
    assert [(entry.name, entry.id, bytes(data)) for entry, data in sections.items()] == [("graph", "c1/graph", body)]


def test_the_head_starts_with_magic_and_big_endian_length() -> None:
    blob = _blob()
    assert blob[:4] == b"LHV1"
    assert blob[8 + int.from_bytes(blob[4:8], "big") :] == GRAPH


def test_the_seal_is_the_last_key_and_covers_the_text_before_its_comma() -> None:
    covered, seal = _blob()[8 : -len(GRAPH)].rsplit(b",", 1)
    assert seal == f'"crc32":"{zlib.crc32(covered):08x}"}}'.encode()


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (",\n\t", " : ")])
def test_a_blob_with_other_whitespace_is_read(separators: tuple[str, str]) -> None:
    covered = json.dumps(_plain(), separators=separators)[:-1]
    seal = f',"crc32":"{zlib.crc32(covered.encode()):08x}"}}'
    raw = (covered + seal + " \r\n\t" * 100).encode()
    blob = struct.pack(">4sI", b"LHV1", len(raw)) + raw + b"body"
    assert frame.decode(blob)[0].envelope.ids == ["a"]


def test_a_seal_with_much_whitespace_is_read() -> None:
    blob = _sealed(_plain(), b"body", separators=(",", ":" + " " * 300))
    assert frame.decode(blob)[0].envelope.ids == ["a"]


def test_rows_of_the_graph_are_counted_before_rows_of_the_tail() -> None:
    tail = {"name": "tail", "bytes": 24, "crc32": f"{zlib.crc32(bytes(24)):08x}"}
    blob = _sealed(_plain(ids=["a", "b", "c"], sections=[*_plain()["sections"], tail]), b"body" + bytes(24))
    envelope = frame.decode(blob)[0].envelope
    assert (envelope.packed_rows, envelope.base_rows, envelope.tail_rows) == (0, 1, 2)


def test_optional_keys_may_be_absent() -> None:
    envelope = frame.decode(_sealed(_plain(), b"body"))[0].envelope
    assert (envelope.commit, envelope.applied, envelope.calibration) == ("", [], {})


_SEALED_SO_FAR = frame.encode_head(Envelope(version=2, params=PARAMS, ids=["a"])).split(b'"metadata":{')[0][8:]


@pytest.mark.parametrize("crc32", ["00000000", f"{zlib.crc32(_SEALED_SO_FAR + b'"metadata":{"a":{"x":1'):08x}"])
def test_metadata_that_looks_like_a_seal_is_not_one_in_a_partial_read(crc32: str) -> None:
    text = msgspec.Raw(b'{"x":1,"crc32":"%b"}' % crc32.encode())
    blob = _blob(metadata={"a": text})
    whole = len(blob) - len(GRAPH)
    assert text in blob
    for stop in range(8, whole):
        with pytest.raises(frame.Truncated):
            frame.decode_head(blob[:stop], len(blob))
    assert frame.decode_head(blob[:whole], len(blob)).envelope.metadata == {"a": text}


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(junk: bytes) -> None:
    for blob in (junk, b"LHV1" + junk, b"LHV1" + struct.pack(">I", max(0, len(junk))) + junk):
        with pytest.raises((BlobCorrupt, BlobUnsupported)):
            frame.decode(blob)


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"ids": ["a", "a"]}, b"body"),
        ({"ids": [""]}, b"body"),
        ({"ids": ["x" * 1025]}, b"body"),
        ({"ids": []}, b"body"),
        ({"sections": []}, b""),
        ({"metadata": {"b": 1}}, b"body"),
        ({}, b"bodies"),
        ({}, b"bod"),
        ({}, b"bodx"),
        ({"sections": [{"name": "graph", "bytes": -4, "crc32": "00000000", "id": ""}]}, b""),
        ({"sections": [{"name": "tail", "bytes": 24, "crc32": f"{zlib.crc32(bytes(24)):08x}"}]}, bytes(24)),
        ({"calibration": {"forest": {"100": -0.1}}}, b"body"),
        ({"calibration": {"forest": {"100": 1.1}}}, b"body"),
        ({"calibration": {"forest": {"0": 0.9}}}, b"body"),
        ({"params": {"name": "n", "dimension": 0}}, b"body"),
        ({"params": {"name": "n", "dimension": 4097}}, b"body"),
        ({"params": {"name": ".n", "dimension": 3}}, b"body"),
        ({"params": {"name": "n", "dimension": 3, "m": 0}}, b"body"),
    ],
)
def test_contradictory_counts_and_values_out_of_range_are_corrupt(changed: dict[str, object], body: bytes) -> None:
    with pytest.raises(BlobCorrupt):
        frame.decode(_sealed(_plain(**changed), body))


def test_a_wrong_length_of_the_body_is_reported_with_the_right_one() -> None:
    with pytest.raises(BlobCorrupt, match="sections of 4 bytes in total, but its body has 6"):
        frame.decode(_sealed(_plain(), b"bodies"))


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 0},
        {"version": 3},
        {"surprise": 1},
        {"params": {"name": "n", "dimension": 3, "distance": "dot"}},
        {"ids": [7]},
        {"sections": [{"name": "filters", "bytes": 4, "crc32": "00000000", "id": "x"}]},
    ],
)
def test_unknown_versions_keys_and_sections_are_unsupported(changed: dict[str, object]) -> None:
    with pytest.raises(BlobUnsupported):
        frame.decode(_sealed(_plain(**changed), b"body"))


def test_version_1_is_recognized() -> None:
    raw = b'{"version":1,"params":{},"metadata":{}}'
    with pytest.raises(frame.VersionOne):
        frame.decode(struct.pack(">4sI", b"LHV1", len(raw)) + raw)


@pytest.mark.parametrize("length", [0, 1, 2**32 - 1])
def test_a_wrong_envelope_length_is_corrupt(length: int) -> None:
    blob = bytearray(_sealed(_plain(), b"body"))
    blob[4:8] = length.to_bytes(4, "big")
    with pytest.raises(BlobCorrupt):
        frame.decode(bytes(blob))


def test_a_deeply_nested_envelope_is_corrupt() -> None:
    raw = b'{"version":2,"metadata":' + b"[" * 500_000
    with pytest.raises(BlobCorrupt):
        frame.decode(struct.pack(">4sI", b"LHV1", len(raw)) + raw)
