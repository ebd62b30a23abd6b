"""Translate the metadata filters of LangChain users to filters on stored rows.

LangChain has no filter language of its own. Its stores share that of MongoDB, which is also the native one:
`{"year": {"$gte": 1980}, "$or": [...]}`. `$between`, `$like` and `$ilike` are those of the PostgreSQL store. Keys are
paths in the document's own metadata, which a row has under `metadata`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from vectord_client.integrations.patterns import like
from vectord_client.integrations.plain import plain

_NATIVE: Final = frozenset(
    (
        *("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$prefix", "$glob", "$not"),
        *("$match", "$match_any", "$phrase"),
    )
)
_ADDED: Final = ("$between", "$like", "$ilike")


def row_filter(filter: object, where: str = "filter") -> dict[str, Any]:
    """Return a filter on a document's metadata as a filter on rows. Error messages call it `where`.

    Raises:
        TypeError: it is not a dict.
        ValueError: an operator is unknown, or JSON cannot represent a value.
    """
    if not isinstance(filter, Mapping):
        raise TypeError(
            f'{where} must be a dict such as {{"year": {{"$gte": 1980}}}}, not {type(filter).__name__}. '
            "A function cannot be a filter, because filters run in the index."
        )
    return _all_of([_member(key, value, f"{where}[{key!r}]") for key, value in filter.items()])


def _member(key: str, value: object, where: str) -> dict[str, Any]:
    match key:
        case "$and" | "$or":
            if not isinstance(value, Sequence) or isinstance(value, str):
                raise TypeError(f"{where} must be a list of filters, not {type(value).__name__}.")
            return {key: [row_filter(inner, f"{where}[{position}]") for position, inner in enumerate(value)]}
        case "$not":
            return {"$not": row_filter(value, where)}
        case _ if key.startswith("$"):
            raise ValueError(
                f"{where} is an unknown operator. Use $and, $or or $not; a metadata key that starts with $ is written "
                f"with a backslash before it: {chr(92) + key!r}."
            )
    return _at(f"metadata.{_unescaped(key)}", value, where)


def _at(path: str, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {path: plain(value, where)}
    if _NATIVE.issuperset(value):
        return {path: {name: _operand(name, operand, where) for name, operand in value.items()}}
    return _all_of([_added(path, name, operand, where) for name, operand in value.items()])


def _operand(name: str, operand: object, where: str) -> Any:
    if name == "$not" and isinstance(operand, Mapping):
        unknown = [inner for inner in operand if inner not in _NATIVE]
        if unknown:
            raise ValueError(f"{where} has the operator {unknown[0]} in $not, which it cannot be in. Put $not outside.")
    return plain(operand, f"{where}[{name!r}]")


def _added(path: str, name: str, operand: object, where: str) -> dict[str, Any]:
    match name, operand:
        case "$between", (low, high):
            return {path: {"$gte": plain(low, where), "$lte": plain(high, where)}}
        case "$between", _:
            raise ValueError(f"{where}['$between'] must be a list of two values.")
        case "$like" | "$ilike", str():
            return {path: {"$glob": like(operand, any_case=name == "$ilike")}}
        case _ if name in _NATIVE:
            return {path: {name: _operand(name, operand, where)}}
    known = ", ".join(sorted((*_NATIVE, *_ADDED)))
    raise ValueError(f"{where} has the unknown operator {name}. The operators are {known}. Join nested keys with dots.")


def _all_of(filters: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one filter that is true if all of `filters` are; one object where their keys differ."""
    keys = [key for filter in filters for key in filter]
    if len(set(keys)) < len(keys):
        return {"$and": filters}
    return {key: value for filter in filters for key, value in filter.items()}


def _unescaped(key: str) -> str:
    r"""Remove the backslash before a leading `$`; below `metadata` the path does not start with it."""
    return key[1:] if key.startswith("\\") and key.lstrip("\\").startswith("$") else key
