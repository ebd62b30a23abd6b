"""LlamaIndex's filters on stored rows, compared with LlamaIndex's own evaluation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from vectord.filters.match import matches
from vectord.filters.parse import parse
from vectord_client.integrations.llamaindex_filters import row_filter
from vectord_client.integrations.llamaindex_nodes import metadata_of

# The type of the values of each key: LlamaIndex refuses some comparisons of values of different types.
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5])
TEXTS = st.text("aB*?[", max_size=3)
WORDS = st.sampled_from(["a", "b", "c"])
VALUES = {"number": NUMBERS, "text": TEXTS, "list": st.lists(WORDS, max_size=3)}
metadata = st.fixed_dictionaries({}, optional={key: st.none() | values for key, values in VALUES.items()})
ORDER = [FilterOperator.GT, FilterOperator.GTE, FilterOperator.LT, FilterOperator.LTE]


def some(key: str, operators: list[FilterOperator], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda operator, value: MetadataFilter(key=key, operator=operator, value=value),
        st.sampled_from(operators),
        values,
    )


single = (
    some("number", [FilterOperator.EQ, FilterOperator.NE, *ORDER], NUMBERS)
    | some("text", [FilterOperator.EQ, FilterOperator.NE, *ORDER], TEXTS)
    | some("text", [FilterOperator.TEXT_MATCH, FilterOperator.TEXT_MATCH_INSENSITIVE], TEXTS)
    | some("text", [FilterOperator.IN, FilterOperator.NIN], st.lists(TEXTS, max_size=3))
    | some("number", [FilterOperator.IN, FilterOperator.NIN], st.lists(st.integers(-3, 3), max_size=3))
    | some("list", [FilterOperator.ANY, FilterOperator.ALL], st.lists(WORDS, min_size=1, max_size=3))
    | some("list", [FilterOperator.CONTAINS], WORDS)
    | some("none", [FilterOperator.EQ, FilterOperator.NE], WORDS)
    | some("number", [FilterOperator.IS_EMPTY], st.none())
    | some("text", [FilterOperator.IS_EMPTY], st.none())
    | some("list", [FilterOperator.IS_EMPTY], st.none())
    | some("none", [FilterOperator.IS_EMPTY], st.none())
)
nested = st.recursive(
    single,
    lambda inner: st.builds(
        lambda filters, condition: MetadataFilters(filters=filters, condition=condition),
        st.lists(inner, max_size=3),
        st.sampled_from([*FilterCondition, None]),
    ),
    max_leaves=6,
)


def evaluated(filters: MetadataFilter | MetadataFilters, values: dict[str, Any]) -> bool:
    """Return LlamaIndex's own result of each filter; it does not combine nested ones itself."""
    if isinstance(filters, MetadataFilter):
        return build_metadata_filter_fn(lambda _: values, MetadataFilters(filters=[filters]))("id")
    results = [evaluated(each, values) for each in filters.filters]
    match filters.condition:
        case FilterCondition.OR:
            return any(results) or not results
        case FilterCondition.NOT:
            return not any(results)
    return all(results)


@given(nested, metadata)
def test_filters_select_the_nodes_that_llamaindex_selects(
    filters: MetadataFilter | MetadataFilters, values: dict[str, Any]
) -> None:
    row = metadata_of(TextNode(text="text", metadata=values))
    whole = filters if isinstance(filters, MetadataFilters) else MetadataFilters(filters=[filters])
    assert matches(parse(row_filter(whole)), row) == evaluated(filters, values)


def test_every_operator_is_translated() -> None:
    values: dict[FilterOperator, Any] = {
        FilterOperator.IN: ["a"],
        FilterOperator.NIN: ["a"],
        FilterOperator.ANY: ["a"],
        FilterOperator.ALL: ["a"],
        FilterOperator.IS_EMPTY: None,
    }
    for operator in FilterOperator:
        filter = MetadataFilter(key="k", operator=operator, value=values.get(operator, "a"))
        assert parse(row_filter(MetadataFilters(filters=[filter])))


@pytest.mark.parametrize("key", ["doc_id", "document_id", "ref_doc_id"])
def test_the_keys_that_llamaindex_adds_name_the_document(key: str) -> None:
    node = TextNode(text="text", relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="film.txt")})
    filters = MetadataFilters(filters=[MetadataFilter(key=key, value="film.txt")])
    assert matches(parse(row_filter(filters)), metadata_of(node))


@pytest.mark.parametrize(
    ("values", "empty"),
    [
        ({}, True),
        ({"a": {"b": None}}, True),
        ({"a": {"b": []}}, True),
        ({"a.b": ""}, True),
        ({"a": {"b": [None]}}, False),
        ({"a": {"b": {}}}, False),
        ({"a": {"b": 0}}, False),
    ],
)
def test_is_empty_looks_at_nested_values(values: dict[str, Any], empty: bool) -> None:
    filters = MetadataFilters(filters=[MetadataFilter(key="a.b", value=None, operator=FilterOperator.IS_EMPTY)])
    assert matches(parse(row_filter(filters)), metadata_of(TextNode(text="text", metadata=values))) == empty


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        (FilterOperator.IN, "text"),
        (FilterOperator.ALL, 5),
        (FilterOperator.ANY, None),
        (FilterOperator.EQ, ["a"]),
        (FilterOperator.GT, [1]),
        (FilterOperator.TEXT_MATCH, 5),
        (FilterOperator.TEXT_MATCH_INSENSITIVE, ["a"]),
        (FilterOperator.CONTAINS, None),
    ],
)
def test_a_value_that_does_not_suit_its_operator_is_refused(operator: FilterOperator, value: Any) -> None:
    with pytest.raises(ValueError, match="'year'"):
        row_filter(MetadataFilters(filters=[MetadataFilter(key="year", operator=operator, value=value)]))
