"""Upserts, removals and merge patches, as callers rely on them."""

import json
from typing import Any

import msgspec
import pytest

from tests.support import vectors as v
from tests.support.vectors import item
from vectord.index import mutations
from vectord.index.mutations import merge_patch
from vectord.index.query import search


def test_a_new_index_is_empty() -> None:
    assert len(v.reopened(v.empty()).rows) == 0


def test_an_upsert_counts_added_and_replaced_items() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0]), item("b", [0, 1])])
    changed, added, replaced = mutations.upsert(index, [item("b", [1, 1]), item("c", [2, 1]), item("d", [1, 2])])
    assert (len(changed), added, replaced) == (4, 2, 1)


def test_an_upsert_does_not_change_the_earlier_state() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"old": True})])
    v.with_items(index, [item("a", [0, 1], {"new": True}), item("b", [1, 1])])
    assert index.rows.vectors.tolist() == [[1, 0]]
    assert v.metadata(index) == {"a": {"old": True}}


def test_a_replaced_vector_is_not_found_any_more() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0])])
    index = v.with_items(index, [item("a", [0, 1])])
    assert v.pairs(search.search(index, v.f32([0, 1]), 10)) == [("a", 0.0)]


def test_of_items_with_one_id_the_last_wins() -> None:
    batch = [item("a", [1, 0], 1), item("b", [1, 1]), item("a", [0, 1], 2)]
    changed, added, replaced = mutations.upsert(v.empty(), batch)
    rows = changed.rows
    assert (added, replaced) == (2, 0)
    assert rows.vectors[rows.row_of["a"]].tolist() == [0, 1]
    assert bytes(rows.metadata["a"]) == b"2"


def test_metadata_of_an_earlier_item_with_the_same_id_is_dropped() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], 1), item("a", [0, 1])])
    assert v.metadata(index) == {}


@pytest.mark.parametrize("value", [{}, {"x": [1, {"y": None}]}, [], "text", 0, False, 1.5, {"ключ": "значение"}])
def test_metadata_is_any_json_value_and_is_read_back_equal(value: object) -> None:
    assert v.metadata(v.reopened(v.with_items(v.empty(), [item("a", [1, 0], value)]))) == {"a": value}


def test_an_upsert_without_metadata_keeps_the_stored_metadata() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})])
    assert v.metadata(v.with_items(index, [item("a", [0, 1])])) == {"a": {"x": 1}}


def test_an_upsert_with_metadata_replaces_and_does_not_merge() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})])
    assert v.metadata(v.with_items(index, [item("a", [1, 0], {"y": 2})])) == {"a": {"y": 2}}


def test_empty_metadata_replaces_the_stored_metadata() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})])
    assert v.metadata(v.with_items(index, [item("a", [1, 0], {})])) == {"a": {}}


def test_removing_and_adding_again_clears_metadata() -> None:
    index = v.without(v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})]), "a")
    assert v.metadata(v.with_items(index, [item("a", [1, 0])])) == {}


def test_a_removal_counts_existing_ids_once_each() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0]), item("b", [0, 1]), item("c", [1, 1])])
    changed, deleted = mutations.remove(index, ["a", "unknown", "a", "c"])
    assert (list(changed.rows.ids), deleted) == (["b"], 2)


def test_removing_nothing_returns_the_same_index() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0])])
    changed, deleted = mutations.remove(index, ["unknown"])
    assert deleted == 0
    assert changed is index


def test_an_empty_upsert_returns_the_same_index() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0])])
    assert mutations.upsert(index, [])[0] is index


def test_remaining_rows_keep_their_own_vector_and_metadata() -> None:
    index = v.with_items(v.empty(), [item(name, [1, i], i) for i, name in enumerate("abcde")])
    index = v.reopened(v.without(index, "a", "c"))
    stored = {vector_id: index.rows.vectors[row].tolist() for vector_id, row in index.rows.row_of.items()}
    assert stored == {"b": [1, 1], "d": [1, 3], "e": [1, 4]}
    assert v.metadata(index) == {"b": 1, "d": 3, "e": 4}


def test_after_the_last_removal_an_index_can_be_opened_searched_and_filled() -> None:
    index = v.reopened(v.without(v.with_items(v.empty(), [item("a", [1, 0])]), "a"))
    assert search.search(index, v.f32([1, 0]), 10).matches == []
    index = v.reopened(v.with_items(index, [item("b", [0, 1])]))
    assert v.pairs(search.search(index, v.f32([0, 1]), 10)) == [("b", 0.0)]


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


# The examples of RFC 7396, appendix A; where a result is null, nothing is stored.
EXAMPLES = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    (None, {"a": 1, "b": None}, {"a": 1}),
]


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_a_merge_patch_follows_the_rfc(target: Any, patch: Any, result: Any) -> None:
    found = merge_patch(None if target is None else raw(target), raw(patch))
    assert (None if found is None else json.loads(bytes(found))) == result


def test_members_that_a_merge_patch_does_not_name_keep_their_text() -> None:
    target = msgspec.Raw(b'{"big": 123456789012345678901234567890, "float": 1.50, "x": 1}')
    found = merge_patch(target, raw({"x": 2}))
    assert found is not None
    assert b"123456789012345678901234567890" in bytes(found)
    assert b"1.50" in bytes(found)
