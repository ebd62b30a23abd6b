"""Ordered listings have the order of the values in the documents, in every form that an index can have."""

from functools import cmp_to_key
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import documents as d
from tests.support.forms import (
    FORMS,
    IDS,
    SAME_VALUES,
    SOME,
    STEPS,
    Step,
    documents,
    opened_by_ranges,
    packed_blob,
    without_long_texts,
)
from tests.support.sections import RecordingFetch
from vectord.filters.match import leaves, matches
from vectord.filters.tree import Filter
from vectord.index.query import filtering
from vectord.index.query.sorting import ordered_rows
from vectord.index.query.values import Order, OrderedRow
from vectord.index.state import Index


def kind(value: Any) -> int:
    return [bool, int, float, str].index(type(value)) if not isinstance(value, float) else 1


def less(one: Any, other: Any) -> bool:
    """Compare two values by the definition: false, true, numbers, texts."""
    return one < other if kind(one) == kind(other) else kind(one) < kind(other)


def expected(model: dict[str, Any], order: Order, prefix: str = "") -> list[str]:
    """Return ids in order, by comparing each two documents."""
    present: list[tuple[Any, str]] = []
    missing: list[str] = []
    for vector_id, document in model.items():
        values = [leaf for at, leaf in leaves(document) if at == order.path and isinstance(leaf, str | int | float)]
        by_value = sorted(values, key=cmp_to_key(lambda a, b: -1 if less(a, b) else 1), reverse=order.descending)
        if by_value:
            present.append((by_value[0], vector_id))
        else:
            missing.append(vector_id)

    def compare(one: tuple[Any, str], other: tuple[Any, str]) -> int:
        if less(one[0], other[0]) or less(other[0], one[0]):
            return -1 if less(one[0], other[0]) != order.descending else 1
        return -1 if one[1] < other[1] else 1

    return [one for _, one in sorted(present, key=cmp_to_key(compare)) if one.startswith(prefix)] + sorted(
        one for one in missing if one.startswith(prefix)
    )


def pages(index: Index, order: Order, limit: int, prefix: str = "", tree: Filter | None = None) -> list[str]:
    """Follow an ordered listing to its end."""
    found: list[str] = []
    after: OrderedRow | None = None
    mask = index.live if tree is None else filtering.matching_rows(index, tree)
    while True:
        rows = ordered_rows(index, Order(order.path, order.descending, after), mask, prefix, limit)
        assert [index.ids_of([row.row])[0] for row in rows] == [row.id for row in rows]
        found += [row.id for row in rows]
        if len(rows) < limit:
            return found
        after = rows[-1]


ORDERS = st.builds(Order, d.PATHS, st.booleans())


@given(first=SOME.filter(bool), steps=STEPS, order=ORDERS, limit=st.integers(1, 14))
@example(**SAME_VALUES, order=Order("a"), limit=1)
@example(**SAME_VALUES, order=Order("a", descending=True), limit=2)
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_pages_have_every_row_once_in_the_order_of_its_value(
    first: Step, steps: list[Step], order: Order, limit: int
) -> None:
    in_order = expected(documents([first, *steps]), order)
    for form in FORMS:
        assert pages(form(first, steps), order, limit) == in_order, form


@given(first=SOME.filter(bool), steps=STEPS, order=ORDERS, tree=d.FILTERS)
@settings(max_examples=20, deadline=None)
@pytest.mark.slow
def test_a_filter_and_a_prefix_select_rows(first: Step, steps: list[Step], order: Order, tree: Filter) -> None:
    model = documents([first, *steps])
    matching = expected({each: document for each, document in model.items() if matches(tree, document)}, order)
    with_prefix = expected(model, order, "id 1")
    for form in FORMS:
        index = form(first, steps)
        assert pages(index, order, 3, tree=tree) == matching, form
        assert pages(index, order, 3, prefix="id 1") == with_prefix, form


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.slow
def test_values_of_many_rows_are_sorted(descending: bool) -> None:
    model: dict[str, Any] = {f"id {n:04}": {"n": n * 7919 % 301, "few": n % 2} for n in range(1_500)}
    fetch = RecordingFetch()
    index = opened_by_ranges(packed_blob(model, []), fetch)
    for path in ("n", "few"):
        order = Order(path, descending)
        assert pages(index, order, 400) == expected(model, order)


@pytest.mark.slow
def test_a_page_reads_the_column_and_the_documents_of_its_rows() -> None:
    model: dict[str, Any] = {f"id {n:04}": {"n": n, "text": "x" * 500} for n in range(2_000)}
    fetch = RecordingFetch()
    index = opened_by_ranges(packed_blob(model, []), fetch)
    assert [row.id for row in ordered_rows(index, Order("n"), index.live, "", 10)] == [f"id {n:04}" for n in range(10)]
    assert fetch.bytes < 200_000


def test_a_path_without_a_column_is_sorted_by_documents() -> None:
    path = "k" * 600
    model: dict[str, Any] = {each: {path: number % 3} for number, each in enumerate(IDS)}
    index = opened_by_ranges(packed_blob(model, []), RecordingFetch())
    assert pages(index, Order(path), 5) == expected(model, Order(path))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 20])
def test_long_texts_that_columns_omit_are_sorted_among_the_others(limit: int, descending: bool) -> None:
    texts: list[Any] = ["b" * 200, "c", "a", "d" * 200, 5, "b", ["e", "a" * 200], "b" * 201, ["0", "f" * 200], True]
    model: dict[str, Any] = {f"id {number}": {"t": text} for number, text in enumerate(texts)} | {"none": {"n": 1}}
    index = without_long_texts(model, [])
    order = Order("t", descending)
    assert pages(index, order, limit) == expected(model, order)


def test_texts_are_sorted_by_their_first_1024_characters() -> None:
    same = "é" * 1_024
    model: dict[str, Any] = {"b": {"t": same + "1"}, "a": {"t": same + "2"}, "c": {"t": same[1:] + "a"}}
    index = opened_by_ranges(packed_blob(model, []), RecordingFetch())
    assert pages(index, Order("t"), 1) == ["c", "a", "b"]
    assert pages(index, Order("t", descending=True), 1) == ["a", "b", "c"]


def test_a_listing_continues_after_a_row_that_was_removed() -> None:
    index = opened_by_ranges(packed_blob({each: {"t": each} for each in "acegikmo"}, []), RecordingFetch())
    for key, rest in (((3, "d"), "egikmo"), ((3, "z"), ""), ((2, 5), "acegikmo"), ((5, 0), "")):
        after = OrderedRow(key, "d")
        assert [row.id for row in ordered_rows(index, Order("t", after=after), index.live, "", 9)] == list(rest)
