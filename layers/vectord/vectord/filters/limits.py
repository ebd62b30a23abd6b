"""The limits of a filter, and the location of an error in it.

The limits bound the time that a filter can cost a search:

- `MAX_DEPTH` levels of nesting (each `$and`, `$or` and `$not` is a level),
- `MAX_CONDITIONS` conditions, each an operator under a path, a bare value, or an empty filter,
- `MAX_PATH` bytes of UTF-8 in each path,
- `MAX_VALUES` values of `$in` and `$nin` in total,
- `MAX_GLOBS` globs, and `MAX_PATTERN` bytes of UTF-8 in each glob, prefix or text whose words are looked for,
- `MAX_WORDS` conditions on words,
- `MAX_GLOB_TEXT` characters of a text that a glob is matched against: its first ones.
"""

import re
from typing import Final

import msgspec
from msgspec import structs

from vectord.errors import FilterInvalid

MAX_DEPTH: Final = 32
MAX_CONDITIONS: Final = 1_000
MAX_PATH: Final = 16_384
MAX_VALUES: Final = 10_000
MAX_GLOBS: Final = 100
MAX_WORDS: Final = 32
MAX_PATTERN: Final = 1_024
MAX_GLOB_TEXT: Final = 65_536

_MAX_SHOWN: Final = 60  # characters of a caller's key that an error message repeats
_SIMPLE_KEY: Final = r"[\w$.-]{1,60}"  # re compiles it at its first use


class Usage(msgspec.Struct):
    """How much of each limit a filter has used so far."""

    conditions: int = 0
    values: int = 0
    globs: int = 0
    words: int = 0


class Location(msgspec.Struct, frozen=True):
    """A location in a filter: its path in error messages, its nesting depth, and the usage of the whole filter."""

    where: str
    depth: int
    usage: Usage

    def at_key(self, key: str) -> "Location":
        return structs.replace(self, where=_join(self.where, key))

    def at_item(self, position: int) -> "Location":
        return structs.replace(self, where=f"{self.where}[{position}]")

    def nested(self) -> "Location":
        """Return the same location one level deeper.

        Raises:
            FilterInvalid: it is deeper than `MAX_DEPTH`.
        """
        if self.depth >= MAX_DEPTH:
            raise self.error(f"is nested deeper than {MAX_DEPTH} levels. Use fewer levels.")
        return structs.replace(self, depth=self.depth + 1)

    def error(self, reason: str) -> FilterInvalid:
        return FilterInvalid(self.where, reason)

    def count_condition(self) -> None:
        self.usage.conditions += 1
        if self.usage.conditions > MAX_CONDITIONS:
            raise self.error(
                f"exceeds the limit of {MAX_CONDITIONS} conditions in a filter. "
                "Use $in for several values of one path, or send several requests."
            )

    def count_values(self, count: int) -> None:
        self.usage.values += count
        if self.usage.values > MAX_VALUES:
            raise self.error(f"exceeds the limit of {MAX_VALUES} values in a filter. Send several requests.")

    def count_glob(self) -> None:
        self.usage.globs += 1
        if self.usage.globs > MAX_GLOBS:
            raise self.error(f"exceeds the limit of {MAX_GLOBS} globs in a filter. Send several requests.")

    def count_words(self) -> None:
        self.usage.words += 1
        if self.usage.words > MAX_WORDS:
            raise self.error(
                f"exceeds the limit of {MAX_WORDS} conditions on words in a filter. Send several requests."
            )


def is_longer(text: str, limit: int) -> bool:
    """Return True if a text has more than `limit` bytes of UTF-8."""
    return len(text) > limit or len(text.encode("utf-8", "surrogatepass")) > limit


def _join(where: str, key: str) -> str:
    if re.fullmatch(_SIMPLE_KEY, key):
        return f"{where}.{key}"
    shown = key if len(key) <= _MAX_SHOWN else f"{key[:_MAX_SHOWN]}..."
    return f'{where}["{shown}"]'
