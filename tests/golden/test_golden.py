"""Golden files: blobs that were written once, and that every later version must read with the same result."""

import hashlib
import json
import struct
from pathlib import Path

import annoy
import numpy as np
import pytest

from tests.support import golden
from vectord.errors import BlobError
from vectord.filters import match as filters_match
from vectord.filters import parse
from vectord.index.codec import decode
from vectord.index.query import search
from vectord.index.query.filtering import matching_rows
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.lhv1 import frame
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.params import Embedding, Params
from vectord.lhv1.text_fields import SPARSE, TextField

NAMES = [
    "empty",
    "cosine",
    "euclidean",
    "forest",
    "packed",
    "packed-euclidean",
    "columns",
    "bucket-index",
    "packed-bucket-index",
    "packed-embedding",
    "parts",
    "parts-euclidean",
    "pieces",
    "pieces-unbuilt",
    "parts-head",
    "texts",
    "texts-plain",
    "text-samples",
    "sparse",
    "sparse-plain",
]
SHA256 = {
    "text-samples": "7399f75db27a52d9ef36582ccfd751883a0774cad1d2af099394d08adbdce4f9",
    "sparse": "823cc93871a66e106ea61ac65d33ab968b538095816571d657d7f0961c084a2c",
    "sparse-plain": "740a622d848ef38eba79b94c7a1ee336bed348920461029c7d16cf76ed15fd74",
    "texts": "80d166a5e2418a4489a6b55b34cd64810bf52fc2eb03683a628c12ebaed6ecac",
    "texts-plain": "1500135b9c79894714bbdbad17be4fe0365fb6afb5e781c68ea09e2148cb1f8d",
    "parts-head": "be677633e5e1007af9a89e07320711a0908f85498d1b57b0ba18ee4cd36627de",
    "pieces": "2dfd87b0bd78d07c086b1078658bcdd6753b7ed07bdcb23fcf7e7ddd18171612",
    "pieces-unbuilt": "d0777a07108db6e1f17b552fd4d8cbb1d82a240ed0437332011c88e3a3b89c61",
    "parts": "b34c3f83073fbdf647e6dcddbd5cf8565da3c31b525cb75fb093fae84a603c3c",
    "parts-euclidean": "69071cdb66c477f5109da824146531aac7e2c3b02e5027e9d8b562c2238a4add",
    "bucket-index": "a59a9a40f4b333060ff38ccf3b80d6f8cb017c06a2cab3ea11f276a8d3743e30",
    "packed-bucket-index": "b0723e08bf103abed1442539c212a610e590a3044299481169520d4056eb96e6",
    "packed-embedding": "f738b1d16a5a0e70c3d37a9144b59557e2203d1c05945a0ea00a7ff8e6b83d2d",
    "columns": "3185d3daa2d775ad115690db03c21c40f4c7fcadc71f253f3c4bfd8fb12f52a7",
    "packed-euclidean": "8bb77048c88268daad2a4310c3bff4f885a0f0b25cb59331e5a49b7e326de727",
    "packed": "5dd1e19e8baa80057a99fe310d4f03b1f9a0371fb99e23f87f7f247101938563",
    "empty": "a158d854286e227ef8afb5e96e4494c89d805d8c99c1b4f40faab0d399927de2",
    "cosine": "77681387c0e5d08b40905ac15304fbdde069179a8fe87795b60e5c0ed66d70b5",
    "euclidean": "f0a37e0e4d1ec5ecc88de4e84936d4a8d9c01c7ae3de88ea75b302ade1ac82f9",
    "forest": "a3e2a1b0efd88e26281f7f5fbc08af940956a8d6f5d0b829a4effb2f98db573e",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_golden_file_is_what_was_committed(name: str) -> None:
    assert hashlib.sha256(golden.read(name)).hexdigest() == SHA256[name]


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_ids_vectors_and_metadata_read_as_they_were_written(name: str) -> None:
    rows = decode.open_blob(golden.read(name)).rows
    assert list(rows.ids) == ["a", "b/%2F + é", "漢字 \U0001f600"]
    written = np.array([[1, 0, 0], [0.5, 0.5, 0], [-0.0, 1e-40, 3.25]], np.float32)
    assert rows.vectors.tobytes() == written.tobytes()
    assert {vector_id: json.loads(bytes(raw)) for vector_id, raw in rows.metadata.items()} == {
        "a": {"kind": "axis", "tags": ["x", None, 1.5]},
        "b/%2F + é": [],
    }


def test_parameters_and_commit_id_read_as_they_were_written() -> None:
    index = decode.open_blob(golden.read("euclidean"))
    params = index.params
    assert params == Params("euclidean", 3, 16, 20, "euclidean")
    assert index.has_applied("commit-of-euclidean")


def test_an_empty_index_is_only_an_envelope() -> None:
    blob = golden.read("empty")
    assert len(blob) == 8 + struct.unpack(">I", blob[4:8])[0]
    assert len(decode.open_blob(blob).rows) == 0


def test_a_search_in_the_forest_finds_a_stored_vector_at_distance_zero() -> None:
    index = decode.open_blob(golden.read("forest"))
    best = search.search(index, index.rows.vectors[123].copy(), 1).matches[0]
    assert (best.id, best.distance) == ("row-123", 0.0)


@pytest.mark.parametrize(("name", "metric"), [("cosine", "angular"), ("euclidean", "euclidean"), ("forest", "angular")])
def test_annoy_itself_loads_the_body_after_the_envelope(name: str, metric: str, tmp_path: Path) -> None:
    blob = golden.read(name)
    end = 8 + struct.unpack(">I", blob[4:8])[0]
    envelope = json.loads(blob[8:end])
    (tmp_path / "graph.ann").write_bytes(blob[end:])
    plain = annoy.AnnoyIndex(envelope["params"]["dimension"], metric)
    plain.load(str(tmp_path / "graph.ann"))
    assert plain.get_n_items() == len(envelope["ids"])
    assert plain.get_item_vector(0) == decode.open_blob(blob).rows.vectors[0].tolist()


@pytest.mark.parametrize(("name", "dimension"), [("packed", 33), ("packed-euclidean", 3)])
def test_a_packed_index_reads_as_it_was_written(name: str, dimension: int) -> None:
    drawn = np.random.default_rng(dimension).normal(size=(45, dimension)).astype(np.float32)
    vectors = {f"row-{row:02} é": vector for row, vector in enumerate(drawn[:44]) if row not in {7, 41, 42}}
    vectors |= {"row-05 é": drawn[42], "row-10 é": drawn[44]}
    metadata = {f"row-{row:02} é": {"row": row} for row in range(44) if row % 3 and row not in {7, 10, 41}}
    index = decode.open_blob(golden.read(name))
    rows = index.rows
    assert len(index) == len(vectors) == 41
    assert {vector_id: rows.vectors[row].tobytes() for vector_id, row in rows.row_of.items()} == {
        vector_id: vector.tobytes() for vector_id, vector in vectors.items()
    }
    assert {vector_id: json.loads(bytes(raw)) for vector_id, raw in rows.metadata.items()} == {
        **metadata,
        "row-05 é": "replaced",
    }
    for vector_id, vector in vectors.items():
        assert [(match.id, match.distance) for match in search.search(index, vector, 1).matches] == [(vector_id, 0.0)]


def test_the_packed_files_have_every_section_of_the_format() -> None:
    kinds = {}
    for name in ("packed", "packed-euclidean"):
        envelope = frame.decode(golden.read(name))[0].envelope
        kinds[name] = [entry.name for entry in envelope.sections]
        assert envelope.graph_rows == 40
        assert envelope.removed
    assert kinds == {"packed": ["sketch", "rows", "graph", "tail", "tail"], "packed-euclidean": kinds["packed"][1:]}
    assert frame.decode(golden.read("packed"))[0].body_start == 2_500


def test_columns_match_the_same_rows_as_the_documents() -> None:
    index = decode.open_blob(golden.read("columns"))
    assert [entry.name for entry in frame.decode(golden.read("columns"))[0].envelope.sections] == [
        "columns",
        "rows",
        "graph",
    ]
    assert index.base is not None
    documents = [
        json.loads(bytes(each.metadata or b"null")) for each in index.base.documents.read(range(40), NOTHING_TO_FETCH)
    ]
    for text, count in {
        '{"kind": "kind 3"}': 8,
        '{"kind": {"$prefix": "kind"}}': 40,
        '{"small": {"$gte": 12}}': 7,
        '{"empty": {"$exists": true}}': 10,
        '{"half": {"$gt": 3, "$lt": 15}}': 6,
        '{"large": 1152921504606846989}': 1,
        '{"long": {"$glob": "*xxxxxxxxxx"}}': 3,
        '{"flag": true}': 10,
        '{"tags": "odd"}': 10,
        '{"tags": {"$lte": 11000}}': 3,
        '{"tags": null}': 10,
        '{"deep.é.n": {"$lt": -30}}': 3,
        '{"$not": {"deep": {"$exists": true}}}': 30,
    }.items():
        tree = parse.parse(json.loads(text))
        documents = [
            json.loads(bytes(each.metadata or b"null"))
            for each in index.base.documents.read(range(40), NOTHING_TO_FETCH)
        ]
        truth = [filters_match.matches(tree, document) for document in documents]
        assert (matching_rows(index, tree).base.tolist(), sum(truth)) == (truth, count), text


@pytest.mark.parametrize("name", NAMES)
def test_what_an_index_of_a_vector_bucket_stores_reads_as_it_was_written(name: str) -> None:
    stored = BucketIndex(1_790_000_000, ("text", "é" * 63), {"project": "films", "team/größe": ""}, "CLASSIC")
    assert decode.open_blob(golden.read(name)).bucket_index == (stored if "bucket-index" in name else None)


@pytest.mark.parametrize("name", NAMES)
def test_the_embedding_model_of_an_index_reads_as_it_was_written(name: str) -> None:
    stored = Embedding("org/mödel-7b", "Instruct: find\nQuery: ", "passage: ")
    assert (decode.open_blob(golden.read(name)).params.embedding or None) == (stored if "embedding" in name else None)


@pytest.mark.parametrize("name", NAMES)
def test_the_declared_fields_of_texts_read_as_they_were_written(name: str) -> None:
    texts = {"body": TextField(), "of.title": TextField("german", stopwords=False), "tags": TextField(None)}
    sparse = {"body": TextField(), "of.second": SPARSE, "splade": SPARSE}
    samples = {"body": TextField(), "title": TextField(None)}
    of_name = {"texts": texts, "texts-plain": texts, "text-samples": samples, "sparse": sparse, "sparse-plain": sparse}
    written = of_name.get(name, {})
    index = decode.open_blob(golden.read(name))
    assert (index.params.text or {}, index.text_fields) == (written, written)


def _offsets(blob: bytes) -> list[int]:
    """Return every offset of the head and of a small body, and every 16th of a large body."""
    body_start = frame.decode(blob)[0].body_start
    step = 1 if len(blob) < 16_384 else 16
    return [*range(body_start), *range(body_start, len(blob), step), len(blob) - 1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_an_altered_byte_is_detected_at_any_offset(name: str) -> None:
    blob = bytearray(golden.read(name))
    body_start = frame.decode(bytes(blob))[0].body_start
    undetected = []
    for offset in _offsets(bytes(blob)):
        flips = (0x01, 0x20, 0xFF) if offset < body_start else ((0x01, 0x20, 0xFF)[offset % 3],)
        for flip in flips:
            blob[offset] ^= flip
            try:
                decode.open_blob(bytes(blob))
                undetected.append((offset, flip))
            except BlobError:
                pass
            blob[offset] ^= flip
    assert undetected == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.slow
def test_a_truncated_blob_is_refused_at_any_length(name: str) -> None:
    blob = golden.read(name)
    undetected = []
    for length in _offsets(blob):
        try:
            decode.open_blob(blob[:length])
            undetected.append(length)
        except BlobError:
            pass
    assert undetected == []
