"""Ids of a file or a table may be integers: each becomes its digits, whatever the format."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from vectord_client import Client, Index
from vectord_client.errors import ArgumentInvalid
from vectord_client.load import upload
from vectord_client.rows.block import InvalidRows

IDS = [7, -7, 0, 2**63 - 1]
DIGITS = {"7", "-7", "0", "9223372036854775807"}
COLUMNS = {"id": IDS, "vector": [[1.0] * 8] * len(IDS)}


def write_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps({"id": one, "vector": [1.0] * 8}) + "\n" for one in IDS))


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        delimiter = "\t" if path.suffix == ".tsv" else ","
        csv.writer(file, delimiter=delimiter).writerows([["id", "vector"], *([one, [1.0] * 8] for one in IDS)])


def write_fields(path: Path) -> None:
    np.save(path, np.array([(one, [1.0] * 8) for one in IDS], [("id", "i8"), ("vector", "f4", 8)]))


FILES: dict[str, Callable[[Path], Any]] = {
    "a.jsonl": write_jsonl,
    "a.ndjson": write_jsonl,
    "a.jsonl.gz": lambda path: (write_jsonl(path), path.write_bytes(gzip.compress(path.read_bytes()))),
    "a.csv": write_csv,
    "a.tsv": write_csv,
    "a.parquet": lambda path: parquet.write_table(pa.table(COLUMNS), path),
    "decimal.parquet": lambda path: parquet.write_table(
        pa.table({**COLUMNS, "id": pa.array(IDS, pa.int64()).cast(pa.decimal128(38, 0))}), path
    ),
    "a.npz": lambda path: np.savez(path, ids=np.array(IDS), vectors=COLUMNS["vector"]),
    "fields.npy": write_fields,
}
TABLES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas, objects": lambda: pd.DataFrame({**COLUMNS, "id": pd.Series([np.int64(one) for one in IDS], dtype=object)}),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "Arrow": lambda: pa.table(COLUMNS),
    "batches": lambda: iter(pa.table(COLUMNS).to_batches()),
}


@pytest.mark.parametrize("name", FILES)
def test_integers_of_a_file_become_their_digits(name: str, films: Index, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    assert films.load(tmp_path / name).failed == ()
    assert {row.id for row in films.rows()} == DIGITS


@pytest.mark.parametrize("name", TABLES)
def test_integers_of_a_table_become_their_digits(name: str, films: Index) -> None:
    assert films.load(TABLES[name]()).failed == ()
    assert {row.id for row in films.rows()} == DIGITS
    assert films.add(TABLES[name]()).replaced == len(IDS)


def test_a_uuid_becomes_its_text_in_lower_case(films: Index) -> None:
    films.add(pd.DataFrame({"id": [UUID(int=10)], "vector": [[1.0] * 8]}))
    assert "00000000-0000-0000-0000-00000000000a" in films


@pytest.mark.parametrize("text", ["7.0", "7.5", "true", "[7]", '{"n":7}', "7e3"])
def test_what_is_neither_text_nor_an_integer_is_refused(text: str, films: Index, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"id":{text},"vector":[1,1,1,1,1,1,1,1]}}')
    [row] = films.load(tmp_path / "a.jsonl").failed
    assert row.reason == f"the id is {text}; an id is text or an integer"


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_column_of_other_numbers_is_refused(make: Callable, films: Index) -> None:
    with pytest.raises(InvalidRows) as raised:
        films.add(make({"id": [7.5, None], "vector": [[1.0] * 8] * 2}))
    assert [row.reason for row in raised.value.errors] == [
        "the id is 7.5, a float; an id is text or an integer",
        "the id is missing",
    ]


@pytest.mark.parametrize("value", ["9" * 1_025, "9" * 5_000])
def test_an_integer_with_more_digits_than_an_id_may_have_is_refused(value: str, films: Index, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"id":{value},"vector":[1,1,1,1,1,1,1,1]}}\n')
    [row] = films.load(tmp_path / "a.jsonl").failed
    assert row.reason == f"the id has {len(value):,} bytes of UTF-8, and the limit is 1,024"


@pytest.mark.parametrize("member", ['"id":"a","vector":[1,1,1,1,1,1,1,1],"n":DEEP', '"id":DEEP', '"vector":DEEP'])
def test_a_line_with_too_many_levels_is_refused_and_the_others_are_loaded(
    member: str, films: Index, tmp_path: Path
) -> None:
    deep = f"{{{member}}}\n".replace("DEEP", "[" * 100_000 + "]" * 100_000)
    (tmp_path / "a.jsonl").write_text(deep + '{"id":"good","vector":[1,1,1,1,1,1,1,1]}\n')
    report = films.load(tmp_path / "a.jsonl")
    assert [row.reason for row in report.failed] == ["the line has too many levels of arrays and objects"]
    assert (report.added, len(films)) == (1, 1)


def test_lines_with_integers_are_not_uploaded_because_the_service_reads_text(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_jsonl(tmp_path / "a.jsonl")
    monkeypatch.setattr(upload, "_FASTER_BYTES", 1)
    with Client(server) as client:
        films = client.create_index("films", dimension=8)
        with pytest.raises(ArgumentInvalid, match="which the service does not read from an uploaded file"):
            films.load(tmp_path / "a.jsonl", via="upload")
        assert films.load(tmp_path / "a.jsonl").via == "batches"
        assert {row.id for row in films.rows()} == DIGITS
