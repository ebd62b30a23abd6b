"""Files of vectors: what each format yields, and which files are refused as a whole."""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import Entry, NewVector, entry_of_json
from vectord.readers.files import entries_of_file
from vectord.readers.jsonl import parse_numbers_fast

MOST = 1 << 20
VECTORS = np.array([[1, 2], [3, -0.0], [1e-40, 4]], np.float32)
ROWS = [
    ("a", VECTORS[0], {"n": 1}),
    ("b/%2F é", VECTORS[1], None),
    ("漢", VECTORS[2], [1, {"x": None}]),
]


def _jsonl() -> bytes:
    lines = [json.dumps({"id": i, "vector": v.astype(float).tolist(), "metadata": m}) for i, v, m in ROWS]
    return "\n\n".join(lines).encode() + b"\r\n"


def _npz(**changed: object) -> bytes:
    packed = io.BytesIO()
    metadata = np.array([json.dumps(m) for _, _, m in ROWS])
    arrays = {"ids": np.array([i for i, _, _ in ROWS]), "vectors": VECTORS, "metadata": metadata, **changed}
    np.savez_compressed(packed, **{name: array for name, array in arrays.items() if array is not None})
    return packed.getvalue()


def _npy(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    packed = io.BytesIO()
    np.lib.format.write_array(packed, array, version=version)
    return packed.getvalue()


def _parquet(select: str, folder: Path) -> bytes:
    duckdb.sql(f"copy ({select}) to '{folder}/x.parquet' (format parquet)")
    return (folder / "x.parquet").read_bytes()


def _read(name: str, data: bytes, most: int = MOST) -> list[Entry]:
    return list(entries_of_file(name, data, most))


def _plain(entries: list[Entry]) -> list[tuple[str, bytes, object]]:
    assert not [entry for entry in entries if isinstance(entry, BadItem)]
    return [
        (entry.id, entry.vector.astype(np.float32).tobytes(), entry.metadata and json.loads(bytes(entry.metadata)))
        for entry in entries
        if isinstance(entry, NewVector)
    ]


EXPECTED = [(i, v.tobytes(), m) for i, v, m in ROWS]


@pytest.mark.parametrize(
    ("name", "write"),
    [("x.jsonl", _jsonl), ("x.jsonl.gz", lambda: gzip.compress(_jsonl())), ("x.npz", _npz)],
)
def test_each_format_yields_ids_vectors_and_metadata(name: str, write: Callable[[], bytes]) -> None:
    assert _plain(_read(name, write())) == EXPECTED


@pytest.mark.parametrize("column", ["vector", "values"])
@pytest.mark.parametrize("kind", ["float[]", "double[]", "float[2]", "integer[]"])
def test_parquet_takes_lists_and_arrays_of_numbers(column: str, kind: str, tmp_path: Path) -> None:
    data = _parquet(f"select 'a' as id, [1, 2]::{kind} as {column}, '{{\"n\": 1}}' as metadata, 5 as other", tmp_path)
    assert _plain(_read("x.parquet", data)) == [("a", VECTORS[0].tobytes(), {"n": 1})]


def test_parquet_takes_metadata_as_a_struct_and_none_at_all(tmp_path: Path) -> None:
    data = _parquet("select 'a' as id, [1, 2]::float[] as vector, {'n': 1, 'deep': [true]} as metadata", tmp_path)
    assert _plain(_read("x.parquet", data))[0][2] == {"n": 1, "deep": [True]}
    assert _plain(_read("x.parquet", _parquet("select 'a' as id, [1, 2]::float[] as vector", tmp_path)))[0][2] is None


def test_parquet_names_rows_with_nulls(tmp_path: Path) -> None:
    rows = "(values ('a', [1, 2]::float[]), (null, [1, 2]), ('c', null), ('d', [1, null])) t(id, vector)"
    bad = [
        entry for entry in _read("x.parquet", _parquet(f"select * from {rows}", tmp_path)) if isinstance(entry, BadItem)
    ]
    assert [(entry.position, entry.id) for entry in bad] == [(1, None), (2, "c"), (3, "d")]


def test_a_matrix_alone_takes_row_numbers_as_ids() -> None:
    assert [row[0] for row in _plain(_read("x.npy", _npy(VECTORS)))] == ["0", "1", "2"]


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_with_fields_brings_its_ids(version: tuple[int, int]) -> None:
    array = np.array([(i, v) for i, v, _ in ROWS], [("id", "U20"), ("vector", "<f4", (2,))])
    assert [row[:2] for row in _plain(_read("x.npy", _npy(array, version)))] == [row[:2] for row in EXPECTED]


def test_a_matrix_in_fortran_order_reads_by_rows() -> None:
    assert _plain(_read("x.npy", _npy(np.asfortranarray(VECTORS))))[1][1] == VECTORS[1].tobytes()


def test_a_bad_line_is_named_by_its_number_and_the_rest_is_read() -> None:
    lines = [
        b'{"id": "a", "vector": [1]}',
        b"",
        b"{not json",
        b'{"id": "b", "vector": ["x"]}',
        b'{"id": "c", "vector": [2]}',
    ]
    entries = _read("x.jsonl", b"\n".join(lines))
    assert [(e.position, e.id) for e in entries if isinstance(e, BadItem)] == [(2, None), (3, "b")]
    assert [e.id for e in entries if isinstance(e, NewVector)] == ["a", "c"]


def _zip_of_zeros() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", bytes(50 * MOST))
    return packed.getvalue()


BOMBS = {
    "x.jsonl.gz": gzip.compress(bytes(50 * MOST)),
    "y.jsonl.gz": gzip.compress(b"\n" * 50 * MOST),
    "x.npz": _zip_of_zeros(),
    "x.npy": _npy(VECTORS)[:-24].replace(b"(3, 2)", b"(9999999999, 2)"),
    "z.jsonl": b" " * (MOST + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_decodes_to_too_much_is_refused(name: str) -> None:
    with pytest.raises(FileRefused):
        _read(name, BOMBS[name])


def test_a_parquet_file_that_decodes_to_too_much_is_refused(tmp_path: Path) -> None:
    data = _parquet(
        "select i::varchar as id, [0.5 for x in range(1000)]::float[] as vector from range(5000) r(i)", tmp_path
    )
    assert len(data) < MOST
    with pytest.raises(FileRefused):
        _read("x.parquet", data)


REFUSED = {
    "x.csv": b"id,vector",
    "x": b"",
    "plain.jsonl.gz": _jsonl(),
    "cut.jsonl.gz": gzip.compress(_jsonl())[:-9],
    "x.npz": b"PK",
    "ids.npz": _npz(ids=None),
    "counts.npz": _npz(ids=np.array(["a"])),
    "text.npz": _npz(vectors=np.array([["1", "2"]] * 3)),
    "flat.npz": _npz(vectors=np.arange(3.0)),
    "metadata.npz": _npz(metadata=np.array([1, 2, 3])),
    "junk.npy": b"\x93NUMPY",
    "cut.npy": _npy(VECTORS)[:-1],
    "pickle.npy": b"\x93NUMPY\x01\x00\x3b\x00"
    + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}    \n"
    + pickle.dumps([1]),
    "fields.npy": _npy(np.zeros(2, [("a", "f4")])),
    "scalar.npy": _npy(np.float32(1)),
    "x.parquet": b"PAR1 PAR1",
    "empty.parquet": b"",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_such_file_is_refused_with_a_reason(name: str) -> None:
    with pytest.raises(FileRefused) as refused:
        _read(name, REFUSED[name])
    assert len(str(refused.value)) > 10


_ONE = {"vectors": VECTORS[:1]}
BAD_ROWS = {
    "bytes.npz": (_npz(ids=np.array(["a"]), metadata=np.array([b'"\xff"']), **_ONE), "a"),
    "text.npz": (_npz(ids=np.array(["a"]), metadata=np.array(["\ud800"]), **_ONE), "a"),
    "deep.npz": (_npz(ids=np.array(["a"]), metadata=np.array(["[" * 100_000]), **_ONE), "a"),
    "id.npz": (_npz(ids=np.array(["\ud800"]), metadata=None, **_ONE), None),
    "id.npy": (_npy(np.array([("\ud800", [1, 0])], [("id", "U1"), ("vector", "f4", (2,))])), None),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_text_of_an_array_that_cannot_be_stored_is_a_bad_row(name: str) -> None:
    data, vector_id = BAD_ROWS[name]
    (entry,) = _read(name, data)
    assert isinstance(entry, BadItem)
    assert (entry.position, entry.id) == (0, vector_id)
    assert json.dumps(entry.reason, ensure_ascii=False).encode()


def test_metadata_of_a_parquet_file_that_is_nested_beyond_reading_is_a_bad_row(tmp_path: Path) -> None:
    data = _parquet("select 'a' as id, [1.0::float] as vector, repeat('[', 100000) as metadata", tmp_path)
    (entry,) = _read("x.parquet", data)
    assert isinstance(entry, BadItem)


@pytest.mark.parametrize(
    "select", ["select 1 as x", "select 'a' as id, 'b' as vector", "select [1] as id, [1] as vector"]
)
def test_a_parquet_file_of_other_columns_is_refused(select: str, tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        _read("x.parquet", _parquet(select, tmp_path))


@pytest.mark.parametrize(
    "vector",
    ["[1, 2.5, -0.0]", "[]", "[[1], [2]]", '[1, "2"]', "[true]", "[null]", "[1e400]", "[1,]", "{}", "7", "null"],
)
def test_simdjson_and_msgspec_agree_on_what_an_array_of_numbers_is(vector: str) -> None:
    text = f'{{"id": "a", "vector": {vector}}}'.encode()
    plain, fast = entry_of_json(0, text), entry_of_json(0, text, parse_numbers_fast)
    if isinstance(plain, NewVector) and isinstance(fast, NewVector):
        assert fast.vector.tobytes() == plain.vector.tobytes()
    else:
        assert fast == plain


@pytest.mark.parametrize("vector", [f"[{10**30}]", '[{"a":' + '{"a":' * 2_000 + "1" + "}" * 2_001 + "]"])
def test_numbers_beyond_what_simdjson_can_hold_are_left_to_msgspec(vector: str) -> None:
    text = f'{{"id": "a", "vector": {vector}}}'.encode()
    assert type(entry_of_json(0, text, parse_numbers_fast)) is type(entry_of_json(0, text))


def test_the_members_of_a_gzip_file_are_one_text() -> None:
    lines = [json.dumps({"id": str(i), "vector": [i] * 500}).encode() + b"\n" for i in range(300)]
    text = b"".join(lines)  # longer than what is inflated at once
    apart = gzip.compress(text[:1_001]) + gzip.compress(b"") + gzip.compress(text[1_001:]) + bytes(100)
    assert _plain(_read("x.jsonl.gz", apart)) == _plain(_read("x.jsonl", text))


@pytest.mark.parametrize("kept", range(1, len(gzip.compress(_jsonl())), 7))
def test_a_gzip_file_cut_off_anywhere_is_refused(kept: int) -> None:
    with pytest.raises(FileRefused):
        _read("x.jsonl.gz", gzip.compress(_jsonl())[:kept])


@pytest.mark.parametrize("place", range(10, len(gzip.compress(_jsonl())), 7))
def test_a_gzip_file_with_a_changed_byte_is_refused(place: int) -> None:
    packed = bytearray(gzip.compress(_jsonl()))
    packed[place] ^= 0x55
    with pytest.raises(FileRefused):
        _read("x.jsonl.gz", bytes(packed))


def test_a_gzip_file_of_exactly_the_bound_is_read_and_of_a_byte_more_refused() -> None:
    text = b'{"id":"a","vector":[1]}'.ljust(MOST)
    assert len(_read("x.jsonl.gz", gzip.compress(text))) == 1
    with pytest.raises(FileRefused):
        _read("x.jsonl.gz", gzip.compress(text + b"\n"))


@pytest.mark.parametrize(("long", "good"), [(5_000, True), (12_000, False)])
def test_long_vectors_among_short_ones_count_together(long: int, good: bool, tmp_path: Path) -> None:
    vector = f"case when i < {long} then [0.5 for x in range(800)] else [0.5] end::float[]"
    data = _parquet(f"select i::varchar as id, {vector} as vector from range(20000) r(i)", tmp_path)
    if good:
        assert len(_read("x.parquet", data, 64 << 20)) == 20_000
        return
    with pytest.raises(FileRefused, match="67,108,864"):
        _read("x.parquet", data, 64 << 20)
