"""A load puts every valid row of a source into the index, once, and reports the others."""

import csv
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from vectord_client import AsyncClient, Client, Index
from vectord_client.errors import ArgumentInvalid, IndexNotFound
from vectord_client.load.errors import BadRows, SourceUnreadable

SMALL = 30_000  # bytes of a batch: 1,000 rows are several batches
DEEP = json.loads("[" * 101 + "]" * 101)  # one level too many, which only the service checks


def lines(matrix: np.ndarray) -> list[dict]:
    return [{"id": f"id{row}", "vector": vector, "metadata": {"n": row}} for row, vector in enumerate(matrix.tolist())]


def table(matrix: np.ndarray) -> pa.Table:
    return pa.table({
        "id": [f"id{row}" for row in range(len(matrix))],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1]),
        "n": range(len(matrix)),
    })  # fmt: skip


def write_jsonl(path: Path, matrix: np.ndarray) -> None:
    path.write_text("\n".join(map(json.dumps, lines(matrix))) + "\n\n")


def write_gz(path: Path, matrix: np.ndarray) -> None:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, lines(matrix))).encode()))


def write_parquet(path: Path, matrix: np.ndarray) -> None:
    parquet.write_table(table(matrix), path, row_group_size=300)


def write_json_parquet(path: Path, matrix: np.ndarray) -> None:
    texts = [json.dumps({"n": row}) for row in range(len(matrix))]
    parquet.write_table(table(matrix).drop(["n"]).append_column("metadata", [texts]), path)


def write_pandas(path: Path, matrix: np.ndarray) -> None:
    table(matrix).to_pandas().to_parquet(path, index=False)


def write_polars(path: Path, matrix: np.ndarray) -> None:
    pl.from_arrow(table(matrix)).write_parquet(path)


def write_csv(path: Path, matrix: np.ndarray) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "vector", "n"])
        writer.writerows([line["id"], json.dumps(line["vector"]), line["metadata"]["n"]] for line in lines(matrix))


def write_compressed(path: Path, matrix: np.ndarray) -> None:
    metadata = np.array([f'{{"n": {row}}}' for row in range(len(matrix))])
    np.savez_compressed(path, ids=[f"id{row}" for row in range(len(matrix))], vectors=matrix, metadata=metadata)


def write_fortran(path: Path, matrix: np.ndarray) -> None:
    metadata = np.array([f'{{"n": {row}}}'.encode() for row in range(len(matrix))])
    ids = np.array([f"id{row}" for row in range(len(matrix))])
    np.savez(path, ids=ids, vectors=np.asfortranarray(matrix.astype(">f8")), metadata=metadata)


def write_fields(path: Path, matrix: np.ndarray) -> None:
    array = np.empty(len(matrix), [("id", "U9"), ("vector", "f4", matrix.shape[1:]), ("metadata", "U20")])
    array["id"] = [f"id{row}" for row in range(len(matrix))]
    array["vector"], array["metadata"] = matrix, [f'{{"n": {row}}}' for row in range(len(matrix))]
    np.save(path, array)


FILES = {
    "a.jsonl": write_jsonl,
    "a.jsonl.gz": write_gz,
    "a.parquet": write_parquet,
    "json.parquet": write_json_parquet,
    "pandas.parquet": write_pandas,
    "polars.parquet": write_polars,
    "a.csv": write_csv,
    "compressed.npz": write_compressed,
    "fortran.npz": write_fortran,
    "fields.npy": write_fields,
}


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


def test_a_second_load_of_a_finished_file_replaces_its_rows(films: Index, npz: Path, check: Callable) -> None:
    films.load(npz)
    report = films.load(npz)
    assert (report.added, report.replaced, report.resumed) == (0, 1_000, 0)
    check(films)


def test_one_file_is_loaded_into_two_indexes(client: Client, npz: Path, check: Callable) -> None:
    for name in ("one", "two"):
        index = client.create_index(name, dimension=8)
        assert index.load(npz).added == 1_000
        check(index)


def test_the_last_of_several_rows_with_one_id_counts(films: Index, matrix: np.ndarray) -> None:
    rows = [("same", vector, {"n": row}) for row, vector in enumerate(matrix)]
    report = films.load(rows, batch_bytes=1_000, concurrency=8)
    assert films["same"].metadata == {"n": 999}
    assert len(films) == 1
    assert report.added == 1


def test_bad_rows_are_reported_and_the_others_loaded(
    films: Index, matrix: np.ndarray, tmp_path: Path, check: Callable
) -> None:
    rows = lines(matrix)
    rows[3]["vector"][2] = "x"
    rows[5]["vector"] = [0.0] * 8
    rows[7]["vector"] = [1.0]
    rows[9]["id"] = 9.5
    rows[11] = {"key": "id11", "vector": [1.0] * 8}
    texts = [json.dumps(row) for row in rows]
    texts[13] = texts[13][:-5]
    texts[15] = '{"id": "id15", "id": "x", "vector": []}'
    (tmp_path / "bad.jsonl").write_text("\n".join(texts))
    report = films.load(tmp_path / "bad.jsonl", batch_bytes=SMALL)
    assert report.added == 993
    assert [(row.position, row.id) for row in report.failed] == [
        (3, "id3"), (5, "id5"), (7, "id7"), (9, None), (11, None), (13, None), (15, None)
    ]  # fmt: skip
    reasons = [row.reason for row in report.failed]
    assert reasons[1].startswith("the vector has only zeros")
    assert reasons[2] == "the vector has 1 components, and the index has 8"
    assert reasons[4] == "the line has no key 'id'; its keys are 'key', 'vector'. Name it with id="
    assert reasons[6] == "the line has the key 'id' more than once"
    check(films, without=(3, 5, 7, 9, 11, 13, 15))


def test_a_row_that_only_the_service_refuses_is_reported_too(films: Index, matrix: np.ndarray, check: Callable) -> None:
    rows = lines(matrix)
    rows[500]["metadata"] = DEEP
    report = films.load(rows, batch_bytes=SMALL)
    assert [(row.position, row.id) for row in report.failed] == [(500, "id500")]
    check(films, without=(500,))


@pytest.mark.parametrize("bad", [{"id": 5}, {"vector": [0.0] * 8}, {"metadata": DEEP}])
def test_a_bad_row_ends_the_load_on_request(bad: dict, films: Index, matrix: np.ndarray) -> None:
    rows = lines(matrix)
    rows[999] |= bad
    with pytest.raises(BadRows) as caught:
        films.load(rows, batch_bytes=SMALL, on_bad="raise")
    assert [row.position for row in caught.value.errors] == [999]
    assert len(films) < 1_000


def test_a_load_into_a_sharded_index(client: Client, npz: Path, check: Callable) -> None:
    index = client.create_index("sharded", dimension=8, shards=3)
    assert index.load(npz, batch_bytes=SMALL).added == 1_000
    check(index)


async def test_an_asynchronous_load_is_the_same(films: Index, npz: Path, check: Callable) -> None:
    async with AsyncClient(films._session.target) as client:
        index = client.index("films")
        report = await index.load(npz, batch_bytes=SMALL)
        assert (report.added, await index.count()) == (1_000, 1_000)
    check(films)


@pytest.mark.parametrize("total", [True, False])
def test_progress_is_given_to_a_function(total: bool, films: Index, matrix: np.ndarray) -> None:
    rows, seen = lines(matrix), []
    films.load(rows if total else iter(rows), batch_bytes=SMALL, progress=lambda done, of: seen.append((done, of)))
    assert seen == sorted(seen)
    assert seen[-1] == (1_000, 1_000 if total else None)


def test_nothing_is_shown_where_stderr_is_not_a_terminal(films: Index, npz: Path, capfd: pytest.CaptureFixture) -> None:
    films.load(npz)
    assert capfd.readouterr() == ("", "")
    films.load(npz, progress=True)
    assert "films.npz: 100%" in capfd.readouterr().err


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


def test_a_file_that_is_missing_and_an_index_that_is_missing_are_named(client: Client, npz: Path) -> None:
    with pytest.raises(IndexNotFound):
        client.index("none").load(npz)
    client.create_index("films", dimension=8)
    with pytest.raises(ArgumentInvalid, match=r"nothing\.npz cannot be read: No such file"):
        client.index("films").load(npz.with_name("nothing.npz"))


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
