"""Translate the metadata filters of LlamaIndex to filters on stored rows: its 14 operators, and nested conditions."""

from typing import Any, Final

from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

from vectord_client.integrations.patterns import containing

_NATIVE: Final = {
    FilterOperator.EQ: "$eq",
    FilterOperator.NE: "$ne",
    FilterOperator.GT: "$gt",
    FilterOperator.GTE: "$gte",
    FilterOperator.LT: "$lt",
    FilterOperator.LTE: "$lte",
    FilterOperator.CONTAINS: "$eq",  # a list at the path is tested element by element
}
_OF_LISTS: Final = {FilterOperator.IN: "$in", FilterOperator.ANY: "$in", FilterOperator.NIN: "$nin"}
_TEXTS: Final = (FilterOperator.TEXT_MATCH, FilterOperator.TEXT_MATCH_INSENSITIVE)
_ORDER: Final = (FilterOperator.GT, FilterOperator.GTE, FilterOperator.LT, FilterOperator.LTE)
_REF_DOC_KEYS: Final = ("doc_id", "document_id", "ref_doc_id")  # the keys that LlamaIndex itself adds to metadata


def row_filter(filters: MetadataFilters) -> dict[str, Any]:
    """Return LlamaIndex's filters as a filter on rows; without filters it is true for every row.

    Raises:
        ValueError: the value of a filter does not suit its operator.
    """
    parts = [_one(each) if isinstance(each, MetadataFilter) else row_filter(each) for each in filters.filters]
    if not parts:
        return {}
    match filters.condition or FilterCondition.AND:
        case FilterCondition.AND:
            return parts[0] if len(parts) == 1 else {"$and": parts}
        case FilterCondition.OR:
            return {"$or": parts}
        case FilterCondition.NOT:  # none of them is true, as in LlamaIndex's own store
            return {"$not": {"$or": parts}}


def _one(filter: MetadataFilter) -> dict[str, Any]:
    path, operator, value = _path(filter.key), filter.operator, filter.value
    if operator is FilterOperator.IS_EMPTY:
        return _is_empty(filter.key)
    if value is None:
        return _with_none(filter)
    if operator in _TEXTS:
        if not isinstance(value, str):
            raise _unsuitable(filter, "a text")
        return {path: {"$glob": containing(value, any_case=operator is FilterOperator.TEXT_MATCH_INSENSITIVE)}}
    if operator is FilterOperator.ALL or operator in _OF_LISTS:
        if not isinstance(value, list):
            raise _unsuitable(filter, "a list")
        if operator is FilterOperator.ALL:
            return {"$and": [{path: each} for each in value]}
        return {path: {_OF_LISTS[operator]: value}}
    if isinstance(value, list):
        raise _unsuitable(filter, "a text or a number; for lists use any, all, in or nin")
    return {path: {_NATIVE[operator]: value}}


def _with_none(filter: MetadataFilter) -> dict[str, Any]:
    """Return a comparison with None: equal to a missing value and to null. None has no place in an order."""
    absent = {"$or": [{_path(filter.key): {"$exists": False}}, {_path(filter.key): None}]}
    if filter.operator is FilterOperator.EQ:
        return absent
    if filter.operator is FilterOperator.NE:
        return {"$not": absent}
    if filter.operator in _ORDER:
        return {"$or": []}
    raise _unsuitable(filter, "a value that is not None")


def _is_empty(key: str) -> dict[str, Any]:
    return {"$or": [{_path(key): {"$exists": False}}, {"empty": key}]}


def _path(key: str) -> str:
    return "ref_doc_id" if key in _REF_DOC_KEYS else f"metadata.{key}"


def _unsuitable(filter: MetadataFilter, expected: str) -> ValueError:
    return ValueError(
        f"The filter on {filter.key!r} with the operator {filter.operator.value} needs {expected}, "
        f"not {filter.value!r}."
    )
