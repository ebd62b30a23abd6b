"""Each format of files and of rows in memory is loaded completely; a file that cannot be read is refused."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from tests.load.files import FILES, SMALL, lines, table, write_parquet

from vectord_client import Index
from vectord_client.errors import ArgumentInvalid
from vectord_client.load.errors import SourceUnreadable


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_each_format_is_loaded(
    name: str, films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable
) -> None:
    FILES[name](tmp_path / name, matrix)
    report = films.load(tmp_path / name, batch_bytes=SMALL)
    assert (report.added, report.replaced, report.failed, report.via) == (1_000, 0, (), "batches")
    check(films)


FORMS = {
    "rows": lines,
    "generator": lambda matrix: (line for line in lines(matrix)),
    "tuples": lambda matrix: [tuple(line.values()) for line in lines(matrix)],
    "pandas": lambda matrix: table(matrix).to_pandas(),
    "polars": lambda matrix: pl.from_arrow(table(matrix)),
    "Arrow": table,
    "batches": lambda matrix: iter(table(matrix).to_batches(max_chunksize=77)),
    "frames": lambda matrix: (table(matrix).slice(first, 100).to_pandas() for first in range(0, len(matrix), 100)),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_in_memory_are_loaded(form: str, films: Index, matrix: np.ndarray, check: Callable) -> None:
    assert films.load(FORMS[form](matrix), batch_bytes=SMALL).added == 1_000
    check(films)


def test_a_matrix_without_ids_has_the_numbers_of_its_rows(films: Index, matrix: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", matrix)
    films.load(tmp_path / "m.npy")
    assert films["999"].vector.tobytes() == matrix[999].tobytes()


def test_parquet_is_read_by_duckdb_where_pyarrow_is_missing(
    films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(tmp_path / "a.parquet", matrix)
    monkeypatch.setattr(
        "vectord_client.load.sources.parquet.find_spec", lambda name: None if name == "pyarrow" else object()
    )
    assert films.load(tmp_path / "a.parquet", batch_bytes=SMALL).added == 1_000
    check(films)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.txt", b"", ArgumentInvalid, "names end with .parquet"),
        ("a.parquet", b"PAR1 no", SourceUnreadable, "a.parquet is not Parquet, or it is cut"),
        ("a.npz", b"PK no", SourceUnreadable, "a.npz is cut or damaged"),
        ("a.npy", b"no", SourceUnreadable, "a.npy is not an array of numpy"),
        ("a.csv", b"", SourceUnreadable, "a.csv is empty"),
        ("a.csv", b"key,vector\n", ArgumentInvalid, "the file has no column 'id'; its columns are 'key', 'vector'"),
        ("a.jsonl.gz", gzip.compress(b'{"id": "a", "vector": [1]}' * 999)[:-9], SourceUnreadable, "is cut or damaged"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused(
    name: str, content: bytes, error: type[Exception], message: str, *, films: Index, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        films.load(tmp_path / name)


def test_a_pipe_is_refused_before_it_is_read(films: Index, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jsonl")
    writer = os.open(tmp_path / "a.jsonl", os.O_RDWR)
    with pytest.raises(ArgumentInvalid, match="is not a file that can be read twice"):
        films.load(tmp_path / "a.jsonl")
    os.close(writer)


def test_columns_are_named_as_in_an_add(films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable) -> None:
    frame = table(matrix).to_pandas().rename(columns={"id": "key", "vector": "emb"})
    frame["other"] = 5
    films.load(frame, id="key", vector="emb", metadata=["n"])
    check(films)
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    assert films.load(tmp_path / "a.parquet", id="key", vector="emb", metadata=["n"]).replaced == 1_000


def test_empty_sources_load_nothing(films: Index, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"")
    for source in ([], iter([]), pd.DataFrame({"id": [], "vector": []}), tmp_path / "a.jsonl"):
        assert films.load(source).rows == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_text_that_is_not_utf_8_is_an_error_that_names_its_encoding(
    name: str, encoding: str, films: Index, tmp_path: Path
) -> None:
    text = '{"id": "a", "vector": [1]}' if name == "a.jsonl" else "id,vector\na,[1]"
    (tmp_path / name).write_text(text, encoding=encoding)
    with pytest.raises(SourceUnreadable, match=rf"is text in {encoding[:6].upper()}; it must be UTF-8\. Convert it"):
        films.load(tmp_path / name)
