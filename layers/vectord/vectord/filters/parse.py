"""A filter as a request writes it: JSON objects of paths and operators, checked and made a tree.

Whatever is wrong is a `FilterInvalid` that says where and what to write instead. A `Place` knows the first, and keeps
to the limits. A key of a document that starts with `$` cannot be the start of a path.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final, TypeGuard

from vectord.filters.path import MAX_PATTERN, Place, Spent
from vectord.filters.tree import All, Among, AnyOf, Compare, Exists, Filter, Glob, Not, Order, Prefix, Scalar

_JOINERS: Final = ("$and", "$or", "$not")
_LONGEST: Final = 60  # characters of a name that are compared with the known ones
_KINDS: Final = {type(None): "null", bool: "a boolean", str: "a text", list: "an array", dict: "an object"}
_MEANT: Final = {
    "$like": "$glob",
    "$regex": "$glob",
    "$contains": "$glob",
    "$startswith": "$prefix",
    "$begins_with": "$prefix",
    "$neq": "$ne",
    "$between": "$gte",
    "$nor": "$not",
}


def parse(value: object, where: str = "filter") -> Filter:
    """Read a filter from JSON values; `where` is what messages call it.

    Raises FilterInvalid.
    """
    return _filter(value, Place(where, 1, Spent()))


def _filter(value: object, place: Place) -> Filter:
    if not isinstance(value, dict):
        raise place.wrong(f'must be an object such as {{"year": {{"$gte": 2020}}}}, not {_kind(value)}.')
    if not value:
        raise place.wrong("is empty. Name a condition, or leave the filter out to match everything.")
    return _joined([_entry(key, operand, place) for key, operand in value.items()])


def _joined(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _entry(key: object, operand: object, place: Place) -> Filter:
    if not isinstance(key, str):
        raise place.wrong(f"has a key that is no text but {_kind(key)}.")
    here = place.at(key)
    match key:
        case "$and":
            return All(_each(operand, here))
        case "$or":
            return AnyOf(_each(operand, here))
        case "$not":
            return Not(_filter(operand, here.deeper()))
        case _ if key in _OPERATORS:
            raise here.wrong(f'must stand under a path, as in {{"year": {{"{key}": ...}}}}.')
        case _ if key.startswith("$"):
            raise here.wrong(_unknown(key, _JOINERS))
        case path:
            return _under_path(path, operand, here)


def _each(operand: object, place: Place) -> tuple[Filter, ...]:
    if not isinstance(operand, list) or not operand:
        wrong = "an empty one" if operand == [] else _kind(operand)
        raise place.wrong(f"takes an array of one or more filters, not {wrong}.")
    inside = place.deeper()
    return tuple(_filter(inner, inside.item(at)) for at, inner in enumerate(operand))


def _under_path(path: str, value: object, place: Place) -> Filter:
    if isinstance(value, list):
        raise place.wrong('cannot equal an array. To match one of several values write {"$in": [...]}.')
    if not isinstance(value, dict):
        return _among(path, value, place)
    if not value:
        raise place.wrong('names no operator. Write one, such as {"$eq": "text"} or {"$exists": true}.')
    return _joined([_operator(path, name, operand, place) for name, operand in value.items()])


def _operator(path: str, name: object, operand: object, place: Place) -> Filter:
    if not isinstance(name, str):
        raise place.wrong(f"has a key that is no text but {_kind(name)}.")
    here = place.at(name)
    if name == "$not":
        return _not_under_path(path, operand, here.deeper())
    build = _OPERATORS.get(name)
    if build is None:
        raise here.wrong(_unknown(name, (*_OPERATORS, "$not")))
    return build(path, operand, here)


def _not_under_path(path: str, operand: object, place: Place) -> Filter:
    if not isinstance(operand, dict):
        raise place.wrong(f'takes operators, as in {{"$not": {{"$gt": 5}}}}, not {_kind(operand)}. Or use $ne.')
    return Not(_under_path(path, operand, place))


def _among(path: str, operand: object, place: Place) -> Among:
    place.count_condition()
    return Among(path, (_scalar(operand, place),))


def _among_several(path: str, operand: object, place: Place) -> Among:
    place.count_condition()
    if not isinstance(operand, list) or not operand:
        wrong = "an empty one" if operand == [] else _kind(operand)
        raise place.wrong(f"takes an array of one or more values, not {wrong}.")
    place.count_values(len(operand))
    for position, value in enumerate(operand):
        if not _is_scalar(value):
            raise place.item(position).wrong(_no_scalar(value))
    return Among(path, tuple(operand))


def _compare(order: Order) -> "_Build":
    def build(path: str, operand: object, place: Place) -> Filter:
        place.count_condition()
        value = _scalar(operand, place)
        if value is None or isinstance(value, bool):
            raise place.wrong(f"compares with a number or a text, not {_kind(value)}. For equality use $eq.")
        return Compare(path, order, value)

    return build


def _exists(path: str, operand: object, place: Place) -> Filter:
    place.count_condition()
    if not isinstance(operand, bool):
        raise place.wrong(f"takes true or false, not {_kind(operand)}.")
    return Exists(path) if operand else Not(Exists(path))


def _prefix(path: str, operand: object, place: Place) -> Prefix:
    return Prefix(path, _pattern(operand, place))


def _glob(path: str, operand: object, place: Place) -> Glob:
    place.count_glob()
    return Glob(path, _pattern(operand, place))


def _pattern(operand: object, place: Place) -> str:
    place.count_condition()
    if not isinstance(operand, str):
        raise place.wrong(f"takes a text, not {_kind(operand)}.")
    if len(operand) > MAX_PATTERN or len(operand.encode("utf-8", "surrogatepass")) > MAX_PATTERN:
        raise place.wrong(f"is longer than {MAX_PATTERN} bytes. Shorten it.")
    return operand


def _scalar(value: object, place: Place) -> Scalar:
    if not _is_scalar(value):
        raise place.wrong(_no_scalar(value))
    return value


def _is_scalar(value: object) -> TypeGuard[Scalar]:
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def _no_scalar(value: object) -> str:
    return f"must be a text, a finite number, a boolean or null, not {_kind(value)}."


def _unknown(name: str, known: tuple[str, ...]) -> str:
    """Say which operators there are, the nearest first; or that a nested key is written with dots."""
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake needs it

    wanted = f"${name[:_LONGEST].lower().lstrip('$')}"
    near = [_MEANT[wanted]] if _MEANT.get(wanted) in known else get_close_matches(wanted, known, cutoff=0.7)
    if near:
        return f"is no operator. Did you mean {' or '.join(near)}?"
    nested = "" if name.startswith("$") else ' A nested key is written with dots, as in {"a.b": 1}.'
    return f"is no operator.{nested} Known here: {', '.join(known)}."


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


type _Build = Callable[[str, object, Place], Filter]
_OPERATORS: Final[Mapping[str, _Build]] = {
    "$eq": _among,
    "$ne": lambda path, operand, place: Not(_among(path, operand, place)),
    "$gt": _compare("$gt"),
    "$gte": _compare("$gte"),
    "$lt": _compare("$lt"),
    "$lte": _compare("$lte"),
    "$in": _among_several,
    "$nin": lambda path, operand, place: Not(_among_several(path, operand, place)),
    "$exists": _exists,
    "$prefix": _prefix,
    "$glob": _glob,
}
