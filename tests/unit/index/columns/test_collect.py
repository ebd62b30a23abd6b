"""Columns are gathered of the paths that documents have; what gets no column is left to the documents."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from tests.support import documents as d
from tests.support.columns import HELD, hits, in_memory, stored, told
from vectord.filters.tree import Compare, Exists, In
from vectord.index.columns import collect
from vectord.index.columns.collect import collect_columns
from vectord.index.columns.model import Columns


def test_a_path_too_long_for_a_column_is_left_to_the_documents() -> None:
    path = "k" * 513
    for columns in (in_memory([{path: 1, "a": 1}]), stored([{path: 1, "a": 1}])):
        assert told(columns, Exists(path)).possible.tolist() == [True]
        assert not told(columns, Exists(path)).settled
    assert hits(stored([{path[1:]: 1}, {}]), Exists(path[1:])) == [0]


@HELD
def test_where_there_are_too_many_paths_those_without_a_column_are_left_to_the_documents(
    held: Callable[[Sequence[Any]], Columns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "MAX_PATHS", 3)
    documents = [{"a": 1, "b": 1, "z": {"b": 1}}, {"c": 1}, {"c": {"d": 1}}, {"z": {"b": 2}}, {"c": [{"d": 1}], "b": 2}]
    columns = held(documents)
    assert hits(columns, In("b", (2,))) == [4]
    found = told(columns, In("c.d", (1,)))
    assert (found.certain.any(), found.possible.all()) == (False, True)


def test_a_column_has_what_lies_inside_of_paths_that_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "MAX_PATHS", 2)
    columns = in_memory([{"a.b": 1}, {"z": 1}, {"a": {"b": 2}}, {"a": [{"b": 3}]}])
    assert hits(columns, Compare("a.b", "$gt", 1)) == [2, 3]


@pytest.mark.parametrize("text", [b"{", b"1, 2", b"1e999", b'{"a": 1e999}', b"[" * 100_000])
def test_metadata_that_cannot_be_decoded_counts_as_none(text: bytes) -> None:
    columns = collect_columns([d.raw({"a": 1}), msgspec.Raw(text), d.raw({"a": 2})])
    assert hits(columns, Exists("a")) == [0, 2]


def test_documents_larger_than_a_chunk_are_all_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "_CHUNK_BYTES", 20)
    documents = [{"a": "x" * (row % 30)} if row % 3 else None for row in range(50)]
    assert hits(in_memory(documents), Exists("a")) == [row for row in range(50) if row % 3]
