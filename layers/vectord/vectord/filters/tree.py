"""The filter tree: a parsed filter as values.

A condition tests the values at a path. A path is the keys that lead to a value, joined by dots, so `{"a": {"b": 1}}`
and `{"a.b": 1}` have the same path. Arrays are transparent: each element counts as a value at the array's path.
A condition is true if any value at the path satisfies it.

Do not use trees as dictionary keys: Python regards `In("a", (1,))` and `In("a", (True,))` as equal.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

type Scalar = str | int | float | bool | None
type Comparison = Literal["$gt", "$gte", "$lt", "$lte"]
type WordsOperator = Literal["$match", "$match_any", "$phrase"]


class In(msgspec.Struct, frozen=True):
    """A value at `path` equals one of `values`; `$eq` has one, `$in` several.

    1 equals 1.0, and a boolean does not equal a number. Without values it is false.
    """

    path: str
    values: tuple[Scalar, ...]


class Compare(msgspec.Struct, frozen=True):
    """A number at `path` compares with a number, or a text with a text, by code point."""

    path: str
    comparison: Comparison
    operand: str | int | float


class Exists(msgspec.Struct, frozen=True):
    """There is something at `path`: a value, null, an object or an array, which may be empty."""

    path: str


class Prefix(msgspec.Struct, frozen=True):
    """A text at `path` starts with `text`."""

    path: str
    text: str


class Glob(msgspec.Struct, frozen=True):
    """A whole text at `path` matches a pattern: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of a set."""

    path: str
    pattern: str


class Words(msgspec.Struct, frozen=True):
    """The texts at `path`, a field of texts, have all words of `text`, any of them, or all as they follow each other.

    What a word is depends on the field, so an index is needed to test it. `where` is the place in the filter, for
    errors that only an index can find.
    """

    path: str
    operator: WordsOperator
    text: str
    where: str = "filter"


class And(msgspec.Struct, frozen=True):
    """All of `filters` are true; without filters it is true for every document."""

    filters: tuple["Filter", ...]


class Or(msgspec.Struct, frozen=True):
    """At least one of `filters` is true; without filters it is false for every document."""

    filters: tuple["Filter", ...]


class Not(msgspec.Struct, frozen=True):
    """`filter` is false. So a negated condition is true for a document that has nothing at the path."""

    filter: "Filter"


type Condition = In | Compare | Exists | Prefix | Glob | Words
type Filter = Condition | And | Or | Not


def path_of(written: str) -> str:
    r"""Return the path that a request writes as `written`: a backslash before a leading `$` is not a part of it.

    A filter needs the backslash, because a key that starts with `$` is an operator. `\\$a` is the path `\$a`.
    """
    is_escaped = written.startswith("\\") and written.lstrip("\\").startswith("$")
    return written[1:] if is_escaped else written


def paths(tree: Filter) -> frozenset[str]:
    """Return the paths that a filter tests."""
    return frozenset(condition.path for condition in conditions(tree))


def conditions(tree: Filter) -> Iterator[Condition]:
    """Yield the conditions of a filter."""
    match tree:
        case And(filters) | Or(filters):
            for each in filters:
                yield from conditions(each)
        case Not(inner):
            yield from conditions(inner)
        case _:
            yield tree


def constant(tree: Filter) -> bool | None:
    """Return the value of a filter that has the same value for every document, such as `{}`; otherwise None."""
    match tree:
        case And(filters):
            values = set(map(constant, filters))
            return False if False in values else None if None in values else True
        case Or(filters):
            values = set(map(constant, filters))
            return True if True in values else None if None in values else False
        case Not(inner):
            value = constant(inner)
            return None if value is None else not value
        case In(values=()):
            return False
        case _:
            return None
