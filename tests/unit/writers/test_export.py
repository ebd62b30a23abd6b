"""Exports: every format contains every row, bit for bit, and can be read back."""

import gzip
import json
import struct
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import annoy
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import hnsw as h
from tests.support import vectors as v
from tests.support.sections import RecordingFetch, packed
from vectord.errors import AnswerTooLarge
from vectord.index import mutations
from vectord.index.codec import decode
from vectord.index.codec.decode import open_version_1
from vectord.index.query import search
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1 import frame
from vectord.readers.entry import Entry, NewVector
from vectord.readers.files import entries_of_file
from vectord.writers import batches as writers_batches
from vectord.writers import plain_form
from vectord.writers.batches import batches, cut_into_parts
from vectord.writers.export import FORMATS, Format, export, export_rows
from vectord.writers.jsonl import lines, shortest_decimals

DIMENSION = 5
LIMIT = 1 << 26
ROW_FORMATS: list[Format] = ["jsonl", "jsonl.gz", "parquet"]
EDGES = [[0.0, -0.0, 1e-45, -1.1754942e-38, 3.4028235e38], [1, 16777216, 0.1, -1 / 3, 1e-7]]
METADATA = {
    "edge-0": b'{"nested": {"a.b": [1.50, 12345678901234567890, "\\u2028 \xc3\xa9"]}}',
    "edge-1": b'{\r\n  "lines": "a\\nb",\n\n"x": null}',
    "row-3": b"[]",
    "row-4": b'""',
}


def _items(count: int) -> list[Item]:
    drawn = np.random.default_rng(count).normal(size=(count, DIMENSION))
    vectors = {f"edge-{at}": edge for at, edge in enumerate(EDGES)} | {f"row-{at}": row for at, row in enumerate(drawn)}
    vectors['id "\\ \x00 \n 漢\U0001f600'] = drawn[0]
    return [
        Item(name, v.f32(row), msgspec.Raw(METADATA[name]) if name in METADATA else None)
        for name, row in vectors.items()
    ]


def _with_tail(count: int) -> Index:
    made = packed(_items(count), DIMENSION, distance="euclidean")
    made.add(v.item("row-4", (9, 9, 9, 9, 9)), v.item("late", (1, 2, 3, 4, 5), {"n": 1}))
    made.remove("row-0", "row-7")
    return made.index


def _with_removed_rows(count: int) -> Index:
    made = packed(_items(count), DIMENSION, distance="euclidean")
    made.remove("row-0", "row-7")
    return made.index


def _of_version_1() -> Index:
    vectors = {item.id: item.vector.tolist() for item in _items(20)}
    return open_version_1(h.index_blob(vectors, {"edge-0": {"x": 1}}, dimension=DIMENSION, distance="euclidean"))


INDEXES = {
    "empty": lambda: v.empty(DIMENSION, "euclidean"),
    "plain": lambda: v.with_items(v.empty(DIMENSION, "euclidean"), _items(40)),
    "packed": lambda: packed(_items(3_000), DIMENSION, distance="euclidean").index,
    "packed with removed rows": lambda: _with_removed_rows(1_100),
    "packed with a tail and removed rows": lambda: _with_tail(1_100),
    "of version 1": _of_version_1,
    "emptied": lambda: v.without(v.with_items(v.empty(DIMENSION), [v.item("a", (1, 2, 3, 4, 5))]), "a"),
}


@cache
def made(name: str) -> Index:
    """Return an index, which tests share; an index is never changed."""
    return INDEXES[name]()


@pytest.fixture(params=INDEXES)
def index(request: pytest.FixtureRequest) -> Index:
    return made(request.param)


def _file(index: Index, kind: Format) -> bytes:
    return b"".join(export(index, kind, "exported", "a-commit"))


def _rows_of(index: Index) -> list[tuple[str, bytes, object]]:
    rows = index.rows
    return [
        (
            vector_id,
            rows.vectors[row].tobytes(),
            rows.metadata.get(vector_id) and msgspec.json.decode(rows.metadata[vector_id]),
        )
        for row, vector_id in enumerate(rows.ids)
    ]


def _plain(entry: Entry) -> tuple[str, bytes, object]:
    assert isinstance(entry, NewVector)
    metadata = None if entry.metadata is None else msgspec.json.decode(entry.metadata)
    return entry.id, np.asarray(entry.vector, np.float32).tobytes(), metadata


@pytest.mark.parametrize("kind", ROW_FORMATS)
@pytest.mark.slow
def test_the_exported_file_is_read_back_as_the_same_rows(index: Index, kind: Format) -> None:
    entries = list(entries_of_file(f"x.{kind}", _file(index, kind), LIMIT))
    assert [
        (
            entry.id,
            np.asarray(entry.vector, np.float32).tobytes(),
            entry.metadata and msgspec.json.decode(entry.metadata),
        )
        for entry in entries
    ] == _rows_of(index)


def test_the_plain_form_has_the_same_rows_and_parameters(index: Index) -> None:
    opened = decode.open_blob(_file(index, "lhv1"))
    assert _rows_of(opened) == _rows_of(index)
    assert opened.params == msgspec.structs.replace(index.params, name="exported")


def test_the_plain_form_is_an_envelope_and_an_annoy_file(index: Index, tmp_path: Path) -> None:
    blob = _file(index, "lhv1")
    end = 8 + struct.unpack(">I", blob[4:8])[0]
    envelope = json.loads(blob[8:end])
    assert envelope["ids"] == list(index.rows.ids)
    assert [section["name"] for section in envelope["sections"]] == ["graph"][: len(index)]
    if len(index):
        (tmp_path / "graph.ann").write_bytes(blob[end:])
        loaded = annoy.AnnoyIndex(DIMENSION, "euclidean")
        loaded.load(str(tmp_path / "graph.ann"))
        assert loaded.get_n_items() == len(index)


def test_a_packed_graph_with_all_rows_is_exported_without_a_build() -> None:
    index = made("packed")
    assert index.base is not None
    head, sections = frame.decode(_file(index, "lhv1"))
    assert [bytes(data) for data in sections.values()] == [index.base.graph.section.buffer.tobytes()]
    assert (head.envelope.commit, head.envelope.applied) == (index.commit, list(index.applied))


def test_the_calibration_of_sections_that_are_not_exported_is_omitted() -> None:
    items = [Item(str(at), row) for at, row in enumerate(_matrix(300, 33))]
    index = packed(items, 33).index
    assert index.base is not None
    assert index.base.parts
    blob = _file(index, "lhv1")
    assert not frame.decode(blob)[0].envelope.parts
    assert v.ids(search.search(decode.open_blob(blob), items[7].vector, 1)) == ["7"]


def test_a_built_plain_form_has_the_new_commit_id() -> None:
    envelope = frame.decode(_file(made("plain"), "lhv1"))[0].envelope
    assert (envelope.commit, envelope.sections[0].id) == ("a-commit", "a-commit/graph")


def test_ids_and_metadata_that_exceed_the_envelope_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_form, "_MAX_ENVELOPE", 1_000)
    with pytest.raises(AnswerTooLarge):
        _file(made("packed"), "lhv1")


def test_a_line_is_one_object_with_the_text_of_its_metadata() -> None:
    written = _file(made("plain"), "jsonl").splitlines(keepends=True)
    assert (
        written[0]
        == b'{"id":"edge-0","vector":[0.0,-0.0,1e-45,-1.1754942e-38,3.4028235e38],"metadata":%b}\n'
        % (METADATA["edge-0"])
    )
    assert written[1].endswith(b'"metadata":{    "lines": "a\\nb",  "x": null}}\n')
    assert json.loads(written[2]).keys() == {"id", "vector"}


def test_a_gzipped_file_has_the_content_of_the_uncompressed_one() -> None:
    index = made("packed")
    assert gzip.decompress(_file(index, "jsonl.gz")) == _file(index, "jsonl")


@pytest.mark.parametrize("kind", ROW_FORMATS)
def test_several_indexes_follow_each_other_in_one_file(kind: Format) -> None:
    shards = [made("plain"), made("empty"), v.with_items(v.empty(DIMENSION), [v.item("z", (1, 2, 3, 4, 5))])]
    assert kind != "lhv1"
    entries = entries_of_file(f"x.{kind}", b"".join(export_rows(shards, DIMENSION, kind)), LIMIT)
    assert [entry.id for entry in entries] == [vector_id for one in shards for vector_id in one.rows.ids]


@pytest.mark.slow
def test_parquet_can_have_the_largest_dimension() -> None:
    row = np.random.default_rng(0).normal(size=4_096)
    index = v.of_matrix(row[None, :], "cosine")
    (entry,) = entries_of_file("x.parquet", _file(index, "parquet"), LIMIT)
    assert _plain(entry) == ("0", row.astype(np.float32).tobytes(), None)


def test_parquet_leaves_no_temporary_files(tmp_path: Path) -> None:
    parts = export(made("plain"), "parquet", "t", "c", tmp_path)
    next(parts)
    parts.close()
    assert list(tmp_path.iterdir()) == []


@cache
def _large() -> Index:
    return v.of_matrix(_matrix(1_060, 2_048), "cosine", m=1)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.slow
def test_every_part_but_the_last_has_8_mib(kind: Format) -> None:
    sizes = [len(part) for part in export(_large(), kind, "t", "c")]
    assert set(sizes[:-1]) == {8 << 20}
    assert 0 < sizes[-1] <= 8 << 20


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40))
def test_parts_have_the_bytes_of_the_chunks(chunks: list[bytes], size: int) -> None:
    parts = list(cut_into_parts(chunks, size))
    assert b"".join(parts) == b"".join(chunks)
    assert {len(part) for part in parts[:-1]} <= {size}
    assert all(parts)


def test_missing_sections_are_fetched_once() -> None:
    made = packed(_items(3_000), DIMENSION)
    head, sections = frame.decode(made.blob)
    fetch = RecordingFetch()
    index = decode.open_head(head, lambda entry: fetch.section(bytes(sections[entry]), entry.name), fetch)
    assert sum(len(rows) for rows in batches(index)) == 3_003
    assert fetch.bytes == sum(len(data) for entry, data in sections.items() if entry.name in {"graph", "rows"})


@pytest.mark.slow
def test_lines_need_the_memory_of_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers_batches, "_BATCH_ROWS", 256)
    items = [Item(str(at), row) for at, row in enumerate(_matrix(6_000, 64))]
    index = mutations.upsert(v.empty(64), items)[0]
    tracemalloc.start()
    try:
        size = sum(map(len, lines(batches(index))))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20 < size
    finally:
        tracemalloc.stop()


def _matrix(rows: int, dimension: int) -> v.F32:
    return np.random.default_rng(0).normal(size=(rows, dimension)).astype(np.float32)


FLOATS = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=50)


@given(FLOATS)
def test_a_number_has_as_few_digits_as_numpy_needs(numbers: list[float]) -> None:
    vector = v.f32(numbers)
    short = shortest_decimals(vector)
    assert short.astype(np.float32).tobytes() == vector.tobytes()
    assert [len(_digits(repr(one))) for one in short.tolist()] == [len(_digits(str(one))) for one in vector]


def test_random_float32_have_as_few_digits_as_numpy_needs() -> None:
    bits = np.random.default_rng(5).integers(0, 1 << 32, 20_000, dtype=np.uint32).view(np.float32)
    vector = bits[np.isfinite(bits)]
    short = shortest_decimals(vector)
    assert short.astype(np.float32).tobytes() == vector.tobytes()
    assert [len(_digits(repr(one))) for one in short.tolist()] == [len(_digits(str(one))) for one in vector]


def _digits(text: str) -> str:
    return text.partition("e")[0].lstrip("-").replace(".", "").strip("0")


def _blocks(index: Index) -> Iterator[int]:
    return (len(rows) for rows in batches(index))


def test_a_batch_has_at_most_1024_rows() -> None:
    assert list(_blocks(made("packed"))) == [1_024, 1_024, 955]
