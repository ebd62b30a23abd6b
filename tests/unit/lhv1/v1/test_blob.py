"""Blobs of version 1, as the Go service wrote them: the index that they become, and blobs that are refused."""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import hnsw as h
from tests.support import vectors as v
from vectord.errors import BlobCorrupt, BlobError
from vectord.index import mutations, state
from vectord.index.codec import decode, encode
from vectord.index.codec.decode import open_version_1
from vectord.index.query import search
from vectord.lhv1.params import Params

FOLDER = Path(__file__).parents[3] / "golden/v1"
SHA256 = {
    "empty": "76a1245303ae148ef0b77dd7a582b7b94bb87265cdb64f58d078d29d2883e1ac",
    "cosine": "9b1c6294034781031f0feb5e049772df954fa2921101701028ffbf42fec61b42",
    "euclidean": "2c82d8548e3d456e0050081b205ae41974d1ee5d8dc5d08abd256c36eb914dbc",
    "many": "f74efdbd95ec04a219a80736b65c631030988a4a6badedd5a77146dec9f148ef",
}
VECTORS = {"a": (1, 0, 0), "b/%2F + é": (0.5, 0.5, 0), "漢字 \U0001f600": (-0.0, 1e-40, 3.25)}
SMALL = h.index_blob({"a": (1, 2, 3), "b": (4, 5, 6)}, {"a": {"x": 1}})


def _golden(name: str) -> bytes:
    return (FOLDER / f"{name}.lhv1").read_bytes()


def _held(index: state.Index) -> dict[str, bytes]:
    return {vector_id: index.rows.vectors[row].tobytes() for vector_id, row in index.rows.row_of.items()}


def _bits(vectors: Mapping[str, Any]) -> dict[str, bytes]:
    return {vector_id: np.array(vector, np.float32).tobytes() for vector_id, vector in vectors.items()}


@pytest.mark.parametrize("name", SHA256)
def test_a_golden_file_has_not_changed(name: str) -> None:
    assert hashlib.sha256(_golden(name)).hexdigest() == SHA256[name]


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_ids_vectors_parameters_and_metadata_of_present_ids_are_kept(name: str) -> None:
    index = open_version_1(_golden(name))
    assert _held(index) == _bits(VECTORS)
    assert v.metadata(index) == {"a": {"kind": "axis", "tags": ["x", None, 1.5]}, "b/%2F + é": []}
    assert index.params == Params(f"v1-{name}", 3, 16, 20, "cosine" if name == "cosine" else "euclidean")
    assert index.size == len(_golden(name))


def test_an_index_without_layers_is_empty() -> None:
    assert (len(open_version_1(_golden("empty"))), v.metadata(open_version_1(_golden("empty")))) == (0, {})


def test_a_search_before_the_first_write_finds_a_stored_vector_at_distance_zero() -> None:
    index = open_version_1(_golden("many"))
    best = search.search(index, index.vectors_of([123])[0], 1).matches[0]
    assert (best.id, best.distance) == ("row-123", 0.0)


@pytest.mark.parametrize("name", SHA256)
def test_the_first_write_converts_to_version_2_and_keeps_everything(name: str) -> None:
    before = open_version_1(_golden(name))
    encoded = encode.encode(mutations.upsert(before, [v.item("new", (7, 8, 9), {"n": 1})])[0], "renamed", "first")
    after = decode.open_blob(encoded.blob)
    assert json.loads(encoded.head[8:])["version"] == 2
    assert _held(after) == _held(before) | _bits({"new": (7, 8, 9)})
    assert v.metadata(after) == v.metadata(before) | {"new": {"n": 1}}
    assert after.params == Params("renamed", 3, before.params.m, before.params.ef_search, before.params.distance)


def test_a_vector_can_be_deleted_and_replaced() -> None:
    index = v.without(mutations.upsert(open_version_1(_golden("cosine")), [v.item("a", (0, 1, 0))])[0], "b/%2F + é")
    assert _held(index) == _bits({"a": (0, 1, 0), "漢字 \U0001f600": VECTORS["漢字 \U0001f600"]})
    assert v.metadata(index).keys() == {"a"}


@pytest.mark.parametrize(
    "stored",
    [
        {"name": "x", "dimension": 3, "m": 8, "ef_search": 50, "distance": "euclidean"},
        {"Name": "x", "Dimension": 3, "M": 8, "EfSearch": 50, "Distance": "euclidean", "Ml": 0.25},
        {"name": "x", "dimension": 3, "m": 8, "efSearch": 50, "distance": "euclidean"},
        {"name": "x", "dimension": None, "m": 0, "ef_search": -1, "distance": ""},
        {"name": "x"},
    ],
    ids=["tags", "go fields", "camel case", "null and zero", "absent"],
)
def test_parameters_are_read_in_each_spelling_or_else_from_the_graph(stored: dict[str, Any]) -> None:
    body = h.graph([[("a", (1, 2, 3), ())]], m=8, ef_search=50, distance="euclidean")
    index = open_version_1(h.blob({"version": 1, "params": stored, "metadata": {}}, body))
    assert index.params == Params("x", 3, 8, 50, "euclidean")


def test_missing_parameters_are_the_defaults() -> None:
    blob = h.blob({"version": 1, "params": {"dimension": 2}}, h.graph([], m=0, ef_search=0))
    assert open_version_1(blob).params == Params("unnamed", 2, 16, 20, "cosine")


def test_parameters_of_the_envelope_have_priority_over_the_graph() -> None:
    body = h.graph([], m=8, ef_search=50)
    index = open_version_1(h.blob({"version": 1, "params": h.params(m=5, ef_search=6), "metadata": {}}, body))
    assert (index.params.m, index.params.ef_search) == (5, 6)


def test_the_name_of_the_object_has_priority_over_the_stored_name() -> None:
    assert open_version_1(SMALL, "copy").params.name == "copy"


def test_the_stored_name_is_used_if_the_object_has_no_valid_name() -> None:
    assert open_version_1(SMALL, "copy @ a version").params.name == "t"


def test_an_invalid_stored_name_is_replaced() -> None:
    assert open_version_1(h.index_blob({"a": (1, 2, 3)}, name="my index/€")).params.name == "unnamed"


def test_null_means_no_metadata() -> None:
    assert v.metadata(open_version_1(h.index_blob({"a": (1, 2, 3)}, {"a": None}))) == {}


def test_metadata_keeps_its_text() -> None:
    blob = SMALL.replace(b'{"x":1}', b'{"x":1.500}').replace(SMALL[4:8], struct.pack(">I", SMALL[7] + 4), 1)
    assert bytes(open_version_1(blob).rows.metadata["a"]) == b'{"x":1.500}'


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (h.index_blob({"a": (1, 2, 3)}, dimension=4), "vectors have 3 components, but its dimension is 4"),
        (h.index_blob({"a": (1, 2, 3)}, dimension=0.5), "dimension is not an integer"),
        (h.index_blob({"a": (1, 2, 3)}, m=True), "m is not an integer"),
        (h.index_blob({"a": (1, 2, 3)}, m=1_001), "m must be 1 to 1,000"),
        (h.index_blob({"": (1, 2, 3)}), "id must be 1 to 1,024"),
        (h.index_blob({"é" * 513: (1, 2, 3)}), "id must be 1 to 1,024"),
        (h.index_blob({"a": (1, 2, 3), "bad": (0, -0.0, 0)}), "'bad' is zero or not finite, and so are 1 of"),
        (h.index_blob({"a": (1, 2, 3), "bad": (0, np.nan, 0)}, distance="euclidean"), "'bad' is zero or not"),
        (h.index_blob({"a": (1, 2, 3), "bad": (0, np.inf, 0)}), "'bad' is zero or not"),
        (h.index_blob({"a": (1, 2, 3)}, distance="manhattan"), "'manhattan' and its graph has 'manhattan'"),
        (
            h.blob({"version": 1, "params": h.params(distance="euclidean")}, h.graph([])),
            "'euclidean' and its graph has 'cosine'",
        ),
        (h.blob({"version": 1, "params": {}}, h.graph([])), "dimension must be 1"),
        (h.blob({"version": 1, "params": h.params()}, b""), "truncated"),
        (h.blob({"version": 1}, h.graph([])), "not one of version 1"),
        (h.blob({"version": 1, "params": h.params(), "more": 1}, h.graph([])), "not one of version 1"),
        (h.blob({"version": 2, "params": h.params()}, h.graph([])), "version 2, not 1"),
        (SMALL.replace(b'{"x":1}', b"9e999  "), "the metadata of 'a' cannot be read"),
    ],
)
def test_an_invalid_blob_is_refused_with_a_reason(blob: bytes, reason: str) -> None:
    with pytest.raises(BlobCorrupt, match=reason):
        open_version_1(blob)


def test_a_zero_vector_is_kept_under_euclidean_distance() -> None:
    assert len(open_version_1(h.index_blob({"a": (0, 0, 0)}, distance="euclidean"))) == 1


@pytest.mark.parametrize("name", ["empty", "cosine"])
def test_a_truncated_blob_is_refused(name: str) -> None:
    blob = _golden(name)
    for length in range(len(blob)):
        with pytest.raises(BlobError):
            open_version_1(blob[:length])


def _use(blob: bytes) -> None:
    """Open the blob and encode the index, as a write does, if the blob is not refused."""
    try:
        index = open_version_1(blob)
    except BlobError:
        return
    assert _held(decode.open_blob(encode.encode(index, "t", "c").blob)) == _held(index)


@pytest.mark.slow
def test_an_altered_byte_gives_an_index_or_an_error() -> None:
    # Version 1 has no checksum, so an altered component is a valid one.
    good = _golden("cosine")
    for offset in range(len(good)):
        flip = (0x01, 0x20, 0x80, 0xFF)[offset % 4]
        _use(good[:offset] + bytes([good[offset] ^ flip]) + good[offset + 1 :])


@given(st.data())
def test_inserted_bytes_give_an_index_or_an_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SMALL)))
    _use(SMALL[:at] + data.draw(st.binary(max_size=12)) + SMALL[at + data.draw(st.integers(0, 12)) :])
