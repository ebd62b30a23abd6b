"""What a Parquet file says about itself is checked before it is decoded."""

from pathlib import Path

import duckdb
import pytest

from tests.support import parquet_bytes as p
from vectord.errors import FileRefused
from vectord.readers.files import entries_of_file
from vectord.readers.parquet_footer import check_description
from vectord.readers.thrift import Decoder

LIMIT = 1 << 20
ONE = p.page(1, b"\1\0\0\0a")


def refusal(data: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        check_description(data, LIMIT)
    return str(refused.value)


def test_a_file_of_many_row_groups_and_fields_is_accepted(tmp_path: Path) -> None:
    fields = ", ".join(f"'f{number}': i" for number in range(100))
    select = f"select i::varchar as id, [1.5]::float[] as vector, {{{fields}}} as metadata from range(20000) r(i)"
    duckdb.sql(select).write_parquet(f"{tmp_path}/x.parquet", row_group_size=2_048)
    check_description((tmp_path / "x.parquet").read_bytes(), 64 << 20)


def test_a_file_written_by_hand_is_accepted() -> None:
    check_description(p.file([ONE]), LIMIT)


@pytest.mark.parametrize("length", [15, 1 << 20, (1 << 31) - 1, (1 << 64) - 1])
@pytest.mark.parametrize("what", ["schema", "groups"])
def test_a_list_that_claims_more_than_the_file_has_is_refused(what: str, length: int) -> None:
    refusal(p.file([ONE], **{what: p.claim(length)}))


def test_too_many_columns_are_refused() -> None:
    schema = ("l", [p.element(f"c{number}", p.FLOAT) for number in range(1_001)])
    assert "1,000 columns" in refusal(p.file([ONE], schema=schema))


def test_pages_that_decompress_to_too_much_are_refused_even_without_values() -> None:
    assert "decompress" in refusal(p.file([p.page(0, bytes(LIMIT))] * 5))


def test_the_description_is_checked_before_a_file_is_read() -> None:
    with pytest.raises(FileRefused, match="decompress"):
        list(entries_of_file("x.parquet", p.file([p.page(0, bytes(LIMIT))] * 5), LIMIT))


@pytest.mark.slow
def test_too_many_pages_are_refused() -> None:
    assert "pages" in refusal(p.file([p.page(0, b"")] * 100_001))


@pytest.mark.parametrize("cut", [1, 4, 8, 12, 40, 100])
def test_a_file_that_was_cut_is_refused(cut: int) -> None:
    data = p.file([ONE])
    refusal(data[:-cut])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x1c" * 100_000,  # structures in structures
        b"\x19" * 100_000,  # lists in lists
        b"\x1a" * 100_000,  # sets in sets
        b"\x19\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of more than 64 bits
        b"\x18\x7fabc",  # a text that ends early
        b"\x1b\x00",  # a map
    ],
)
def test_a_damaged_structure_is_refused(data: bytes) -> None:
    with pytest.raises(FileRefused):
        Decoder(data, 0, 1_000).struct()


def test_a_structure_is_decoded() -> None:
    data = p.structure({1: ("i", -3), 2: ("b", "text"), 20: ("l", [("i", 7), ("i", 1 << 40)]), 21: ("s", {})})
    assert Decoder(data, 0, 10).struct() == {1: -3, 2: b"text", 20: [7, 1 << 40], 21: {}}
