"""Parquet: which columns and types are read, and what the others are refused for.

The files in `tests/files/columns` have types that DuckDB does not write; pyarrow wrote them.
"""

import json
from pathlib import Path

import duckdb
import pytest

from vectord.errors import BadItem, FileRefused
from vectord.readers.entry import Entry, NewVector
from vectord.readers.files import entries_of_file

COLUMNS = Path(__file__).parents[2] / "files/columns"
LIMIT = 1 << 24
SIGNED, UNSIGNED = ["tinyint", "smallint", "integer", "bigint"], ["utinyint", "usmallint", "uinteger", "ubigint"]
NUMBERS = [*SIGNED, *UNSIGNED, "decimal(5,2)", "decimal(30,1)", "float", "double"]


def parquet(select: str, folder: Path) -> bytes:
    duckdb.sql(f"copy ({select}) to '{folder}/x.parquet' (format parquet)")
    return (folder / "x.parquet").read_bytes()


def read(data: bytes) -> list[Entry]:
    return list(entries_of_file("x.parquet", data, LIMIT))


def stored(name: str) -> list[Entry]:
    return read((COLUMNS / f"{name}.parquet").read_bytes())


def refusal(data: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        read(data)
    return str(refused.value)


def vectors(entries: list[Entry]) -> list[list[float]]:
    assert all(isinstance(entry, NewVector) for entry in entries)
    return [entry.vector.tolist() for entry in entries if isinstance(entry, NewVector)]


def metadata(entries: list[Entry]) -> list[bytes | None]:
    return [entry.metadata and bytes(entry.metadata) for entry in entries if isinstance(entry, NewVector)]


class TestVectors:
    @pytest.mark.parametrize("kind", NUMBERS)
    @pytest.mark.parametrize("size", ["", "2"])
    def test_of_any_numbers_are_read(self, kind: str, size: str, tmp_path: Path) -> None:
        assert vectors(read(parquet(f"select 'a' as id, [1, 2]::{kind}[{size}] as vector", tmp_path))) == [[1, 2]]

    @pytest.mark.parametrize("name", ["half", "half-fixed", "large-list", "list-view"])
    def test_in_any_list_of_numbers_are_read(self, name: str) -> None:
        assert vectors(stored(f"vector-{name}")) == [[1, 2], [3, 4]]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("nested", "DOUBLE[][]"),
            ("bool", "BOOLEAN[]"),
            ("text", "VARCHAR"),
            ("binary", "BLOB"),
            ("structs", "STRUCT"),
            ("map", "MAP"),
            ("nulls", "NULL"),
            ("empty-struct", "STRUCT"),
        ],
    )
    def test_of_another_type_are_refused_with_column_and_type(self, name: str, kind: str) -> None:
        found = refusal((COLUMNS / f"vector-{name}.parquet").read_bytes())
        assert "column vector" in found
        assert kind in found


class TestIds:
    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            ("tinyint", [-128, 127]),
            ("utinyint", [0, 255]),
            ("smallint", [-(2**15), 2**15 - 1]),
            ("usmallint", [0, 2**16 - 1]),
            ("integer", [-(2**31), 2**31 - 1]),
            ("uinteger", [0, 2**32 - 1]),
            ("bigint", [-(2**63), 2**63 - 1]),
            ("ubigint", [0, 2**64 - 1]),
            ("decimal(38,0)", [-(10**37), 10**37]),
        ],
    )
    def test_of_any_integer_type_are_exact(self, kind: str, values: list[int], tmp_path: Path) -> None:
        rows = ", ".join(f"('{value}'::{kind}, [1.0])" for value in values)
        entries = read(parquet(f"from (values {rows}) t(id, vector)", tmp_path))
        assert [entry.id for entry in entries] == [str(value) for value in values]

    @pytest.mark.parametrize("name", ["binary", "string-view", "dictionary"])
    def test_of_text_are_exact(self, name: str) -> None:
        assert [entry.id for entry in stored(f"id-{name}")] == ["a", "é"]

    def test_that_are_uuids_are_canonical_text(self) -> None:
        assert [entry.id for entry in stored("id-uuid")] == [
            "00000000-0000-0000-0000-00000000000a",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ]

    def test_that_are_not_utf_8_are_bad_rows_and_are_not_replaced(self) -> None:
        bad, good = stored("id-binary-latin-1")
        assert isinstance(bad, BadItem)
        assert (bad.position, bad.id, good.id) == (0, None, "ok")

    @pytest.mark.parametrize(("name", "kind"), [("float", "DOUBLE"), ("bool", "BOOLEAN"), ("timestamp", "TIMESTAMP")])
    def test_of_another_type_are_refused_with_column_and_type(self, name: str, kind: str) -> None:
        found = refusal((COLUMNS / f"id-{name}.parquet").read_bytes())
        assert "column id" in found
        assert kind in found


class TestMetadata:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("integers", b'{"x":18446744073709551615}'),
            ("decimals", b'{"x":0.05,"y":1208925819614629174706176}'),
            ("dictionary", b'{"x":"a"}'),
            ("json", b'{"x": 1.0}'),
            ("map", '{"k":[1],"é":null}'.encode()),
            ("null", None),
        ],
    )
    def test_of_a_type_that_json_has_is_exact(self, name: str, text: bytes | None) -> None:
        assert metadata(stored(f"metadata-{name}"))[0] == text

    def test_with_dates_and_times_is_text_in_utc(self) -> None:
        assert json.loads(metadata(stored("metadata-times"))[0] or b"") == {
            "t": "2020-01-02 03:04:05.123456",
            "z": "2020-01-02 03:04:05.123+00",
            "n": "2020-01-02 03:04:05.123456789+00",
            "d": "2020-01-02",
            "c": "03:04:05.123456",
        }

    @pytest.mark.parametrize(
        ("kind", "value", "text"),
        [
            ("decimal(5,0)", "5", "5"),
            ("decimal(5,2)", "-1.5", "-1.50"),
            ("decimal(2,2)", "0.05", "0.05"),
            ("decimal(18,18)", "-0.999999999999999997", "-0.999999999999999997"),
            ("decimal(37,37)", "0.5", f"0.5{'0' * 36}"),
            ("decimal(38,1)", "9999999999999999999999999999999999999.7", "9999999999999999999999999999999999999.7"),
        ],
    )
    def test_with_decimals_keeps_their_digits(self, kind: str, value: str, text: str, tmp_path: Path) -> None:
        entries = read(parquet(f"select 'a' as id, [1.0] as vector, ['{value}'::{kind}] as metadata", tmp_path))
        assert metadata(entries) == [f"[{text}]".encode()]

    def test_with_quotes_in_its_names_keeps_them(self, tmp_path: Path) -> None:
        select = """select 'a' as id, [1.0] as vector, {'a"b': 0.5::double, 'A, b': [{'é': 1}]} as metadata"""
        assert metadata(read(parquet(select, tmp_path))) == ['{"a\\"b":0.5,"A, b":[{"é":1}]}'.encode()]

    @pytest.mark.parametrize(
        ("name", "path"), [("nan", "metadata.x[1] is NaN"), ("infinity", "metadata.x.y is -Infinity")]
    )
    def test_that_is_not_finite_is_a_bad_row_with_its_path(self, name: str, path: str) -> None:
        good, bad = stored(f"metadata-{name}")
        assert isinstance(good, NewVector)
        assert isinstance(bad, BadItem)
        assert (bad.position, bad.id) == (1, "b")
        assert path in bad.reason

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("case", "'a' and 'A'"),
            ("case-deep", "'a' and 'A'"),
            ("nameless", "metadata.x.list.element has a field without a name"),
            ("binary", "metadata.x has the type BLOB"),
            ("map-of-integers", "MAP(BIGINT, BIGINT)"),
            ("decimal-38", "metadata.x has the type DECIMAL(38,38)"),
        ],
    )
    def test_without_an_exact_form_is_refused_with_the_reason(self, name: str, reason: str) -> None:
        assert reason in refusal((COLUMNS / f"metadata-{name}.parquet").read_bytes())


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("1 as other", "'other'"),
        ("'x' as \"Metadata\"", "'Metadata'"),
        ("1 as __index_level_0__", "'__index_level_0__'"),
        ('[1.0] as "values"', "'values'"),
    ],
)
def test_a_column_of_another_name_is_refused(more: str, named: str, tmp_path: Path) -> None:
    assert named in refusal(parquet(f"select 'a' as id, [1.0] as vector, {more}", tmp_path))


@pytest.mark.parametrize("names", ["'a' as \"ID\", [1.0] as vector", "'a' as id, [1.0] as \"Vector\""])
def test_names_of_columns_are_compared_exactly(names: str, tmp_path: Path) -> None:
    refusal(parquet(f"select {names}", tmp_path))


BOMBS = {
    "rows": "select 'a' as id, []::float[] as vector from range(3000000)",
    "ids": "select repeat('x', 100000) as id, [1.0] as vector from range(1000)",
    "metadata": "select 'a' as id, [1.0] as vector, '\"' || repeat('x', 100000) || '\"' as metadata from range(1000)",
    "structs": "select 'a' as id, [1.0] as vector, {'x': repeat('x', 100000)} as metadata from range(1000)",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.slow
def test_a_small_file_that_decodes_to_too_much_is_refused(name: str, tmp_path: Path) -> None:
    data = parquet(BOMBS[name], tmp_path)
    assert len(data) < LIMIT // 10
    assert "split it" in refusal(data)
