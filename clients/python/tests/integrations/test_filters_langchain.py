"""Filters of LangChain users on stored rows, compared with a direct evaluation on the document's metadata."""

import operator
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectord.filters.match import matches
from vectord.filters.parse import parse
from vectord_client.integrations.langchain_filters import row_filter

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}

numbers = st.integers(-3, 3) | st.sampled_from([0.5, -2.5])
texts = st.text("aB_%*?[]\\", max_size=3)
scalars = st.none() | st.booleans() | numbers | texts
metadata = st.dictionaries(st.sampled_from(["a", "b", "c.d", ""]), scalars, max_size=4)
keys = st.sampled_from(["a", "b", "c.d", "", "none"])
operands = (
    st.one_of(scalars, scalars.map(lambda value: {"$eq": value}), scalars.map(lambda value: {"$ne": value}))
    | st.builds(lambda name, value: {name: value}, st.sampled_from([*ORDER]), numbers | texts)
    | st.builds(lambda name, values: {name: values}, st.sampled_from(["$in", "$nin"]), st.lists(scalars, max_size=3))
    | st.builds(lambda low, high: {"$between": [low, high]}, numbers, numbers)
    | st.builds(lambda name, pattern: {name: pattern}, st.sampled_from(["$like", "$ilike"]), texts)
    | st.booleans().map(lambda value: {"$exists": value})
    | st.builds(lambda low, high: {"$gte": low, "$lte": high, "$between": [high, low]}, numbers, numbers)
)
filters = st.recursive(
    st.dictionaries(keys, operands, max_size=2),
    lambda inner: (
        st.builds(lambda name, parts: {name: parts}, st.sampled_from(["$and", "$or"]), st.lists(inner, max_size=3))
        | inner.map(lambda part: {"$not": part})
    ),
    max_leaves=5,
)
MISSING = object()


def evaluated(filter: dict[str, Any], document: dict[str, Any]) -> bool:
    return all(holds(key, operand, document) for key, operand in filter.items())


def holds(key: str, operand: Any, document: dict[str, Any]) -> bool:
    match key:
        case "$and":
            return all(evaluated(part, document) for part in operand)
        case "$or":
            return any(evaluated(part, document) for part in operand)
        case "$not":
            return not evaluated(operand, document)
    value = document.get(key, MISSING)
    conditions = operand if isinstance(operand, dict) else {"$eq": operand}
    return all(satisfies(value, name, wanted) for name, wanted in conditions.items())


def satisfies(value: Any, name: str, wanted: Any) -> bool:  # noqa: PLR0911 - one line for each operator
    match name:
        case "$eq":
            return same(value, wanted)
        case "$ne":
            return not same(value, wanted)
        case "$in":
            return any(same(value, one) for one in wanted)
        case "$nin":
            return not any(same(value, one) for one in wanted)
        case "$exists":
            return (value is not MISSING) == wanted
        case "$between":
            return satisfies(value, "$gte", wanted[0]) and satisfies(value, "$lte", wanted[1])
        case "$like" | "$ilike":
            return isinstance(value, str) and like(value, wanted, re.IGNORECASE if name == "$ilike" else 0)
    comparable = isinstance(value, str) if isinstance(wanted, str) else type(value) in (int, float)
    return comparable and ORDER[name](value, wanted)


def same(value: Any, wanted: Any) -> bool:
    return value is not MISSING and isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def like(value: str, pattern: str, flags: int) -> bool:
    """Return True if a text matches a pattern of SQL's LIKE."""
    tokens = re.findall(r"\\.|.|\\", pattern, re.DOTALL)
    parts = [".*" if token == "%" else "." if token == "_" else re.escape(token[-1]) for token in tokens]
    return re.fullmatch("".join(parts), value, re.DOTALL | flags) is not None


@given(filters, metadata)
def test_a_filter_selects_the_documents_with_such_metadata(filter: dict[str, Any], document: dict[str, Any]) -> None:
    stored = {"text": "text", "metadata": document}
    assert matches(parse(row_filter(filter)), stored) == evaluated(filter, document)


@pytest.mark.parametrize(
    ("filter", "document"),
    [
        ({"a.b": 1}, {"a": {"b": 1}}),
        ({"a.b": 1}, {"a.b": 1}),
        ({"tags": "new"}, {"tags": ["old", "new"]}),
        ({"\\$price": {"$gt": 4}}, {"$price": 5}),
        ({"\\\\$price": 5}, {"\\$price": 5}),
        ({"seen": date(1979, 5, 25)}, {"seen": "1979-05-25"}),
        ({"seen": {"$gte": date(1979, 1, 1), "$lt": date(1980, 1, 1)}}, {"seen": "1979-05-25"}),
        ({"name": {"$ilike": "%ÄRGER%"}}, {"name": "viel ärger"}),
        ({"name": {"$not": {"$prefix": "x"}}}, {"name": "y"}),
    ],
)
def test_a_filter_matches(filter: dict[str, Any], document: dict[str, Any]) -> None:
    assert matches(parse(row_filter(filter)), {"metadata": document})


def test_conditions_on_words_are_left_to_the_index() -> None:
    words = {"$match": "space ship", "$not": {"$phrase": "in space"}}
    assert row_filter({"title": words}) == {"metadata.title": words}


def test_a_filter_does_not_see_the_text_and_the_members_of_the_row() -> None:
    assert not matches(parse(row_filter({"text": "text"})), {"text": "text", "metadata": {}})


@pytest.mark.parametrize(
    ("filter", "kind"),
    [
        (lambda document: True, TypeError),
        ("year > 5", TypeError),
        ({"$and": {"a": 1}}, TypeError),
        ({"$or": "a"}, TypeError),
        ({"$gt": 5}, ValueError),
        ({"$price": 5}, ValueError),
        ({"a": {"$between": 5}}, ValueError),
        ({"a": {"$regex": "x"}}, ValueError),
        ({"a": {"$like": 5}}, ValueError),
        ({"a": {"b": 5}}, ValueError),
        ({"a": {"$not": {"$like": "x"}}}, ValueError),
        ({"a": float("nan")}, ValueError),
        ({"a": {"$in": [object()]}}, ValueError),
    ],
)
def test_a_filter_that_is_not_valid_is_refused(filter: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="filter"):
        row_filter(filter)
