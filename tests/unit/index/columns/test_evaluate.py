"""Columns match what the documents match: no row too many, none too few, and most rows are decided."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support.columns import MakeColumns, in_memory, mask_of, settled_rows, stored
from vectord.filters.match import matcher, matches
from vectord.filters.parse import parse
from vectord.filters.tree import Compare, Exists, Filter, Glob, In, Or, Prefix
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.model import to_float64
from vectord.index.sections.base import NOTHING_TO_FETCH


@given(documents=st.lists(d.OBJECTS | d.DOCUMENTS, max_size=12), tree=d.FILTERS)
@example(
    documents=[{"a": "x" * 129}, {"a": "x" * 128 + "\0"}, {"a": [2**60 + 1]}, {}],
    tree=Or((In("a", ("x" * 129, "nowhere")), Compare("a", "$gt", 2**60))),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.slow
def test_certain_rows_match_and_impossible_rows_do_not(documents: list[Any], tree: Filter) -> None:
    expected = np.array([matches(tree, document) for document in documents], np.bool_)
    without = {"a", "a.b"}
    for columns in (in_memory(documents), stored(documents), in_memory(documents, without), stored(documents, without)):
        mask = mask_of(columns, tree)
        assert mask.certain.tolist() == (mask.certain & expected).tolist()
        assert mask.possible.tolist() == (mask.possible | expected).tolist()


LONG_TEXT = "x" * 129
SHORT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
EXACT = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | SHORT
)


@given(values=st.lists(EXACT | st.lists(EXACT, max_size=3), min_size=1, max_size=40), data=st.data())
@settings(max_examples=60, deadline=None)
def test_short_texts_and_numbers_that_float64_represents_are_always_decided(
    values: list[Any], data: st.DataObject
) -> None:
    scalars = [value for value in values if not isinstance(value, list)]
    comparable = [value for value in scalars if type(value) in {str, int, float}]
    tree: Filter = data.draw(
        st.builds(In, st.just("a"), st.lists(st.sampled_from([0, *scalars]), max_size=3).map(tuple))
        | st.builds(Compare, st.just("a"), st.sampled_from(["$gt", "$lte"]), st.sampled_from([0, "", *comparable]))
    )
    documents = [{"a": value} for value in values]
    expected = [row for row, each in enumerate(documents) if matches(tree, each)]
    assert settled_rows(in_memory(documents), tree) == settled_rows(stored(documents), tree) == expected


NUMBERS = [*d.LARGE, 0.5, -3, 2.0**53, 1e300]


@pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte", "$eq"])
def test_a_number_is_undecided_only_if_it_was_rounded_to_the_operand(make_columns: MakeColumns, operator: Any) -> None:
    documents = [{"a": value} for value in NUMBERS]
    columns = make_columns(documents)
    for operand in NUMBERS:
        tree = In("a", (operand,)) if operator == "$eq" else Compare("a", operator, operand)
        mask = mask_of(columns, tree)
        for row, value in enumerate(NUMBERS):
            if to_float64(value) != to_float64(operand) or value == to_float64(value):
                decided = matches(tree, documents[row])
                assert (mask.certain[row], mask.possible[row]) == (decided, decided), (operand, value)
            else:
                assert (mask.certain[row], mask.possible[row]) == (False, True), (operand, value)


TEXTS = sorted({"", "a", "ab", "z", *d.LONG, *(text + "x" for text in d.LONG)})


@pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte", "$eq", "$prefix", "$glob"])
def test_a_text_is_undecided_only_if_its_truncated_part_matters(make_columns: MakeColumns, operator: Any) -> None:
    documents = [{"a": value} for value in TEXTS]
    columns = make_columns(documents)
    for operand in TEXTS:
        trees = {"$eq": In("a", (operand,)), "$prefix": Prefix("a", operand), "$glob": Glob("a", operand + "*x")}
        tree = trees.get(operator) or Compare("a", operator, operand)
        mask = mask_of(columns, tree)
        for row, value in enumerate(TEXTS):
            truncated = len(value.encode()) > 128
            same = value.encode()[:128] == operand.encode()[:128] and len(operand.encode()) > 128
            starts = value.encode()[:128].startswith(operand.encode()[:128])
            if truncated and (same or (operator == "$glob" and starts)):
                assert (mask.certain[row], mask.possible[row]) == (False, True), (operand, value)
            else:
                decided = matches(tree, documents[row])
                assert (mask.certain[row], mask.possible[row]) == (decided, decided), (operand, value)


@pytest.mark.parametrize(
    ("written", "certain", "possible"),
    [
        ({"a": {"$exists": True}}, [0, 1, 2, 3, 4], []),
        ({"a": {"$exists": False}}, [5], []),
        ({"a": "ab"}, [1, 3], []),
        ({"a": {"$ne": "ab"}}, [0, 2, 4, 5], []),
        ({"a": {"$in": ["ab", 7]}}, [1, 3, 4], []),
        ({"a": LONG_TEXT}, [], [0, 2, 3]),
        ({"a": {"$in": ["ab", LONG_TEXT]}}, [1, 3], [0, 2]),
        ({"a": {"$prefix": "a"}}, [1, 3], [0, 2]),
        ({"a": {"$glob": "?*"}}, [1, 3], [0, 2]),
        ({"a": {"$gt": "zzz"}}, [], [0, 2, 3]),
        ({"a": {"$lt": "zzz"}}, [1, 3], [0, 2]),
        ({"a": {"$gt": 6}}, [4], []),
        ({"b": LONG_TEXT}, [], [1]),
        ({"b": {"$prefix": "xx"}}, [1], []),
    ],
    ids=str,
)
def test_a_column_that_omits_long_texts_leaves_them_to_the_documents(
    written: dict[str, Any], certain: list[int], possible: list[int]
) -> None:
    other = "\U0010ffff" * 100
    documents = [{"a": LONG_TEXT}, {"a": "ab", "b": LONG_TEXT}, {"a": other}, {"a": ["ab", other]}, {"a": 7}, {}]
    for columns in (in_memory(documents, {"a"}), stored(documents, {"a"})):
        mask = mask_of(columns, parse(written))
        assert np.flatnonzero(mask.certain).tolist() == certain
        assert np.flatnonzero(mask.possible & ~mask.certain).tolist() == possible


@pytest.mark.parametrize(
    ("written", "rows"),
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
    ids=str,
)
def test_each_type_of_value_has_rows_of_its_own(
    make_columns: MakeColumns, written: dict[str, Any], rows: list[int]
) -> None:
    values = [1, True, None, "x", [1, "x"], [], {"b": 2}]
    documents = [*({"a": value} for value in values), {"a.b": 2}]
    assert settled_rows(make_columns(documents), parse(written)) == rows


@pytest.mark.parametrize("value", [-128, 127, -32_768, 32_767, 32_768, -(2**31), 2**31 - 1, 2**31, 0.5])
def test_integers_of_any_width_are_stored_exactly(value: float) -> None:
    columns = stored([{"a": 1}, {"a": value}, {"a": 2}])
    assert settled_rows(columns, In("a", (value,))) == [1]
    assert settled_rows(columns, In("a", (*range(100, 164), value))) == [1]  # more than one pass each


@pytest.mark.parametrize("count", [1, 256, 257, 65_536, 65_537])
@pytest.mark.slow
def test_a_dictionary_may_have_any_number_of_texts(count: int) -> None:
    columns = stored([{"a": f"{row:06}"} for row in range(count)])
    last = count - 1
    same_ten = list(range(last // 10 * 10, count))
    assert settled_rows(columns, In("a", (f"{last:06}",))) == [last]
    assert settled_rows(columns, Compare("a", "$gte", f"{last:06}")) == [last]
    assert settled_rows(columns, Prefix("a", f"{last:06}"[:5])) == same_ten
    assert settled_rows(columns, Glob("a", f"{last:06}"[:5] + "?")) == same_ten


def test_the_deadline_is_checked_among_the_texts_of_a_glob(make_columns: MakeColumns) -> None:
    columns = make_columns([{"a": f"{row:06}"} for row in range(3_000)])
    checks: list[int] = []
    evaluate(Glob("a", "*[x]"), columns.read(["a"], NOTHING_TO_FETCH), columns.rows, lambda: checks.append(1))
    assert len(checks) == 4


@pytest.mark.parametrize("every", [1, 2, 7, 100], ids=["all rows", "half", "a seventh", "few"])
def test_rows_are_stored_in_each_encoding(make_columns: MakeColumns, every: int) -> None:
    documents = [{"a": None, "n": row, "t": "x"} if row % every == 0 else {} for row in range(300)]
    rows = list(range(0, 300, every))
    columns = make_columns(documents)
    for tree in (In("a", (None,)), Exists("n"), In("t", ("x",)), Compare("n", "$gte", 0)):
        assert settled_rows(columns, tree) == rows
    assert settled_rows(columns, Compare("n", "$gt", 150)) == [row for row in rows if row > 150]


def test_documents_with_many_sets_of_keys_keep_their_values(make_columns: MakeColumns) -> None:
    rng = np.random.default_rng(0)
    documents = [
        {key: value for key, value in zip("abcdefgh", drawn, strict=True) if value}
        for drawn in rng.integers(0, 5, (9_000, 8)).tolist()  # more than one chunk
    ]
    columns = make_columns(documents)
    for key in "ah":
        expected = [row for row, each in enumerate(documents) if each.get(key) == 3]
        assert settled_rows(columns, In(key, (3,))) == expected


KINDS = [lambda row: f"{row % 97}", lambda row: 2**60 + row % 5, lambda row: row % 97, lambda row: [row % 7 / 2, "5"]]


@pytest.mark.slow
def test_values_of_mixed_types_stay_with_their_rows(make_columns: MakeColumns) -> None:
    drawn = np.random.default_rng(1).integers(0, 12, (9_000, 3)).tolist()  # more than one chunk
    documents = [
        {key: KINDS[kind % 4](row) for key, kind in zip("abc", kinds, strict=True) if kind < 8}
        for row, kinds in enumerate(drawn)
    ]
    columns = make_columns(documents)
    for key in "abc":
        for tree in (In(key, ("5",)), In(key, (5,)), Compare(key, "$gt", 2.5), Compare(key, "$lte", 2**61)):
            satisfies = matcher(tree)
            assert settled_rows(columns, tree) == [row for row, each in enumerate(documents) if satisfies(each)]
        mask = mask_of(columns, In(key, (2**60 + 3,)))
        rounded = [row for row, each in enumerate(documents) if each.get(key) in range(2**60 + 1, 2**60 + 5)]
        assert (mask.certain.any(), np.flatnonzero(mask.possible).tolist()) == (False, rounded)
