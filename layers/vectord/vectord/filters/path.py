"""Where in a filter something stands, and the limits that it counts against.

A filter is bounded, so that no request can make a search slow by its filter alone:

- `MAX_DEPTH` filters within filters (each `$and`, `$or` and `$not` is a level),
- `MAX_CONDITIONS` conditions, each an operator under a path or a bare value,
- `MAX_VALUES` values of `$in` and `$nin` in all,
- `MAX_GLOBS` globs, and `MAX_PATTERN` bytes of UTF-8 in each glob or prefix.
"""

import re
from typing import Final

import msgspec
from msgspec import structs

from vectord.errors import FilterInvalid

MAX_DEPTH: Final = 32
MAX_CONDITIONS: Final = 1_000
MAX_VALUES: Final = 10_000
MAX_GLOBS: Final = 100
MAX_PATTERN: Final = 1_024

_SHOWN: Final = 60  # characters of a caller's text that a message repeats
_PLAIN: Final = re.compile(r"[\w$.-]{1,60}")


class Spent(msgspec.Struct):
    """How much of the limits the filter has used so far."""

    conditions: int = 0
    values: int = 0
    globs: int = 0


class Place(msgspec.Struct, frozen=True):
    """A place in the filter, as messages name it, and how many filters it lies in."""

    where: str
    depth: int
    spent: Spent

    def at(self, key: str) -> "Place":
        return structs.replace(self, where=_at(self.where, key))

    def item(self, position: int) -> "Place":
        return structs.replace(self, where=f"{self.where}[{position}]")

    def deeper(self) -> "Place":
        if self.depth >= MAX_DEPTH:
            raise self.wrong(f"lies deeper than {MAX_DEPTH} levels. Write the filter with fewer levels.")
        return structs.replace(self, depth=self.depth + 1)

    def wrong(self, reason: str) -> FilterInvalid:
        return FilterInvalid(self.where, reason)

    def count_condition(self) -> None:
        self.spent.conditions += 1
        if self.spent.conditions > MAX_CONDITIONS:
            raise self.wrong(
                f"makes it more than {MAX_CONDITIONS} conditions. Use $in for one path, or send several requests."
            )

    def count_values(self, more: int) -> None:
        self.spent.values += more
        if self.spent.values > MAX_VALUES:
            raise self.wrong(f"makes it more than {MAX_VALUES} values in the filter. Send several requests.")

    def count_glob(self) -> None:
        self.spent.globs += 1
        if self.spent.globs > MAX_GLOBS:
            raise self.wrong(f"makes it more than {MAX_GLOBS} globs in the filter. Send several requests.")


def _at(where: str, key: str) -> str:
    if _PLAIN.fullmatch(key):
        return f"{where}.{key}"
    shown = key if len(key) <= _SHOWN else f"{key[:_SHOWN]}..."
    return f'{where}["{shown}"]'
