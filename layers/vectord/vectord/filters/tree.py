"""What a filter on metadata says, as values.

A condition speaks of the values at a path: those of the leaves that lie there, each element of an array by itself.
A path is the keys that lead to a value, joined by dots, so that `{"a": {"b": 1}}` and `{"a.b": 1}` have the same one;
arrays of objects are passed through. A condition holds if any value at the path satisfies it.

Do not look trees up in a cache by their value: to Python `Among("a", (1,))` equals `Among("a", (True,))`.
"""

from dataclasses import dataclass
from typing import Literal

type Scalar = str | int | float | bool | None
type Order = Literal["$gt", "$gte", "$lt", "$lte"]


@dataclass(frozen=True, slots=True)
class Among:
    """A value at `path` equals one of `values`: 1 equals 1.0, and no boolean equals a number. `$eq` and `$in`."""

    path: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A number at `path` compares so to a number, or a text to a text, by code point."""

    path: str
    order: Order
    operand: str | int | float


@dataclass(frozen=True, slots=True)
class Exists:
    """There is something at `path`: a value, null, an object or an array, be they empty."""

    path: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text at `path` starts so."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Glob:
    """A whole text at `path` fits a pattern: `*` any text, `?` one character, `[a-z]` and `[!a-z]` one of a set."""

    path: str
    pattern: str


@dataclass(frozen=True, slots=True)
class All:
    """All of them hold."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of them holds, or more."""

    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold; so it is true of what has nothing at the path."""

    filter: "Filter"


type Filter = Among | Compare | Exists | Prefix | Glob | All | AnyOf | Not
