"""Columns are collected from the paths of documents. A path without a column is left to the documents."""

import msgspec
import pytest

from tests.support import documents as d
from tests.support.columns import MakeColumns, in_memory, mask_of, settled_rows, stored
from vectord.filters.tree import Compare, Exists, In
from vectord.index.columns import collect
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.writer import pack_columns


def test_a_path_of_more_than_512_bytes_gets_no_column(make_columns: MakeColumns) -> None:
    path = "k" * 513
    mask = mask_of(make_columns([{path: 1, "a": 1}]), Exists(path))
    assert (mask.settled, mask.possible.tolist()) == (False, [True])


def test_a_path_of_512_bytes_gets_a_column() -> None:
    assert settled_rows(stored([{"k" * 512: 1}, {}]), Exists("k" * 512)) == [0]


def test_paths_beyond_the_limit_get_no_column(make_columns: MakeColumns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_PATHS", 3)
    documents = [{"a": 1, "b": 1, "z": {"b": 1}}, {"c": 1}, {"c": {"d": 1}}, {"z": {"b": 2}}, {"c": [{"d": 1}], "b": 2}]
    columns = make_columns(documents)
    assert settled_rows(columns, In("b", (2,))) == [4]
    mask = mask_of(columns, In("c.d", (1,)))
    assert (mask.certain.any(), mask.possible.all()) == (False, True)


def test_long_texts_that_are_left_out_take_no_bytes_but_codes() -> None:
    passages = [
        {"source": f"{row % 10}", "body": f"{row:03}" * 100, "by": [{"title": f"{row:03}" * 43}]} for row in range(500)
    ]
    with_them = pack_columns(in_memory(passages))
    without = pack_columns(in_memory(passages, {"body", "by.title"}))
    assert len(with_them) > 500 * 2 * 129
    assert len(without) < 500 * 3 + 1_000
    assert len(pack_columns(in_memory(passages, {"by"}))) == len(with_them)


def test_values_inside_a_path_without_a_column_are_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_PATHS", 2)
    columns = in_memory([{"a.b": 1}, {"z": 1}, {"a": {"b": 2}}, {"a": [{"b": 3}]}])
    assert settled_rows(columns, Compare("a.b", "$gt", 1)) == [2, 3]


@pytest.mark.parametrize("text", [b"{", b"1, 2", b"1e999", b'{"a": 1e999}', b"[" * 100_000])
def test_metadata_that_cannot_be_decoded_counts_as_none(text: bytes) -> None:
    columns = collect_columns([d.raw({"a": 1}), msgspec.Raw(text), d.raw({"a": 2})])
    assert settled_rows(columns, Exists("a")) == [0, 2]


def test_documents_in_several_chunks_are_all_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "_CHUNK_BYTES", 20)
    documents = [{"a": "x" * (row % 30)} if row % 3 else None for row in range(50)]
    assert settled_rows(in_memory(documents), Exists("a")) == [row for row in range(50) if row % 3]
