"""Build one column from batches of values."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vectord.index.columns.model import (
    MAX_TEXT,
    NO_NUMBERS,
    NO_ROWS,
    NO_TEXTS,
    OMITTED,
    Array,
    Column,
    Dictionary,
    Numbers,
    RowList,
    Texts,
    encode_text,
    is_truncated,
    row_list,
    to_float64,
)

_ALWAYS_SHORT: Final = MAX_TEXT // 4  # characters; any text of this length fits in MAX_TEXT bytes
_EXACT: Final = 2.0**53  # float64 represents every integer below


class TRUE:
    """The type of `true` in a column; Python has one type for both booleans."""


class FALSE:
    """The type of `false` in a column."""


class ColumnBuilder:
    """Collects the values at one path. `rows` and `values` are pending: not yet sorted by type.

    With `omits_long`, the column has no part of a text that it cannot have whole.
    """

    __slots__ = ("_codes", "_numbers", "_omits_long", "_others", "_texts", "rows", "values")

    def __init__(self, *, omits_long: bool = False) -> None:
        self._omits_long = omits_long
        self.rows: list[int] = []
        self.values: list[Any] = []
        self._numbers: list[tuple[Array, Any, Array]] = []  # rows, values, positions of inexact values
        self._texts: list[tuple[Array, Array]] = []  # rows, codes
        self._codes: dict[str | bytes, int] = {}
        self._others: dict[type, list[Array]] = {}

    def take_pending(self) -> tuple[Array, list[Any]]:
        """Return and remove the pending rows and values."""
        rows, values = np.array(self.rows, np.int64), self.values
        self.rows, self.values = [], []
        return rows, values

    def add(self, kind: type, rows: Array, values: Sequence[Any]) -> None:
        """Add values of one type: float (all numbers), str, NoneType, TRUE, FALSE, or dict (objects and arrays)."""
        if kind is float:
            self._numbers.append((rows, *_as_float64(values)))
        elif kind is str:
            self._texts.append((rows, self._encode(values)))
        else:
            self._others.setdefault(kind, []).append(rows)

    def build(self, total: int) -> Column:
        """Return the column for an index of `total` rows."""
        null, false, true, containers = (
            _rows(self._others.get(kind, ()), total) for kind in (type(None), FALSE, TRUE, dict)
        )
        numbers, texts = _numbers(self._numbers, total), _texts(self._texts, self._codes, total)
        return Column(numbers, texts, null, false, true, containers)

    def _encode(self, values: Sequence[str]) -> Array:
        codes = self._codes
        key_of = _key_without_long if self._omits_long else _dictionary_key
        code_of = {text: codes.setdefault(key_of(text), len(codes)) for text in set(values)}
        return np.fromiter(map(code_of.__getitem__, values), np.int64, len(values))


def _as_float64(values: Sequence[int | float]) -> tuple[npt.NDArray[np.float64], Array]:
    """Return numbers rounded to float64, and the positions of the numbers that the rounding changed."""
    try:
        floats = np.array(values, np.float64)
    except OverflowError:
        floats = np.array(list(map(to_float64, values)), np.float64)
    large = np.flatnonzero(np.abs(floats) >= _EXACT)
    rounded = zip(large.tolist(), floats[large].tolist(), strict=True)  # Python floats compare exactly with int
    return floats, np.array([position for position, value in rounded if values[position] != value], np.int64)


def _dictionary_key(text: str) -> str | bytes:
    """Return a short text unchanged and a long text encoded and truncated, so that equal encodings get one code."""
    if len(text) <= _ALWAYS_SHORT:
        return text
    encoded = encode_text(text)
    return encoded if is_truncated(encoded) else text


def _key_without_long(text: str) -> str | bytes:
    if len(text) > MAX_TEXT:
        return OMITTED
    key = _dictionary_key(text)
    return OMITTED if isinstance(key, bytes) else key


def _numbers(batches: Sequence[tuple[Array, Any, Array]], total: int) -> Numbers:
    if not batches:
        return NO_NUMBERS
    rows, order = _merged([rows for rows, _, _ in batches])
    starts = np.cumsum([0, *(len(rows) for rows, _, _ in batches[:-1])])
    values = np.concatenate([values for _, values, _ in batches])
    inexact = np.concatenate([positions + start for (_, _, positions), start in zip(batches, starts, strict=True)])
    if order is not None:
        values = values[order]
        inexact = np.flatnonzero(np.isin(order, inexact))
    return Numbers(row_list(rows, total), values.astype(_narrowest_type(values)), inexact)


def _narrowest_type(values: npt.NDArray[np.float64]) -> npt.DTypeLike:
    """Return the smallest type that represents all values."""
    least, most = float(values.min()), float(values.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return kind if bool((values == np.trunc(values)).all()) else np.float64
    return np.float64


def _texts(batches: Sequence[tuple[Array, Array]], keys: Iterable[str | bytes], total: int) -> Texts:
    if not batches:
        return NO_TEXTS
    rows, order = _merged([rows for rows, _ in batches])
    codes = np.concatenate([codes for _, codes in batches])
    ranks, dictionary = _sorted_dictionary(keys)
    return Texts(row_list(rows, total), ranks[codes if order is None else codes[order]], dictionary)


def _sorted_dictionary(keys: Iterable[str | bytes]) -> tuple[npt.NDArray[Any], Dictionary]:
    """Return the position of each key in the dictionary, and the dictionary."""
    encoded = [key.encode() if isinstance(key, str) else key for key in keys]
    order = sorted(range(len(encoded)), key=encoded.__getitem__)
    ranks = np.empty(len(encoded), np.min_scalar_type(len(encoded) - 1))
    ranks[order] = np.arange(len(encoded))
    ascending = [encoded[at] for at in order]
    ends = np.cumsum(np.fromiter(map(len, ascending), np.int64, len(ascending)))
    return ranks, Dictionary(b"".join(ascending), ends)


def _rows(batches: Sequence[Array], total: int) -> RowList:
    if not batches:
        return NO_ROWS
    rows = np.concatenate(batches)
    return row_list(rows if bool((rows[1:] > rows[:-1]).all()) else np.unique(rows), total)


def _merged(batches: Sequence[Array]) -> tuple[Array, Array | None]:
    """Return all rows in ascending order, and the permutation that sorts them, None if they were already sorted."""
    rows = np.concatenate(batches)
    if bool((rows[1:] >= rows[:-1]).all()):
        return rows, None
    order = np.argsort(rows, kind="stable")
    return rows[order], order
