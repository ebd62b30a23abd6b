"""The columns of an index: for each path, the values at it and the rows that have them.

A path is as `vectord.filters.match.leaves` yields it. Each value comes with the number of its row. A row may have
several values at a path (an array), or none.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from vectord.index.sections.base import Fetch

Array = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

MAX_TEXT: Final = 128  # bytes of a text that a dictionary stores; longer texts are truncated
MAX_PATH: Final = 512  # bytes of UTF-8 of a path that gets a column
OMITTED: Final = b"\xff" * MAX_TEXT + b"\0"
"""Stands for all longer texts of a column without them, in its dictionary. Its bytes are not UTF-8, and sort last."""


class RowList:
    """The rows of `count` values: ascending row numbers, or bool for each row, or None if every row has one value."""

    __slots__ = ("count", "rows")

    def __init__(self, count: int, rows: npt.NDArray[Any] | None) -> None:
        self.count, self.rows = count, rows

    def mask(self, total: int, selected: Mask | None = None) -> Mask:
        """Return which of `total` rows have a value; with `selected`, bool for each value, only those values count."""
        if self.rows is None:
            return np.ones(total, np.bool_) if selected is None else selected
        mask: Mask = np.zeros(total, np.bool_)
        if self.rows.dtype == np.bool_:
            if selected is None:
                return self.rows.copy()
            mask[self.rows] = selected
        else:
            mask[self.rows if selected is None else self.rows[selected]] = True
        return mask


NO_ROWS: Final = RowList(0, np.empty(0, np.int64))


def row_list(rows: Array, total: int) -> RowList:
    """Return ascending `rows` of an index of `total` rows as a `RowList`."""
    every_row = len(rows) == total and bool((rows == np.arange(total)).all())
    return RowList(len(rows), None if every_row else rows)


class Numbers(NamedTuple):
    """Numbers, rounded to float64 and stored in any type that represents them.

    `inexact` lists the positions of numbers that differ from their float64.
    """

    rows: RowList
    values: npt.NDArray[Any]
    inexact: npt.NDArray[Any]


class Dictionary:
    """The distinct texts of a column as `encode_text` returns them, ascending.

    `data` has them back to back, `ends` the end of each. The last entry may be `OMITTED`.
    """

    __slots__ = ("_ends", "data", "ends")

    def __init__(self, data: bytes, ends: Array) -> None:
        self.data, self.ends = data, ends
        self._ends = memoryview(ends)  # indexing it is faster than indexing the array

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, at: int) -> bytes:
        return self.data[self._ends[at - 1] if at else 0 : self._ends[at]]

    @property
    def omits(self) -> bool:
        """True if the last entry stands for texts that it does not have."""
        return self.data.endswith(OMITTED)


class Texts(NamedTuple):
    """Texts as codes: positions in `dictionary`."""

    rows: RowList
    codes: npt.NDArray[Any]
    dictionary: Dictionary

    @property
    def omitted(self) -> Mask | None:
        """Which of the texts the dictionary does not have; None if it has all."""
        return self.codes == len(self.dictionary) - 1 if self.dictionary.omits else None


class Column(NamedTuple):
    """The values at one path, by type; `containers` are the rows with an object or an array there."""

    numbers: Numbers
    texts: Texts
    null: RowList
    false: RowList
    true: RowList
    containers: RowList


NO_NUMBERS: Final = Numbers(NO_ROWS, np.empty(0), np.empty(0, np.int64))
NO_TEXTS: Final = Texts(NO_ROWS, np.empty(0, np.uint8), Dictionary(b"", np.empty(0, np.int64)))
EMPTY_COLUMN: Final = Column(NO_NUMBERS, NO_TEXTS, NO_ROWS, NO_ROWS, NO_ROWS, NO_ROWS)


class Columns(Protocol):
    """The columns of `rows` rows."""

    @property
    def rows(self) -> int: ...
    def read(self, paths: Collection[str], fetch: Fetch) -> Mapping[str, Column | None]:
        """Return the column of each path; None if only the documents have its values."""


class CollectedColumns:
    """Columns in memory. If they are `incomplete`, other paths may have values, too."""

    def __init__(self, rows: int, columns: Mapping[str, Column], *, incomplete: bool = False) -> None:
        self.rows, self.columns, self.incomplete = rows, columns, incomplete

    def read(self, paths: Collection[str], fetch: Fetch) -> Mapping[str, Column | None]:
        return {path: self.columns.get(path, self._absent(path)) for path in paths}

    def _absent(self, path: str) -> Column | None:
        return None if self.incomplete or not gets_column(path) else EMPTY_COLUMN


def no_columns(rows: int) -> CollectedColumns:
    """Return columns that have no path: only the documents have values."""
    return CollectedColumns(rows, {}, incomplete=True)


def gets_column(path: str, closed: Collection[str] = ()) -> bool:
    """Return True if values at `path` are stored in a column; a very long path gets none, nor one below `closed`."""
    return len(utf8(path)) <= MAX_PATH and not any(path.startswith(f"{each}.") for each in closed)


def encode_text(text: str) -> bytes:
    """Return a text as a dictionary stores it: UTF-8; a longer one truncated to 128 bytes plus a zero byte.

    The encodings sort as the texts do. Two different texts have the same encoding only if it is truncated.
    """
    encoded = utf8(text)
    return encoded if len(encoded) <= MAX_TEXT else encoded[:MAX_TEXT] + b"\0"


def is_truncated(encoded: bytes) -> bool:
    """Return True if a dictionary has only a part of a text, or nothing of it."""
    return len(encoded) > MAX_TEXT


def utf8(text: str) -> bytes:
    """Encode any Python text, lone surrogates included; the bytes sort as the code points do."""
    return text.encode("utf-8", "surrogatepass")


def to_float64(number: int | float) -> float:
    """Return the nearest float64; infinity beyond its range."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
