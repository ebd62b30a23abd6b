"""Facets are the counts of the values in the documents, in every form that an index can have."""

from collections import Counter
from typing import Any

import numpy as np
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
from vectord.filters.tree import Exists, Filter
from vectord.filters.values import Kind, value_of
from vectord.index.query import filtering
from vectord.index.query.facets import facet
from vectord.index.query.values import Facet
from vectord.index.state import Index
from vectord.service.values.selection import FacetQuery, facets_of


def expected(model: dict[str, Any], path: str, limit: int) -> Facet:
    """Return the facet by the definition: each document counts once for each distinct value at the path."""
    kinds = {bool: 0, int: 2, float: 2, str: 3, type(None): 4}
    counts: Counter[Any] = Counter()
    for document in model.values():
        values = [leaf for at, leaf in leaves(document) if at == path and type(leaf) in kinds]
        counts.update({(kinds[type(value)] + (value is True), 0 if value is None else value) for value in values})
    listed = sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))[:limit]
    numbers = [value for kind, value in counts if kind == Kind.NUMBER]
    rows = sum(matches(Exists(path), document) for document in model.values())
    shown = [((Kind(kind), 0 if kind < Kind.NUMBER else value), count) for (kind, value), count in listed]
    return Facet(rows, len(counts), shown, min(numbers, default=None), max(numbers, default=None))


def found(index: Index, path: str, limit: int, tree: Filter | None = None) -> Facet:
    return facet(index, path, index.live if tree is None else filtering.matching_rows(index, tree), limit)


@given(first=SOME.filter(bool), steps=STEPS, paths=st.lists(d.PATHS, min_size=1, max_size=3), limit=st.integers(1, 20))
@example(**SAME_VALUES, paths=["a"], limit=20)
@example(first={"id 0": {"a": 1}}, steps=[["id 0"]], paths=["a"], limit=20)
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_a_facet_counts_the_values_of_the_documents(
    first: Step, steps: list[Step], paths: list[str], limit: int
) -> None:
    model = documents([first, *steps])
    truth = [expected(model, path, limit) for path in paths]
    for form in FORMS:
        index = form(first, steps)
        assert [found(index, path, limit) for path in paths] == truth, form


@given(first=SOME.filter(bool), steps=STEPS, path=d.PATHS, tree=d.FILTERS)
@example(**SAME_VALUES, path="a", tree=Exists("a"))
@settings(max_examples=20, deadline=None)
@pytest.mark.slow
def test_a_facet_counts_only_rows_that_match_the_filter(
    first: Step, steps: list[Step], path: str, tree: Filter
) -> None:
    model = documents([first, *steps])
    truth = expected({each: document for each, document in model.items() if matches(tree, document)}, path, 100)
    for form in FORMS:
        assert found(form(first, steps), path, 100, tree) == truth, form


@pytest.mark.slow
def test_a_facet_reads_only_the_column() -> None:
    fetch = RecordingFetch()
    blob = packed_blob({f"id {number}": {"n": number % 7, "text": "x" * 500} for number in range(2_000)}, [])
    index = opened_by_ranges(blob, fetch)
    result = found(index, "n", 3)
    assert (result.rows, result.distinct, [count for _, count in result.counts]) == (2_000, 7, [286, 286, 286])
    assert len(fetch.rounds) <= 2
    assert fetch.bytes < 40_000


def test_the_deadline_is_checked_before_texts_and_numbers_are_counted_but_once_for_each_path() -> None:
    index = opened_by_ranges(packed_blob({each: {"n": 1} for each in IDS}, []), RecordingFetch())

    def checks(paths: list[str]) -> int:
        made: list[None] = []
        facets = facets_of(index, FacetQuery(paths, 3), index.live, lambda: made.append(None))
        assert len({facet.distinct for facet in facets}) == 1
        assert len(facets) == len(paths)
        return len(made)

    assert checks(["n"]) == checks(["n"] * 16) >= 3


def test_long_texts_that_columns_omit_are_counted_by_documents() -> None:
    texts: list[Any] = ["b" * 200, "c", "c", "b" * 200, "b" * 201, ["c", "b" * 200], 5]
    model: dict[str, Any] = {f"id {number}": {"t": text} for number, text in enumerate(texts)}
    assert found(without_long_texts(model, []), "t", 10) == expected(model, "t", 10)


def test_a_path_without_a_column_is_counted_by_documents() -> None:
    path = "k" * 600
    model: dict[str, Any] = {each: {path: number % 3} for number, each in enumerate(IDS)}
    assert found(opened_by_ranges(packed_blob(model, []), RecordingFetch()), path, 10) == expected(model, path, 10)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ((Kind.NUMBER, 1.0), 1),
        ((Kind.NUMBER, -0.0), 0),
        ((Kind.NUMBER, 2.0**60), 2**60),
        ((Kind.NUMBER, 1e300), 1e300),
        ((Kind.NUMBER, 10**400), 10**400),
        ((Kind.TRUE, 0), True),
        ((Kind.FALSE, 0), False),
        ((Kind.NULL, 0), None),
        ((Kind.TEXT, "1"), "1"),
    ],
)
def test_equal_values_are_shown_as_one(key: Any, value: Any) -> None:
    assert (value_of(key), type(value_of(key))) == (value, type(value))
    assert np.signbit(float(value_of((Kind.NUMBER, -0.0)) or 0)) == np.False_
