"""A value that cannot be read makes its row bad, and others are loaded; a wrong option is refused by its name."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from vectord_client import Client, Index
from vectord_client.errors import ArgumentInvalid


@pytest.fixture
def films(tmp_path: Path) -> Index:
    return Client(tmp_path / "data").create_index("films", dimension=2)


def test_a_row_of_csv_that_is_not_utf_8_is_bad(films: Index, tmp_path: Path) -> None:
    latin = 'id,vector,name\nalien,"[1,2]",Alien\nam\xe9lie,"[1,2]",x\nup,"[1,2]",L\xe0-haut\n'.encode("latin-1")
    (tmp_path / "a.csv").write_bytes(latin)
    report = films.load(tmp_path / "a.csv")
    assert report.added == 1
    assert [(row.position, row.id) for row in report.failed] == [(1, None), (2, "up")]
    assert all(row.reason.startswith("the row is not text in UTF-8; convert the file") for row in report.failed)


def test_an_id_with_half_a_surrogate_pair_is_a_bad_row_of_a_resumable_load(films: Index) -> None:
    report = films.load([("good", [1, 2]), ("\ud800", [1, 2]), ("bad", [1, 2], {"\ud800": float("nan")})])
    assert report.added == 1
    assert [(row.position, row.id) for row in report.failed] == [(1, None), (2, "bad")]


UNREADABLE = {
    "a time in the year 292,277": pa.array([0, 2**62], pa.timestamp("us")),
    "a map with a key twice": pa.array([[("k", 1)], [("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int32())),
}


@pytest.mark.parametrize("column", UNREADABLE.values(), ids=UNREADABLE)
def test_a_value_that_python_cannot_represent_makes_its_row_bad(column: Any, films: Index, tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b"], "vector": [[1.0, 2.0]] * 2, "value": column})
    parquet.write_table(table, tmp_path / "a.parquet")
    for source in (table, tmp_path / "a.parquet"):
        report = films.load(source)
        assert [row.id for row in report.failed] == ["b"]
        assert report.failed[0].reason.startswith("metadata has a value that is unreadable (")
    assert films.count() == 1


def test_a_file_with_an_array_of_all_rows_says_what_a_line_is(films: Index, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('[{"id": "a", "vector": [1, 2]}]')
    [row] = films.load(tmp_path / "a.jsonl").failed
    assert row.reason == "the line is not a JSON object: it is a JSON array; write one object a line"


@pytest.mark.parametrize(
    "option",
    [{"id": None}, {"vector": 5}, {"metadata": 5}, {"metadata": ["n", 5]}, {"concurrency": "4"}, {"concurrency": 0},
     {"batch_bytes": 1e6}, {"batch_bytes": 10}, {"resume": ""}, {"resume": 5}],
    ids=str,
)  # fmt: skip
def test_an_option_with_a_wrong_value_is_refused_by_its_name(option: dict[str, Any], films: Index) -> None:
    [name] = option
    with pytest.raises(ArgumentInvalid, match=rf"^{name} is .+; it is "):
        films.load([("a", [1, 2])], **option)


@pytest.mark.parametrize("path", ["a\0.jsonl", "~no-such-user/a.jsonl"])
def test_what_is_not_a_path_is_refused(path: str, films: Index) -> None:
    with pytest.raises(ArgumentInvalid, match="is not a path"):
        films.load(path)
