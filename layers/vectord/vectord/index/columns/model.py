"""The metadata of rows by path: for each path, which rows have what there, as arrays that a filter tests at once.

A path is what `vectord.filters.leaves` yields. A value that lies at it comes with the number of its row, so a row may
come several times (an array) or never.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from vectord.index.sections.base import Fetch

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MAX_WORD: Final = 128  # bytes of a text that are kept
MAX_PATH: Final = 512  # bytes of UTF-8 of a path that is kept


class Places:
    """The rows of `count` values: their numbers, ascending; or bool for each row; None where each has one."""

    __slots__ = ("count", "rows")

    def __init__(self, count: int, rows: npt.NDArray[Any] | None) -> None:
        self.count, self.rows = count, rows

    def mask(self, total: int, hit: Mask | None = None) -> Mask:
        """Tell of each of `total` rows whether it has a value here, or one where `hit` is true."""
        if self.rows is None:
            return np.ones(total, np.bool_) if hit is None else hit
        mask: Mask = np.zeros(total, np.bool_)
        if self.rows.dtype == np.bool_:
            if hit is None:
                return self.rows.copy()
            mask[self.rows] = hit
        else:
            mask[self.rows if hit is None else self.rows[hit]] = True
        return mask


NOWHERE: Final = Places(0, np.empty(0, np.int64))


def places_of(rows: Array, total: int) -> Places:
    """Return ascending `rows` of `total` as places."""
    everywhere = len(rows) == total and bool((rows == np.arange(total)).all())
    return Places(len(rows), None if everywhere else rows)


class Numbers(NamedTuple):
    """Numbers as the nearest that float64 holds, in any type that holds those; `inexact` lists the unlike ones."""

    places: Places
    values: npt.NDArray[Any]
    inexact: npt.NDArray[Any]


class Words:
    """Distinct texts as `word_of` writes them, ascending: `data` holds them back to back, `ends` where each ends."""

    __slots__ = ("_at", "data", "ends")

    def __init__(self, data: bytes, ends: Array) -> None:
        self.data, self.ends = data, ends
        self._at = memoryview(ends)  # whose items are had sooner than the array's

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, at: int) -> bytes:
        return self.data[self._at[at - 1] if at else 0 : self._at[at]]


class Texts(NamedTuple):
    """Texts as places in `words`."""

    places: Places
    codes: npt.NDArray[Any]
    words: Words


class Column(NamedTuple):
    """What lies at one path; `inside` has the rows with an object or an array there."""

    numbers: Numbers
    texts: Texts
    null: Places
    false: Places
    true: Places
    inside: Places


NO_NUMBERS: Final = Numbers(NOWHERE, np.empty(0), np.empty(0, np.int64))
NO_TEXTS: Final = Texts(NOWHERE, np.empty(0, np.uint8), Words(b"", np.empty(0, np.int64)))
NOTHING: Final = Column(NO_NUMBERS, NO_TEXTS, NOWHERE, NOWHERE, NOWHERE, NOWHERE)


class Columns(Protocol):
    """The columns of so many `rows`."""

    @property
    def rows(self) -> int: ...
    def read(self, paths: Collection[str], fetch: Fetch) -> Mapping[str, Column | None]:
        """Return the column of each of `paths`, None where only the documents can tell."""


class Gathered:
    """Columns in memory; with `more`, paths that are not among them may have values as well."""

    def __init__(self, rows: int, columns: Mapping[str, Column], *, more: bool = False) -> None:
        self.rows, self.columns, self.more = rows, columns, more

    def read(self, paths: Collection[str], fetch: Fetch) -> Mapping[str, Column | None]:
        return {path: self.columns.get(path, self._absent(path)) for path in paths}

    def _absent(self, path: str) -> Column | None:
        return None if self.more or not is_kept(path) else NOTHING


def is_kept(path: str) -> bool:
    """Tell whether values at `path` have a column."""
    return len(utf8(path)) <= MAX_PATH


def word_of(text: str) -> bytes:
    """Return a text as columns hold it: in UTF-8, and a longer one cut to 128 bytes with a zero byte behind them.

    These sort as the texts do, and two different texts have one word only if it is a cut one.
    """
    word = utf8(text)
    return word if len(word) <= MAX_WORD else word[:MAX_WORD] + b"\0"


def is_cut(word: bytes) -> bool:
    return len(word) > MAX_WORD


def utf8(text: str) -> bytes:
    """Encode any text of Python's, in an order of bytes that is the order of its code points."""
    return text.encode("utf-8", "surrogatepass")


def nearest(number: int | float) -> float:
    """Return the float64 nearest to a number, infinite beyond the range."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
