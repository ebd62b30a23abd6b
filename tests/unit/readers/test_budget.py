"""What the rows of a file may cost: their number, their bytes, and the bytes of one row, in every format."""

import gzip
import io
import json
from pathlib import Path

import duckdb
import numpy as np
import pytest

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import ROW_BYTES, Entry, NewVector, row_limit
from vectord.readers.files import entries_of_file

LIMIT = 1 << 21
MOST = LIMIT // ROW_BYTES
FORMATS = ["jsonl", "jsonl.gz", "npz", "parquet"]


def file(kind: str, rows: int, folder: Path, *, vector: str = "[1]", metadata: str = "1") -> bytes:
    """Return a file of equal rows; `vector` and `metadata` are JSON."""
    if kind == "npz":
        packed = io.BytesIO()
        vectors = np.array([json.loads(vector)] * rows, np.float32).reshape(rows, -1)
        ids, texts = np.array([b"a"] * rows), np.array([metadata.encode()] * rows)
        np.savez_compressed(packed, ids=ids, vectors=vectors, metadata=texts)
        return packed.getvalue()
    if kind == "parquet":
        select = f"select 'a' as id, {vector}::float[] as vector, '{metadata}' as metadata from range({rows})"
        duckdb.sql(select).write_parquet(f"{folder}/x.parquet")
        return (folder / "x.parquet").read_bytes()
    line = f'{{"id":"a","vector":{vector},"metadata":{metadata}}}\n'.encode()
    return gzip.compress(line * rows) if kind == "jsonl.gz" else line * rows


def read(kind: str, data: bytes, dimension: int | None = None) -> list[Entry]:
    return list(entries_of_file(f"x.{kind}", data, LIMIT, dimension))


@pytest.mark.slow
@pytest.mark.parametrize("vector", ["[]", "[1]"])
@pytest.mark.parametrize("kind", FORMATS)
def test_the_number_of_rows_is_bounded_even_if_they_are_empty(kind: str, vector: str, tmp_path: Path) -> None:
    assert len(read(kind, file(kind, MOST, tmp_path, vector=vector))) == MOST
    with pytest.raises(FileRefused, match=f"{MOST:,}"):
        read(kind, file(kind, MOST + 1, tmp_path, vector=vector))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_metadata_of_all_rows_is_added_up(kind: str, tmp_path: Path) -> None:
    text = f'"{"x" * 99_998}"'
    assert len(read(kind, file(kind, LIMIT // 100_500, tmp_path, metadata=text))) == LIMIT // 100_500
    with pytest.raises(FileRefused):
        read(kind, file(kind, LIMIT // 100_000 + 1, tmp_path, metadata=text))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_row_whose_text_is_much_longer_than_its_share_is_not_decoded(kind: str, tmp_path: Path) -> None:
    text = "[" + "[]," * (row_limit(LIMIT) // 3) + "0]"
    try:
        (entry,) = read(kind, file(kind, 1, tmp_path, metadata=text))
    except FileRefused as refused:
        assert f"{row_limit(LIMIT):,}" in str(refused)
    else:
        assert isinstance(entry, BadItem)
        assert f"{row_limit(LIMIT):,}" in entry.reason


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_a_vector_of_another_length_than_the_index_has_is_a_bad_row(kind: str, tmp_path: Path) -> None:
    entries = read(kind, file(kind, 2, tmp_path, vector="[1,2,3]"), dimension=2)
    assert [(entry.position, entry.id) for entry in entries] == [(0, "a"), (1, "a")]
    assert {entry.reason for entry in entries if isinstance(entry, BadItem)} == {"vector must have 2 components, not 3"}


def test_a_vector_after_one_of_another_length_keeps_its_components(tmp_path: Path) -> None:
    rows = "(values ('a', [1, 2]), ('b', [3]), ('c', null), ('d', []), ('e', [4, null]), ('f', [5, 6]))"
    duckdb.sql(f"select id, v::float[] as vector from {rows} t(id, v)").write_parquet(f"{tmp_path}/x.parquet")
    entries = read("parquet", (tmp_path / "x.parquet").read_bytes(), dimension=2)
    assert [entry.id for entry in entries] == ["a", "b", "c", "d", "e", "f"]
    vectors = {entry.id: entry.vector.tolist() for entry in entries if isinstance(entry, NewVector)}
    assert vectors == {"a": [1, 2], "f": [5, 6]}
