"""What a filter on metadata says, as values.

A condition speaks of the values at a path: those of the leaves that lie there, each element of an array by itself.
A path is the keys that lead to a value, joined by dots, so that `{"a": {"b": 1}}` and `{"a.b": 1}` have the same one;
arrays of objects are passed through. A condition holds if any value at the path satisfies it.

Do not look trees up in a cache by their value: to Python `Among("a", (1,))` equals `Among("a", (True,))`.
"""

from typing import Literal

import msgspec

type Scalar = str | int | float | bool | None
type Order = Literal["$gt", "$gte", "$lt", "$lte"]


class Among(msgspec.Struct, frozen=True):
    """A value at `path` equals one of `values`: 1 equals 1.0, and no boolean equals a number. `$eq` and `$in`."""

    path: str
    values: tuple[Scalar, ...]


class Compare(msgspec.Struct, frozen=True):
    """A number at `path` compares so to a number, or a text to a text, by code point."""

    path: str
    order: Order
    operand: str | int | float


class Exists(msgspec.Struct, frozen=True):
    """There is something at `path`: a value, null, an object or an array, be they empty."""

    path: str


class Prefix(msgspec.Struct, frozen=True):
    """A text at `path` starts so."""

    path: str
    text: str


class Glob(msgspec.Struct, frozen=True):
    """A whole text at `path` fits a pattern: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of a set."""

    path: str
    pattern: str


class All(msgspec.Struct, frozen=True):
    """All of them hold."""

    filters: tuple["Filter", ...]


class AnyOf(msgspec.Struct, frozen=True):
    """One of them holds, or more."""

    filters: tuple["Filter", ...]


class Not(msgspec.Struct, frozen=True):
    """It does not hold; so it is true of what has nothing at the path."""

    filter: "Filter"


type Filter = Among | Compare | Exists | Prefix | Glob | All | AnyOf | Not
