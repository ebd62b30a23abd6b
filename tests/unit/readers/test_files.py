"""Files of vectors: the entries of each format, and the files that are refused as a whole."""

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
from vectord.readers.entry import Entry, NewVector
from vectord.readers.files import entries_of_file

LIMIT = 1 << 20
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


def _read(name: str, data: bytes, limit: int = LIMIT) -> list[Entry]:
    return list(entries_of_file(name, data, limit))


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
def test_a_parquet_vector_may_be_a_list_or_an_array_of_numbers(column: str, kind: str, tmp_path: Path) -> None:
    data = _parquet(f"select 'a' as id, [1, 2]::{kind} as {column}, '{{\"n\": 1}}' as metadata", tmp_path)
    assert _plain(_read("x.parquet", data)) == [("a", VECTORS[0].tobytes(), {"n": 1})]


def test_parquet_metadata_may_be_a_struct_or_absent(tmp_path: Path) -> None:
    data = _parquet("select 'a' as id, [1, 2]::float[] as vector, {'n': 1, 'deep': [true]} as metadata", tmp_path)
    assert _plain(_read("x.parquet", data))[0][2] == {"n": 1, "deep": [True]}
    assert _plain(_read("x.parquet", _parquet("select 'a' as id, [1, 2]::float[] as vector", tmp_path)))[0][2] is None


def test_a_parquet_row_with_a_null_is_a_bad_item(tmp_path: Path) -> None:
    rows = "(values ('a', [1, 2]::float[]), (null, [1, 2]), ('c', null), ('d', [1, null])) t(id, vector)"
    bad = [
        entry for entry in _read("x.parquet", _parquet(f"select * from {rows}", tmp_path)) if isinstance(entry, BadItem)
    ]
    assert [(entry.position, entry.id) for entry in bad] == [(1, None), (2, "c"), (3, "d")]


def test_a_matrix_without_ids_gets_row_numbers_as_ids() -> None:
    assert [row[0] for row in _plain(_read("x.npy", _npy(VECTORS)))] == ["0", "1", "2"]


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_an_array_with_fields_has_ids(version: tuple[int, int]) -> None:
    array = np.array([(i, v) for i, v, _ in ROWS], [("id", "U20"), ("vector", "<f4", (2,))])
    assert [row[:2] for row in _plain(_read("x.npy", _npy(array, version)))] == [row[:2] for row in EXPECTED]


def test_a_matrix_in_fortran_order_reads_by_rows() -> None:
    assert _plain(_read("x.npy", _npy(np.asfortranarray(VECTORS))))[1][1] == VECTORS[1].tobytes()


def test_a_bad_line_is_reported_by_its_number_and_the_other_lines_are_read() -> None:
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
        archive.writestr("vectors.npy", bytes(2 * LIMIT))
    return packed.getvalue()


BOMBS = {
    "x.jsonl.gz": gzip.compress(bytes(LIMIT + 1)),
    "x.npz": _zip_of_zeros(),
    "x.npy": _npy(VECTORS)[:-24].replace(b"(3, 2)", b"(9999999999, 2)"),
    "z.jsonl": b" " * (LIMIT + 1),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_decodes_to_too_much_is_refused(name: str) -> None:
    with pytest.raises(FileRefused):
        _read(name, BOMBS[name])


def test_a_parquet_file_that_decodes_to_too_much_is_refused(tmp_path: Path) -> None:
    data = _parquet(
        "select i::varchar as id, [0.5 for x in range(1000)]::float[] as vector from range(5000) r(i)", tmp_path
    )
    assert len(data) < LIMIT
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
def test_an_invalid_file_is_refused_with_a_reason(name: str) -> None:
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
def test_text_in_an_array_that_cannot_be_stored_is_a_bad_item(name: str) -> None:
    data, vector_id = BAD_ROWS[name]
    (entry,) = _read(name, data)
    assert isinstance(entry, BadItem)
    assert (entry.position, entry.id) == (0, vector_id)
    assert json.dumps(entry.reason, ensure_ascii=False).encode()


def test_parquet_metadata_that_is_nested_too_deeply_is_a_bad_item(tmp_path: Path) -> None:
    data = _parquet("select 'a' as id, [1.0::float] as vector, repeat('[', 100000) as metadata", tmp_path)
    (entry,) = _read("x.parquet", data)
    assert isinstance(entry, BadItem)


@pytest.mark.parametrize(
    "select", ["select 1 as x", "select 'a' as id, 'b' as vector", "select [1] as id, [1] as vector"]
)
def test_a_parquet_file_with_other_columns_is_refused(select: str, tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        _read("x.parquet", _parquet(select, tmp_path))


@pytest.mark.parametrize(("long", "good"), [(5_000, True), (12_000, False)])
@pytest.mark.slow
def test_the_lengths_of_all_parquet_vectors_are_added_up(long: int, good: bool, tmp_path: Path) -> None:
    vector = f"case when i < {long} then [0.5 for x in range(800)] else [0.5] end::double[]"
    data = _parquet(f"select i::varchar as id, {vector} as vector from range(20000) r(i)", tmp_path)
    if good:
        assert len(_read("x.parquet", data, 64 << 20)) == 20_000
        return
    with pytest.raises(FileRefused, match="67,108,864"):
        _read("x.parquet", data, 64 << 20)
