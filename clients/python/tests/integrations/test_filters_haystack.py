"""Haystack's filters on stored rows, compared with Haystack's own evaluation on documents."""

from typing import Any

import pytest
from haystack.dataclasses import ByteStream, Document
from haystack.errors import FilterError
from haystack.utils.filters import document_matches_filter
from hypothesis import example, given
from hypothesis import strategies as st

from vectord.filters.match import matches
from vectord.filters.parse import parse
from vectord_client.integrations.haystack_documents import metadata_of
from vectord_client.integrations.haystack_filters import row_filter

KEYS = ["a", "b", "c.d", "$e", "no such key"]
DATES = ["1979-05-25", "1979-05-25T00:00:00", "1979-05-25T00:00:00Z", "1995-12-15T10:00:00.5Z", "1995-12-15 10:00"]

numbers = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5])
scalars = st.none() | numbers | st.sampled_from(["", "x", "Ä", *DATES])
metas = st.fixed_dictionaries(
    {}, optional={"a": scalars, "b": scalars, "c": st.dictionaries(st.sampled_from(["d", "f"]), scalars), "$e": scalars}
)
fields = st.sampled_from(KEYS).map("meta.{}".format)
equalities = st.builds(
    lambda field, operator, value: {"field": field, "operator": operator, "value": value},
    fields | st.just("content"),
    st.sampled_from(["==", "!="]),
    scalars,
)
memberships = st.builds(
    lambda field, operator, value: {"field": field, "operator": operator, "value": value},
    fields | st.just("id"),
    st.sampled_from(["in", "not in"]),
    st.lists(scalars, max_size=3),
)
orders = st.builds(
    lambda field, operator, value: {"field": field, "operator": operator, "value": value},
    fields,
    st.sampled_from([">", ">=", "<", "<="]),
    st.none() | numbers | st.sampled_from(DATES),
)
filters = st.recursive(
    equalities | memberships | orders,
    lambda inner: st.builds(
        lambda operator, conditions: {"operator": operator, "conditions": conditions},
        st.sampled_from(["AND", "OR", "NOT"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=6,
)


def evaluated(filters: dict[str, Any], document: Document) -> bool:
    """Return Haystack's own result; a comparison that Haystack refuses for this document is false there.

    Haystack raises an error where a document has a text or a number at the path and the filter a date: an index cannot,
    because it has other documents as well.
    """
    if "field" not in filters:
        results = [evaluated(condition, document) for condition in filters["conditions"]]
        match filters["operator"]:
            case "AND":
                return all(results)
            case "OR":
                return any(results)
        return not all(results)
    try:
        return document_matches_filter(filters, document)
    except (FilterError, TypeError):
        return False


@given(filters, metas, st.none() | st.sampled_from(["x", "Ä"]))
@example({"field": "meta.a", "operator": "<=", "value": "1979-05-25"}, {"a": "1979-05-25T00:00:00"}, None)
@example({"field": "meta.a", "operator": "==", "value": "1979-05-25T00:00Z"}, {"a": "1979-05-25T02:00+02:00"}, None)
@example({"field": "meta.a", "operator": "in", "value": [None, 1]}, {}, None)
@example({"operator": "NOT", "conditions": []}, {}, None)
def test_a_filter_selects_the_documents_that_haystack_selects(
    filters: dict[str, Any], meta: dict[str, Any], content: str | None
) -> None:
    document = Document(id="x", content=content, meta=meta)
    assert matches(parse(row_filter(filters)), metadata_of(document)) == evaluated(filters, document)


@pytest.mark.parametrize("field", ["embedding", "blob", "sparse_embedding"])
def test_a_filter_finds_documents_without_an_embedding_or_a_blob(field: str) -> None:
    bare = Document(content="bare")
    full = Document(content="full", embedding=[1.0], blob=ByteStream(b"data"))
    absent = parse(row_filter({"field": field, "operator": "==", "value": None}))
    present = parse(row_filter({"field": field, "operator": "!=", "value": None}))
    assert matches(absent, metadata_of(bare))
    assert not matches(present, metadata_of(bare))
    if field != "sparse_embedding":
        assert matches(present, metadata_of(full))
        assert not matches(absent, metadata_of(full))


def test_a_date_without_a_time_zone_is_in_utc() -> None:
    filters = {"field": "meta.a", "operator": "<", "value": "1979-05-25T00:30:00+02:00"}
    assert matches(parse(row_filter(filters)), metadata_of(Document(content="x", meta={"a": "1979-05-24T22:00:00"})))
    assert not matches(parse(row_filter(filters)), metadata_of(Document(content="x", meta={"a": "1979-05-25T00:00"})))


def test_a_field_may_be_named_without_meta() -> None:
    assert row_filter({"field": "year", "operator": ">", "value": 5}) == {"meta.year": {"$gt": 5}}


@pytest.mark.parametrize(
    "filters",
    [
        "year > 5",
        {},
        {"operator": "XOR", "conditions": []},
        {"operator": "AND", "conditions": {}},
        {"operator": "AND", "conditions": ["x"]},
        {"field": 5, "operator": "==", "value": 1},
        {"field": "meta.a", "operator": "~", "value": 1},
        {"field": "meta.a", "operator": ["=="], "value": 1},
        {"field": "meta.a", "operator": "==", "value": [1]},
        {"field": "meta.a", "operator": "!=", "value": {"b": 1}},
        {"field": "meta.a", "operator": "in", "value": [[1]]},
        {"field": "meta.a", "operator": ">", "value": True},
        {"field": "meta.a", "operator": ">", "value": "yesterday"},
        {"field": "meta.a", "operator": "==", "value": float("nan")},
        {"field": "meta.a", "operator": "==", "value": object()},
        {"field": "embedding", "operator": "==", "value": 1},
        {"field": "score", "operator": ">", "value": 0.5},
        {"field": "meta", "operator": "==", "value": None},
    ],
)
def test_a_filter_that_an_index_cannot_evaluate_is_refused(filters: Any) -> None:
    with pytest.raises(FilterError):
        row_filter(filters)
