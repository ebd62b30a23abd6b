"""Parse a filter of a request, JSON objects of paths and operators, into a filter tree.

Every mistake raises `FilterInvalid` with its location and a correction. A key that starts with `$` is an operator; a
path that starts with `$` is written with a backslash before it, and one that starts with backslashes and `$` with one
backslash more.
An object or an array without members is valid: `{}` and `$and: []` are true, `$or: []` and `$in: []` are false.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from vectord.filters.limits import MAX_PATH, MAX_PATTERN, Location, Usage, is_longer
from vectord.filters.tree import (
    And,
    Compare,
    Comparison,
    Exists,
    Filter,
    Glob,
    In,
    Not,
    Or,
    Prefix,
    Scalar,
    Words,
    WordsOperator,
    path_of,
)

_LOGICAL_OPERATORS: Final = ("$and", "$or", "$not")
_ESCAPE_HINT: Final = r'For a metadata key that starts with $ write a backslash before it, in JSON "\\$key".'
_MAX_COMPARED: Final = 60  # characters of an unknown operator that are compared with the known operators
_TYPE_NAMES: Final = {type(None): "null", bool: "a boolean", str: "a text", list: "an array", dict: "an object"}
# Operators of other databases, and those to suggest for them.
_SUGGESTIONS: Final = {
    "$like": "$glob",
    "$regex": "$glob",
    "$contains": "$glob",
    "$startswith": "$prefix",
    "$begins_with": "$prefix",
    "$neq": "$ne",
    "$between": "$gte",
    "$nor": "$not",
    "$text": "$match",
    "$search": "$match",
    "$match_all": "$match",
    "$match_phrase": "$phrase",
}


def parse(value: object, where: str = "filter") -> Filter:
    """Parse a filter from JSON values. Error messages call it `where`.

    Raises:
        FilterInvalid: it is not a filter, or exceeds a limit.
    """
    return _parse_filter(value, Location(where, 1, Usage()))


def _parse_filter(value: object, location: Location) -> Filter:
    if not isinstance(value, dict):
        raise location.error(f'must be an object such as {{"year": {{"$gte": 2020}}}}, not {_type_name(value)}.')
    if not value:
        location.count_condition()
    return _all_of([_parse_member(key, operand, location) for key, operand in value.items()])


def _all_of(filters: list[Filter]) -> Filter:
    return filters[0] if len(filters) == 1 else And(tuple(filters))


def _parse_member(key: object, operand: object, location: Location) -> Filter:
    if not isinstance(key, str):
        raise location.error(f"has a key that is not a text but {_type_name(key)}.")
    inner = location.at_key(key)
    match key:
        case "$and":
            return And(_parse_filters(operand, inner))
        case "$or":
            return Or(_parse_filters(operand, inner))
        case "$not":
            return Not(_parse_filter(operand, inner.nested()))
        case _ if key in _OPERATORS:
            raise inner.error(f'must be under a path, as in {{"year": {{"{key}": ...}}}}.')
        case _ if key.startswith("$"):
            raise inner.error(f"{_unknown_operator(key, _LOGICAL_OPERATORS)} {_ESCAPE_HINT}")
        case path:
            if is_longer(path, MAX_PATH):
                raise inner.error(f"is a path of more than {MAX_PATH} bytes. Use a shorter one.")
            return _parse_path(path_of(path), operand, inner)


def _parse_filters(operand: object, location: Location) -> tuple[Filter, ...]:
    if not isinstance(operand, list):
        raise location.error(f"needs an array of filters, not {_type_name(operand)}.")
    if not operand:
        location.count_condition()
    inner = location.nested()
    return tuple(_parse_filter(item, inner.at_item(position)) for position, item in enumerate(operand))


def _parse_path(path: str, value: object, location: Location) -> Filter:
    if isinstance(value, list):
        raise location.error('cannot equal an array. To match one of several values write {"$in": [...]}.')
    if not isinstance(value, dict):
        return _equals(path, value, location)
    if not value:
        raise location.error('has no operator. Write one, such as {"$eq": "text"} or {"$exists": true}.')
    return _all_of([_parse_operator(path, name, operand, location) for name, operand in value.items()])


def _parse_operator(path: str, name: object, operand: object, location: Location) -> Filter:
    if not isinstance(name, str):
        raise location.error(f"has a key that is not a text but {_type_name(name)}.")
    inner = location.at_key(name)
    if name == "$not":
        return _not_under_path(path, operand, inner.nested())
    build = _OPERATORS.get(name)
    if build is None:
        raise inner.error(_unknown_operator(name, (*_OPERATORS, "$not")))
    return build(path, operand, inner)


def _not_under_path(path: str, operand: object, location: Location) -> Filter:
    if not isinstance(operand, dict):
        raise location.error(
            f'needs an object of operators, as in {{"$not": {{"$gt": 5}}}}, not {_type_name(operand)}. '
            "To exclude one value use $ne."
        )
    return Not(_parse_path(path, operand, location))


def _equals(path: str, operand: object, location: Location) -> In:
    location.count_condition()
    return In(path, (_scalar(operand, location),))


def _in(path: str, operand: object, location: Location) -> In:
    location.count_condition()
    if not isinstance(operand, list):
        raise location.error(f"needs an array of values, not {_type_name(operand)}.")
    location.count_values(len(operand))
    for position, value in enumerate(operand):
        if not _is_scalar(value):
            raise location.at_item(position).error(_not_a_scalar(value))
    return In(path, tuple(operand))


def _compare(comparison: Comparison) -> "_Build":
    def build(path: str, operand: object, location: Location) -> Filter:
        location.count_condition()
        value = _scalar(operand, location)
        if value is None or isinstance(value, bool):
            raise location.error(f"needs a number or a text, not {_type_name(value)}. For equality use $eq.")
        return Compare(path, comparison, value)

    return build


def _exists(path: str, operand: object, location: Location) -> Filter:
    location.count_condition()
    if not isinstance(operand, bool):
        raise location.error(f"needs true or false, not {_type_name(operand)}.")
    return Exists(path) if operand else Not(Exists(path))


def _prefix(path: str, operand: object, location: Location) -> Prefix:
    return Prefix(path, _pattern(operand, location))


def _glob(path: str, operand: object, location: Location) -> Glob:
    location.count_glob()
    return Glob(path, _pattern(operand, location))


def _words(operator: WordsOperator) -> "_Build":
    def build(path: str, operand: object, location: Location) -> Filter:
        location.count_words()
        return Words(path, operator, _pattern(operand, location), location.where)

    return build


def _pattern(operand: object, location: Location) -> str:
    location.count_condition()
    if not isinstance(operand, str):
        raise location.error(f"needs a text, not {_type_name(operand)}.")
    if is_longer(operand, MAX_PATTERN):
        raise location.error(f"is longer than {MAX_PATTERN} bytes. Shorten it.")
    return operand


def _scalar(value: object, location: Location) -> Scalar:
    if not _is_scalar(value):
        raise location.error(_not_a_scalar(value))
    return value


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _not_a_scalar(value: object) -> str:
    return f"must be a text, a finite number, a boolean or null, not {_type_name(value)}."


def _unknown_operator(name: str, known: tuple[str, ...]) -> str:
    """Return the message for an unknown operator: it names the most similar operators, or all of them."""
    from difflib import get_close_matches  # noqa: PLC0415  takes 2 ms, and only an invalid filter needs it

    wanted = f"${name[:_MAX_COMPARED].lower().lstrip('$')}"
    if _SUGGESTIONS.get(wanted) in known:
        similar = [_SUGGESTIONS[wanted]]
    else:
        similar = get_close_matches(wanted, known, cutoff=0.7)
    if similar:
        return f"is an unknown operator. Did you mean {' or '.join(similar)}?"
    nested = "" if name.startswith("$") else ' To test a nested key join the keys with dots, as in {"a.b": 1}.'
    return f"is an unknown operator.{nested} The operators are {', '.join(known)}."


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


type _Build = Callable[[str, object, Location], Filter]
_OPERATORS: Final[Mapping[str, _Build]] = {
    "$eq": _equals,
    "$ne": lambda path, operand, location: Not(_equals(path, operand, location)),
    "$gt": _compare("$gt"),
    "$gte": _compare("$gte"),
    "$lt": _compare("$lt"),
    "$lte": _compare("$lte"),
    "$in": _in,
    "$nin": lambda path, operand, location: Not(_in(path, operand, location)),
    "$exists": _exists,
    "$prefix": _prefix,
    "$glob": _glob,
    "$match": _words("$match"),
    "$match_any": _words("$match_any"),
    "$phrase": _words("$phrase"),
}
