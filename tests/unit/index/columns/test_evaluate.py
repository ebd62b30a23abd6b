"""Columns tell of a filter what the documents would: never too much, never too little, and mostly all."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support.columns import HELD, hits, stored, told
from vectord.filters.match import matches
from vectord.filters.parse import parse
from vectord.filters.tree import Compare, Exists, Filter, Glob, In, Prefix
from vectord.index.columns.model import Columns, to_float64


@HELD
@given(documents=st.lists(d.OBJECTS | d.DOCUMENTS, max_size=12), tree=d.FILTERS)
@settings(max_examples=200, deadline=None)
def test_the_truth_lies_between_what_is_sure_and_what_is_possible(
    held: Callable[[Sequence[Any]], Columns], documents: list[Any], tree: Filter
) -> None:
    found = told(held(documents), tree)
    truth = np.array([matches(tree, document) for document in documents], np.bool_)
    assert found.certain.tolist() == (found.certain & truth).tolist()
    assert found.possible.tolist() == (found.possible | truth).tolist()


SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | SHORT
)


@HELD
@given(values=st.lists(PLAIN | st.lists(PLAIN, max_size=3), min_size=1, max_size=40), data=st.data())
@settings(deadline=None)
def test_of_short_texts_and_numbers_that_float64_holds_all_is_sure(
    held: Callable[[Sequence[Any]], Columns], values: list[Any], data: st.DataObject
) -> None:
    met = [value for value in values if not isinstance(value, list)]
    ordered = [value for value in met if type(value) in {str, int, float}]
    tree: Filter = data.draw(
        st.builds(In, st.just("a"), st.lists(st.sampled_from([0, *met]), max_size=3).map(tuple))
        | st.builds(Compare, st.just("a"), st.sampled_from(["$gt", "$lte"]), st.sampled_from([0, "", *ordered]))
    )
    documents = [{"a": value} for value in values]
    assert hits(held(documents), tree) == [row for row, each in enumerate(documents) if matches(tree, each)]


SIZES = [*d.LARGE, 0.5, -3, 2.0**53, 1e300]


@HELD
@pytest.mark.parametrize("operand", SIZES)
@pytest.mark.parametrize("order", ["$gt", "$gte", "$lt", "$lte", "$eq"])
def test_numbers_of_any_size_compare_exactly_where_rounding_tells(
    held: Callable[[Sequence[Any]], Columns], operand: float, order: Any
) -> None:
    documents = [{"a": value} for value in SIZES]
    tree = In("a", (operand,)) if order == "$eq" else Compare("a", order, operand)
    found = told(held(documents), tree)
    for row, value in enumerate(SIZES):
        if to_float64(value) != to_float64(operand) or value == to_float64(value):
            assert found.certain[row] == found.possible[row] == matches(tree, documents[row])
        else:
            assert (found.certain[row], found.possible[row]) == (False, True)


WORDS = sorted({"", "a", "ab", "z", *d.LONG, *(text + "x" for text in d.LONG)})


@HELD
@pytest.mark.parametrize("operand", WORDS)
@pytest.mark.parametrize("order", ["$gt", "$gte", "$lt", "$lte", "$eq", "$prefix", "$glob"])
def test_texts_of_any_length_are_told_apart_by_what_a_word_holds(
    held: Callable[[Sequence[Any]], Columns], operand: str, order: Any
) -> None:
    documents = [{"a": value} for value in WORDS]
    made = {"$eq": In("a", (operand,)), "$prefix": Prefix("a", operand), "$glob": Glob("a", operand + "*x")}
    tree = made.get(order) or Compare("a", order, operand)
    found = told(held(documents), tree)
    for row, value in enumerate(WORDS):
        cut = len(value.encode()) > 128
        alike = value.encode()[:128] == operand.encode()[:128] and len(operand.encode()) > 128
        starts = value.encode()[:128].startswith(operand.encode()[:128])
        if cut and (alike or (order == "$glob" and starts)):
            assert (found.certain[row], found.possible[row]) == (False, True)
        else:
            assert found.certain[row] == found.possible[row] == matches(tree, documents[row])


@HELD
@pytest.mark.parametrize(
    ("filter_", "rows"),
    [
        ({"a": 1}, [0, 4]),
        ({"a": True}, [1]),
        ({"a": False}, []),
        ({"a": None}, [2]),
        ({"a": "x"}, [3, 4]),
        ({"a": {"$in": ["x", True]}}, [1, 3, 4]),
        ({"a": {"$exists": True}}, [0, 1, 2, 3, 4, 5, 6]),
        ({"a": {"$exists": False}}, [7]),
        ({"a.b": {"$gt": 1}}, [6, 7]),
        ({"a": {"$ne": 1}}, [1, 2, 3, 5, 6, 7]),
        ({"a": {"$gte": "x"}}, [3, 4]),
    ],
)
def test_each_kind_of_value_is_told_apart(
    held: Callable[[Sequence[Any]], Columns], filter_: dict[str, Any], rows: list[int]
) -> None:
    values = [1, True, None, "x", [1, "x"], [], {"b": 2}]
    documents = [*({"a": value} for value in values), {"a.b": 2}]
    assert hits(held(documents), parse(filter_)) == rows


def test_only_the_texts_of_one_cut_word_are_left_open() -> None:
    long = "x" * 200
    columns = stored([{"a": long + "1"}, {"a": long + "2"}, {"a": "x" * 100}, {"a": "y" * 200}, {}])
    found = told(columns, In("a", (long + "1",)))
    assert (found.certain.tolist(), np.flatnonzero(found.possible).tolist()) == ([False] * 5, [0, 1])
    assert hits(columns, Prefix("a", "x")) == [0, 1, 2]
    found = told(columns, Compare("a", "$gt", long))
    assert (np.flatnonzero(found.certain).tolist(), np.flatnonzero(found.possible).tolist()) == ([3], [0, 1, 3])


def test_only_a_large_integer_that_rounds_to_the_operand_is_left_open() -> None:
    values = [2**60 + 1, 2**60, 2**60 + 2**20, 5]
    columns = stored([{"a": value} for value in values])
    found = told(columns, In("a", (2**60,)))
    assert (np.flatnonzero(found.certain).tolist(), np.flatnonzero(found.possible).tolist()) == ([1], [0, 1])
    found = told(columns, Compare("a", "$gt", 2**60))
    assert (np.flatnonzero(found.certain).tolist(), np.flatnonzero(found.possible).tolist()) == ([2], [0, 2])


@HELD
@pytest.mark.parametrize("most", [-128, 127, -32_768, 32_767, 32_768, -(2**31), 2**31 - 1, 2**31, 0.5])
def test_numbers_of_any_width_come_back(held: Callable[[Sequence[Any]], Columns], most: float) -> None:
    columns = held([{"a": 1}, {"a": most}, {"a": 2}])
    assert hits(columns, In("a", (most,))) == [1]
    assert hits(columns, In("a", (*range(100, 164), most))) == [1]


@HELD
@pytest.mark.parametrize("count", [1, 255, 256, 257, 65_536, 65_537])
def test_vocabularies_of_any_size_come_back(held: Callable[[Sequence[Any]], Columns], count: int) -> None:
    columns = held([{"a": f"{row:06}"} for row in range(count)])
    last = count - 1
    assert hits(columns, In("a", (f"{last:06}",))) == [last]
    assert hits(columns, Compare("a", "$gte", f"{last:06}")) == [last]
    assert hits(columns, Prefix("a", f"{last:06}"[:5])) == [row for row in range(count) if row // 10 == last // 10]
    assert hits(columns, Glob("a", f"{last:06}"[:5] + "?")) == [row for row in range(count) if row // 10 == last // 10]


@HELD
@pytest.mark.parametrize("every", [1, 2, 7, 100])
def test_rows_that_are_dense_or_sparse_come_back(held: Callable[[Sequence[Any]], Columns], every: int) -> None:
    documents = [{"a": None, "n": row, "t": "x"} if row % every == 0 else {} for row in range(300)]
    here = list(range(0, 300, every))
    columns = held(documents)
    for tree in (In("a", (None,)), Exists("n"), In("t", ("x",)), Compare("n", "$gte", 0)):
        assert hits(columns, tree) == here
    assert hits(columns, Compare("n", "$gt", 150)) == [row for row in here if row > 150]


@HELD
def test_documents_of_many_shapes_are_sorted_into_rows(held: Callable[[Sequence[Any]], Columns]) -> None:
    rng = np.random.default_rng(0)
    documents = [
        {key: value for key, value in zip("abcdefgh", drawn, strict=True) if value}
        for drawn in rng.integers(0, 5, (20_000, 8)).tolist()
    ]
    columns = held(documents)
    for key in "ah":
        assert hits(columns, In(key, (3,))) == [row for row, each in enumerate(documents) if each.get(key) == 3]


KINDS = [lambda row: f"{row % 97}", lambda row: 2**60 + row % 5, lambda row: row % 97, lambda row: [row % 7 / 2, "5"]]


@HELD
def test_values_that_come_in_any_order_stay_with_their_rows(held: Callable[[Sequence[Any]], Columns]) -> None:
    drawn = np.random.default_rng(1).integers(0, 12, (20_000, 3)).tolist()
    documents = [
        {key: KINDS[kind % 4](row) for key, kind in zip("abc", kinds, strict=True) if kind < 8}
        for row, kinds in enumerate(drawn)
    ]
    columns = held(documents)
    for key in "abc":
        for tree in (In(key, ("5",)), In(key, (5,)), Compare(key, "$gt", 2.5), Compare(key, "$lte", 2**61)):
            assert hits(columns, tree) == [row for row, each in enumerate(documents) if matches(tree, each)]
        found = told(columns, In(key, (2**60 + 3,)))
        truth = [row for row, each in enumerate(documents) if each.get(key) in [2**60 + at for at in range(1, 5)]]
        assert (found.certain.any(), np.flatnonzero(found.possible).tolist()) == (False, truth)
