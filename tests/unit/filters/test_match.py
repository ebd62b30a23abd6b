"""The meaning of a filter: which metadata satisfies it."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vectord.errors import DeadlineExceeded
from vectord.filters.match import Container, PathsAndParents, _identity, leaves, matcher, matches
from vectord.filters.parse import parse
from vectord.filters.tree import paths

BOOK = {
    "title": "Middlemarch",
    "year": 1871,
    "price": 12.5,
    "rare": True,
    "editor": None,
    "tags": ["novel", "england", 8],
    "author": {"name": "Eliot", "born": {"year": 1819}},
    "prints": [{"city": "London", "copies": 400}, {"city": "Leipzig", "copies": 90}],
    "shelf.row": 4,
    "notes": [],
    "more": {},
}


def satisfies(written: dict[str, Any], metadata: object = BOOK) -> bool:
    return matches(parse(written), metadata)


SATISFIED: list[dict[str, Any]] = [
    {"title": "Middlemarch"},
    {"title": {"$eq": "Middlemarch"}},
    {"year": 1871.0},
    {"price": 12.5},
    {"rare": True},
    {"editor": None},
    {"tags": "england"},
    {"tags": 8},
    {"author.name": "Eliot"},
    {"author.born.year": 1819},
    {"prints.city": "Leipzig"},
    {"shelf.row": 4},
    {"title": {"$ne": "Emma"}},
    {"year": {"$gt": 1870}},
    {"year": {"$gte": 1871}},
    {"year": {"$lt": 1871.5}},
    {"year": {"$lte": 1871}},
    {"title": {"$gt": "Emma"}},
    {"year": {"$gt": 1800, "$lt": 1900}},
    {"prints.copies": {"$gt": 300, "$lt": 100}},
    {"title": {"$in": ["Emma", "Middlemarch"]}},
    {"editor": {"$in": [None]}},
    {"title": {"$nin": ["Emma", "Persuasion"]}},
    {"title": {"$exists": True}},
    {"editor": {"$exists": True}},
    {"author": {"$exists": True}},
    {"author.born": {"$exists": True}},
    {"notes": {"$exists": True}},
    {"more": {"$exists": True}},
    {"isbn": {"$exists": False}},
    {"title": {"$prefix": "Middle"}},
    {"title": {"$prefix": ""}},
    {"tags": {"$prefix": "eng"}},
    {"title": {"$glob": "M*ch"}},
    {"title": {"$glob": "?iddlemarc[a-h]"}},
    {"prints.city": {"$glob": "*zig"}},
    {"year": {"$not": {"$gt": 1900}}},
    {"year": {"$not": {"$gt": 1800, "$lt": 1850}}},
    {"year": {"$not": {"$not": {"$eq": 1871}}}},
    {"title": "Middlemarch", "year": 1871},
    {"$and": [{"title": "Middlemarch"}, {"year": 1871}]},
    {"$or": [{"title": "Emma"}, {"year": 1871}]},
    {"$not": {"title": "Emma"}},
    {"$not": {"title": "Middlemarch", "year": 1815}},
]
UNSATISFIED: list[dict[str, Any]] = [
    {"title": "middlemarch"},
    {"title": "Middle"},
    {"year": "1871"},
    {"year": 1872},
    {"rare": 1},
    {"rare": "true"},
    {"rare": False},
    {"isbn": None},
    {"notes": None},
    {"more": None},
    {"author": "Eliot"},
    {"name": "Eliot"},
    {"shelf": 4},
    {"shelf": {"$exists": True}},
    {"author.name.first": {"$exists": True}},
    {"tags": {"$ne": "england"}},
    {"tags": {"$nin": ["england"]}},
    {"year": {"$gt": 1871}},
    {"year": {"$gte": 1872}},
    {"year": {"$lt": 1871}},
    {"year": {"$lte": 1870}},
    {"year": {"$gt": "1"}},
    {"title": {"$gt": 1}},
    {"rare": {"$gte": 0}},
    {"editor": {"$lte": 0}},
    {"isbn": {"$lt": 5}},
    {"year": {"$gt": 1800, "$lt": 1850}},
    {"title": {"$in": ["Emma", "Persuasion"]}},
    {"rare": {"$in": [1, 1.0]}},
    {"title": {"$nin": ["Emma", "Middlemarch"]}},
    {"isbn": {"$exists": True}},
    {"editor": {"$exists": False}},
    {"title": {"$prefix": "iddle"}},
    {"year": {"$prefix": "18"}},
    {"title": {"$glob": "Middle"}},
    {"year": {"$glob": "*"}},
    {"author": {"$glob": "*"}},
    {"year": {"$not": {"$gt": 1800}}},
    {"title": "Middlemarch", "year": 1815},
    {"$and": [{"title": "Middlemarch"}, {"year": 1815}]},
    {"$or": [{"title": "Emma"}, {"year": 1815}]},
    {"$not": {"title": "Middlemarch"}},
]


@pytest.mark.parametrize("written", SATISFIED, ids=str)
def test_a_filter_is_satisfied(written: dict[str, Any]) -> None:
    assert satisfies(written)


@pytest.mark.parametrize("written", UNSATISFIED, ids=str)
def test_a_filter_is_not_satisfied(written: dict[str, Any]) -> None:
    assert not satisfies(written)


@pytest.mark.parametrize(
    "written",
    [{"a": {"$ne": 1}}, {"a": {"$nin": [1]}}, {"a": {"$not": {"$gt": 1}}}, {"a": {"$exists": False}}],
    ids=str,
)
@pytest.mark.parametrize("metadata", [None, {}, [], "a", {"b": 1}], ids=repr)
def test_a_negation_is_true_if_nothing_is_at_the_path(written: dict[str, Any], metadata: object) -> None:
    assert satisfies(written, metadata)


@pytest.mark.parametrize("written", [{"a": None}, {"a": {"$lt": 1}}, {"a": {"$glob": "*"}}], ids=str)
@pytest.mark.parametrize("metadata", [None, {}, [], "a", 0], ids=repr)
def test_a_condition_is_false_if_nothing_is_at_the_path(written: dict[str, Any], metadata: object) -> None:
    assert not satisfies(written, metadata)


def test_booleans_do_not_equal_numbers() -> None:
    assert not satisfies({"a": 1}, {"a": True})
    assert not satisfies({"a": True}, {"a": 1})
    assert not satisfies({"a": 0.0}, {"a": False})
    assert not satisfies({"a": {"$in": [0, False]}}, {"a": None})
    assert satisfies({"a": {"$in": [0, False]}}, {"a": False})


def test_integers_beyond_the_precision_of_floats_compare_exactly() -> None:
    assert not satisfies({"a": 2**53}, {"a": 2**53 + 1})
    assert satisfies({"a": {"$gt": 2**53}}, {"a": 2**53 + 1})
    assert not satisfies({"a": {"$gt": float(2**53)}}, {"a": 2**53})
    assert satisfies({"a": {"$gt": 10**30}}, {"a": 10**30 + 1})


def test_texts_compare_by_code_point() -> None:
    assert satisfies({"a": {"$gt": "Z"}}, {"a": "a"})
    assert satisfies({"a": {"$gt": "z"}}, {"a": "é"})
    assert satisfies({"a": {"$gt": "\uffff"}}, {"a": "\U0001f600"})


def test_a_question_mark_matches_any_code_point() -> None:
    assert satisfies({"a": {"$glob": "?"}}, {"a": "\U0001f600"})
    assert satisfies({"a": {"$glob": "a?b*"}}, {"a": "a\nb\nc"})


def test_nested_keys_and_keys_with_dots_have_the_same_path() -> None:
    for metadata in ({"a": {"b": {"c": 1}}}, {"a.b": {"c": 1}}, {"a": {"b.c": 1}}, {"a.b.c": 1}):
        assert satisfies({"a.b.c": 1}, metadata)


def test_a_nested_key_and_a_key_with_dots_can_both_have_values() -> None:
    metadata = {"a": {"b": 1}, "a.b": 2}
    assert satisfies({"a.b": 1}, metadata)
    assert satisfies({"a.b": 2}, metadata)


def test_nested_arrays_are_transparent() -> None:
    assert satisfies({"a.b": 3}, {"a": [[1, {"b": [2, [3]]}]]})
    assert satisfies({"b": 3}, [{"b": 2}, [{"b": 3}]])


def test_different_elements_may_satisfy_the_conditions_of_one_path() -> None:
    assert satisfies({"a": {"$gt": 5, "$lt": 2}}, {"a": [1, 9]})
    assert not satisfies({"a": {"$gt": 5, "$lt": 2}}, {"a": [3]})


def test_a_key_may_be_empty_or_contain_a_dollar() -> None:
    assert satisfies({"": 1}, {"": 1})
    assert satisfies({".a": 1}, {"": {"a": 1}})
    assert satisfies({"a$": {"$exists": True}, "a.$b": 1}, {"a$": 0, "a": {"$b": 1}})


def test_a_prepared_filter_can_test_many_documents() -> None:
    dear = matcher(parse({"price": {"$gt": 10}}))
    assert [dear({"price": price}) for price in (5, 20, 10, 11)] == [False, True, False, True]


def test_leaves_are_all_values_and_containers_with_their_paths() -> None:
    metadata = {"a": [1, "x", [True]], "b": {"c": None, "d": {}}, "e.f": 2.5}
    assert list(leaves(metadata)) == [
        ("a", Container.PRESENT),
        ("a", 1),
        ("a", "x"),
        ("a", Container.PRESENT),
        ("a", True),
        ("b", Container.PRESENT),
        ("b.c", None),
        ("b.d", Container.PRESENT),
        ("e.f", 2.5),
    ]


@given(st.lists(st.text("a.b", max_size=6)), st.text("a.b", max_size=6))
@example(["a", "a!", "a.b"], "a")
@example(["a!", "a.b", "aa"], "a")
def test_paths_and_parents_are_the_paths_and_their_beginnings_before_dots(paths: list[str], path: str) -> None:
    found = PathsAndParents(paths)
    expected = any(one == path or one.startswith(f"{path}.") for one in paths)
    assert [found[path], found[path]] == [expected, expected]


def test_leaves_can_be_limited_to_some_paths() -> None:
    metadata = {"a": {"b": 1, "c": 2}, "d": {"e": 3}}
    assert list(leaves(metadata, PathsAndParents(["a.c"]))) == [("a", Container.PRESENT), ("a.c", 2)]


@pytest.mark.parametrize("metadata", [None, "text", 5, True, [], [1, [2]], {}], ids=repr)
def test_a_value_without_a_path_is_not_a_leaf(metadata: object) -> None:
    assert list(leaves(metadata)) == []


def test_metadata_may_be_nested_deeper_than_python_can_recurse() -> None:
    metadata: object = 7
    for _ in range(5_000):
        metadata = {"a": [metadata]}
    path = ".".join(["a"] * 5_000)
    assert matches(parse({path: 7}), metadata)


def test_the_paths_of_a_filter_are_those_that_it_tests() -> None:
    tree = parse({"a": 1, "$or": [{"b.c": {"$glob": "x*"}}, {"$not": {"d": {"$exists": True}}}], "e": {"$gt": 1}})
    assert paths(tree) == {"a", "b.c", "d", "e"}


class Countdown:
    """A check of a deadline that passes after `steps` checks."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise DeadlineExceeded


def test_the_deadline_is_checked_once_for_a_new_path_and_before_each_match_of_a_glob() -> None:
    texts = {"a": ["x", "y", 7, "z"]}
    assert not matcher(parse({"a": {"$glob": "*w"}}), Countdown(4))(texts)
    with pytest.raises(DeadlineExceeded):
        matcher(parse({"a": {"$glob": "*w"}}), Countdown(3))(texts)


def test_the_deadline_is_checked_once_for_a_new_path_and_before_each_condition_on_many_values() -> None:
    numbers = {"a": list(range(1_000))}
    conditions = {"$or": [{"a": -1}, {"a": -2}, {"a": {"$gt": 1_000}}]}
    assert not matcher(parse(conditions), Countdown(4))(numbers)
    with pytest.raises(DeadlineExceeded):
        matcher(parse(conditions), Countdown(3))(numbers)


EQUAL_HASHES = [number * (2**61 - 1) for number in range(1, 10_001)]


def test_numbers_that_python_hashes_alike_are_compared_by_their_value() -> None:
    among = matcher(parse({"a": {"$in": EQUAL_HASHES}}))
    assert among({"a": EQUAL_HASHES[-1]})
    assert among({"a": 8 * (2**61 - 1)})
    assert not among({"a": EQUAL_HASHES[-1] + 1})
    assert not among({"a": 0})
    assert len({hash(_identity(number)) for number in EQUAL_HASHES}) > 9_990


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, -(2**63), 2**64, 10**30, -(10**30)])
def test_a_large_integer_equals_only_the_float_of_its_value(number: int) -> None:
    assert satisfies({"a": number}, {"a": number})
    assert satisfies({"a": float(number)}, {"a": number}) == (float(number) == number)
    assert satisfies({"a": number}, {"a": float(number)}) == (float(number) == number)
