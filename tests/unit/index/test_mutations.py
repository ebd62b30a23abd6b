"""What callers rely on when they add, delete and look at vectors."""

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.vectors import item
from vectord.index import mutations
from vectord.index.codec import decode, encode
from vectord.index.query import search


def test_a_new_index_holds_nothing() -> None:
    assert len(v.reopened(v.empty()).rows) == 0


def test_adding_counts_what_is_new_and_what_is_replaced() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0]), item("b", [0, 1])])
    changed, added, replaced = mutations.upsert(index, [item("b", [1, 1]), item("c", [2, 1]), item("d", [1, 2])])
    assert (len(changed), added, replaced) == (4, 2, 1)


def test_adding_leaves_the_state_before_as_it_was() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"old": True})])
    v.with_items(index, [item("a", [0, 1], {"new": True}), item("b", [1, 1])])
    assert index.rows.vectors.tolist() == [[1, 0]]
    assert v.metadata(index) == {"a": {"old": True}}


def test_replacing_a_vector_takes_its_place_in_every_answer() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0])])
    index = v.with_items(index, [item("a", [0, 1])])
    assert v.pairs(search.search(index, v.f32([0, 1]), 10)) == [("a", 0.0)]


def test_of_equal_ids_in_one_batch_the_last_wins() -> None:
    batch = [item("a", [1, 0], 1), item("b", [1, 1]), item("a", [0, 1], 2)]
    changed, added, replaced = mutations.upsert(v.empty(), batch)
    rows = changed.rows
    assert (added, replaced) == (2, 0)
    assert rows.vectors[rows.row_of["a"]].tolist() == [0, 1]
    assert bytes(rows.metadata["a"]) == b"2"


def test_metadata_of_an_equal_id_earlier_in_the_batch_does_not_stay() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], 1), item("a", [0, 1])])
    assert v.metadata(index) == {}


@pytest.mark.parametrize("value", [{}, {"x": [1, {"y": None}]}, [], "text", 0, False, 1.5, {"ключ": "значение"}])
def test_metadata_is_any_json_value_and_comes_back_equal(value: object) -> None:
    assert v.metadata(v.reopened(v.with_items(v.empty(), [item("a", [1, 0], value)]))) == {"a": value}


def test_adding_without_metadata_leaves_what_is_stored() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})])
    assert v.metadata(v.with_items(index, [item("a", [0, 1])])) == {"a": {"x": 1}}


def test_adding_metadata_replaces_what_is_stored_and_merges_nothing() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})])
    assert v.metadata(v.with_items(index, [item("a", [1, 0], {"y": 2})])) == {"a": {"y": 2}}


def test_empty_metadata_replaces_what_is_stored() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})])
    assert v.metadata(v.with_items(index, [item("a", [1, 0], {})])) == {"a": {}}


def test_deleting_and_adding_again_clears_metadata() -> None:
    index = v.without(v.with_items(v.empty(), [item("a", [1, 0], {"x": 1})]), "a")
    assert v.metadata(v.with_items(index, [item("a", [1, 0])])) == {}


def test_deleting_counts_only_what_was_there_and_each_id_once() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0]), item("b", [0, 1]), item("c", [1, 1])])
    changed, deleted = mutations.remove(index, ["a", "nobody", "a", "c"])
    assert (list(changed.rows.ids), deleted) == (["b"], 2)


def test_deleting_nothing_returns_the_very_same_index() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0])])
    changed, deleted = mutations.remove(index, ["nobody"])
    assert deleted == 0
    assert changed is index


def test_adding_nothing_returns_the_very_same_index() -> None:
    index = v.with_items(v.empty(), [item("a", [1, 0])])
    assert mutations.upsert(index, [])[0] is index


def test_what_remains_after_a_deletion_keeps_its_own_vector_and_metadata() -> None:
    index = v.with_items(v.empty(), [item(name, [1, i], i) for i, name in enumerate("abcde")])
    index = v.reopened(v.without(index, "a", "c"))
    stored = {vector_id: index.rows.vectors[row].tolist() for vector_id, row in index.rows.row_of.items()}
    assert stored == {"b": [1, 1], "d": [1, 3], "e": [1, 4]}
    assert v.metadata(index) == {"b": 1, "d": 3, "e": 4}


def test_deleting_the_last_vector_leaves_an_index_that_can_be_opened_searched_and_filled() -> None:
    index = v.reopened(v.without(v.with_items(v.empty(), [item("a", [1, 0])]), "a"))
    assert search.search(index, v.f32([1, 0]), 10).matches == []
    index = v.reopened(v.with_items(index, [item("b", [0, 1])]))
    assert v.pairs(search.search(index, v.f32([0, 1]), 10)) == [("b", 0.0)]


BITS = [
    pytest.param([-0.0, 1.0], id="negative zero"),
    pytest.param([1e-45, 3e-39], id="subnormal"),
    pytest.param([3.4028235e38, -3.4028235e38], id="largest"),
    pytest.param([0.1, 1 / 3], id="no short decimal"),
]


@pytest.mark.parametrize("components", BITS)
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_a_vector_comes_back_bit_for_bit(components: list[float], distance: str) -> None:
    index = v.with_items(v.empty(2, distance), [item("a", components)])
    assert v.reopened(index).rows.vectors[0].tobytes() == v.f32(components).tobytes()


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("rows", [1, 2, 3, 40, 500])
def test_all_vectors_come_back_bit_for_bit_in_their_order(distance: str, rows: int) -> None:
    matrix = np.random.default_rng(rows).standard_normal((rows, 5)).astype(np.float32)
    index = v.reopened(v.of_matrix(matrix, distance))
    assert index.rows.vectors.tobytes() == matrix.tobytes()
    assert list(index.rows.ids) == [str(row) for row in range(rows)]


ODD = ["a/b", "%2F", "%252F", "+", " ", "\x00", "\n", '"', "\\", "ü", "u\u0308", "😀", "\u2028", "\ufeff", "x" * 1024]


def test_odd_ids_stay_apart_and_come_back_as_they_were() -> None:
    index = v.reopened(v.with_items(v.empty(), [item(name, [1, i], name) for i, name in enumerate(ODD)]))
    assert list(index.rows.ids) == ODD
    assert v.metadata(index) == {name: name for name in ODD}


def test_parameters_come_back_with_the_name_under_which_they_were_written() -> None:
    index = v.empty(3, "euclidean", m=7, ef_search=9)
    opened = decode.open_blob(encode.encode(index, "another", "a-commit").blob)
    assert (opened.params.name, opened.params.dimension, opened.params.m) == ("another", 3, 7)
    assert (opened.params.ef_search, opened.params.distance) == (9, "euclidean")


def test_a_blob_knows_the_commits_that_led_to_it() -> None:
    index = v.sealed(v.sealed(v.empty(), "first"), "second")
    opened = v.reopened(index)
    assert all(opened.has_applied(token) for token in ("first", "second", "a-commit"))
    assert not opened.has_applied("third")


def test_a_blob_remembers_only_so_many_commits_and_the_newest_of_them() -> None:
    index = v.empty()
    for number in range(100):
        index = v.sealed(index, f"commit-{number}")
    known = [number for number in range(100) if index.has_applied(f"commit-{number}")]
    assert known == list(range(68, 100))


def test_equal_rows_of_one_commit_give_equal_bytes() -> None:
    matrix = np.random.default_rng(1).standard_normal((200, 8))
    first, second = (encode.encode(v.of_matrix(matrix, "cosine"), "t", "a-commit").blob for _ in range(2))
    assert first == second


def test_the_size_of_an_index_is_that_of_its_blob() -> None:
    encoded = encode.encode(v.with_items(v.empty(), [item("a", [1, 0])]), "t", "a-commit")
    assert encoded.size == decode.open_blob(encoded.blob).size == len(encoded.blob)
