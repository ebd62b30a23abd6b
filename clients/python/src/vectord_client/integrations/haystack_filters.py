"""Translate Haystack's filters to filters on stored rows, with the meaning of Haystack's own in-memory store.

A missing value equals None. `NOT` means that not all of its conditions are true. Dates are compared as points in time:
`haystack_documents` stores those of `meta` as numbers under `dates`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from haystack.errors import FilterError

from vectord_client.integrations.plain import plain, seconds

_NEVER: Final[dict[str, Any]] = {"$or": []}
_ORDER: Final = {">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_PRESENCE: Final = ("embedding", "blob", "sparse_embedding")  # of a document; they can only be compared with None
_TEXTS: Final = ("id", "content")


def row_filter(filters: object) -> dict[str, Any]:
    """Return Haystack's filters as a filter on rows.

    Raises:
        FilterError: they are not valid.
    """
    if not isinstance(filters, Mapping):
        raise FilterError(f"A filter must be a dict with 'operator', not {type(filters).__name__}.")
    return _comparison(filters) if "field" in filters else _logic(filters)


def _logic(filters: Mapping[str, Any]) -> dict[str, Any]:
    operator, conditions = _required(filters, "operator"), _required(filters, "conditions")
    if not isinstance(conditions, list):
        raise FilterError(f"'conditions' must be a list of filters, not {type(conditions).__name__}.")
    parts = [row_filter(condition) for condition in conditions]
    match operator:
        case "AND":
            return {"$and": parts}
        case "OR":
            return {"$or": parts}
        case "NOT":
            return {"$not": {"$and": parts}}
    raise FilterError(f"The logical operator {operator!r} is unknown. Use AND, OR or NOT.")


def _comparison(filters: Mapping[str, Any]) -> dict[str, Any]:
    field, operator, value = (_required(filters, name) for name in ("field", "operator", "value"))
    if not isinstance(field, str):
        raise FilterError(f"'field' must be a text such as 'meta.year', not {type(field).__name__}.")
    compare = _COMPARISONS.get(operator) if isinstance(operator, str) else None
    if compare is None:
        raise FilterError(f"The operator {operator!r} is unknown. The operators are {', '.join(_COMPARISONS)}.")
    if field in _PRESENCE:
        return _presence(field, operator, value)
    return compare(*_paths(field), _plain(value, field))


def _presence(field: str, operator: str, value: object) -> dict[str, Any]:
    """Return a comparison with None of a field that has no value that a filter could test."""
    if value is not None or operator not in ("==", "!="):
        raise FilterError(f"The field {field!r} can only be compared with None, by == or !=.")
    is_absent = {field: False} if field == "embedding" else {field: {"$exists": False}}
    return is_absent if operator == "==" else {"$not": is_absent}


def _paths(field: str) -> tuple[str, str | None]:
    """Return the path of a field in a row, and the path of its dates."""
    if field in _TEXTS:
        return field, None
    if field in ("score", "meta"):
        raise FilterError(f"The field {field!r} cannot be in a filter. Use 'id', 'content' or 'meta.<key>'.")
    key = field.removeprefix("meta.")
    return f"meta.{key}", f"dates.{key}"


def _equal(path: str, dates: str | None, value: Any) -> dict[str, Any]:
    if isinstance(value, list | dict):
        raise FilterError(f"'{path}' cannot be compared with a list or a dict. For several values use 'in'.")
    return _in(path, dates, [value])


def _in(path: str, dates: str | None, values: Any) -> dict[str, Any]:
    if not isinstance(values, list):
        raise FilterError(f"'in' and 'not in' need a list of values, not {type(values).__name__}.")
    if any(isinstance(value, list | dict) for value in values):
        raise FilterError("A list or a dict cannot be among the values of 'in' and 'not in'.")
    parts: list[dict[str, Any]] = [{path: {"$in": values}}]
    moments = [moment for moment in map(seconds, values) if moment is not None]
    if moments and dates is not None:
        parts.append({dates: {"$in": moments}})
    if None in values:
        parts.append({path: {"$exists": False}})
    return parts[0] if len(parts) == 1 else {"$or": parts}


def _ordered(operator: str) -> "_Compare":
    def compare(path: str, dates: str | None, value: Any) -> dict[str, Any]:
        match value:
            case None:
                return _NEVER
            case bool() | list() | dict():
                raise FilterError(f"'{operator}' needs a number or a date, not {type(value).__name__}.")
            case str():
                moment = seconds(value)
                if moment is None:
                    raise FilterError(f"'{operator}' needs a number or a date in ISO 8601, not the text {value!r}.")
                return _NEVER if dates is None else {dates: {_ORDER[operator]: moment}}
        return {path: {_ORDER[operator]: value}}

    return compare


def _required(filters: Mapping[str, Any], name: str) -> Any:
    if name not in filters:
        raise FilterError(f"The filter {dict(filters)} has no {name!r}.")
    return filters[name]


def _plain(value: object, field: str) -> Any:
    if isinstance(value, tuple | set | frozenset):
        raise FilterError(f"The value for {field!r} must be a list, not {type(value).__name__}.")
    try:
        return plain(value, f"the filter on {field!r}")
    except ValueError as error:
        raise FilterError(str(error)) from error


_Compare = Callable[[str, str | None, Any], dict[str, Any]]
_COMPARISONS: Final[Mapping[str, _Compare]] = {
    "==": _equal,
    "!=": lambda path, dates, value: {"$not": _equal(path, dates, value)},
    **{operator: _ordered(operator) for operator in _ORDER},
    "in": _in,
    "not in": lambda path, dates, value: {"$not": _in(path, dates, value)},
}
