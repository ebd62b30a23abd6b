"""The distinct values of a column with the number of rows that have each, and the rows whose values it has in part."""

from bisect import bisect_left
from collections.abc import Iterator
from functools import reduce
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.filters.values import Key, Kind
from vectord.index.columns.model import (
    MAX_TEXT,
    Array,
    Column,
    Dictionary,
    Mask,
    Numbers,
    RowList,
    Texts,
    encode_text,
    is_truncated,
    to_float64,
)
from vectord.index.columns.predicates import decode_text


class TextCounts(msgspec.Struct, frozen=True):
    """The number of rows, int64 (texts,), that have each text of a dictionary; 0 for a truncated text."""

    dictionary: Dictionary
    counts: Array

    def take(self, text: str) -> int:
        """Return the count of `text`, and set it to 0."""
        encoded = encode_text(text)
        at = bisect_left(self.dictionary, encoded)
        found = at < len(self.dictionary) and self.dictionary[at] == encoded
        return _take(self.counts, at) if found else 0

    def most_frequent(self, limit: int) -> Iterator[tuple[Key, int]]:
        """Yield the `limit` most frequent texts with their counts, ties in order."""
        for at in _most_frequent(self.counts, limit):
            yield (Kind.TEXT, decode_text(self.dictionary[at])), int(self.counts[at])


class NumberCounts(msgspec.Struct, frozen=True):
    """Distinct numbers, float64 (numbers,) and ascending, and the number of rows, int64 (numbers,), that have each."""

    values: npt.NDArray[np.float64]
    counts: Array

    def take(self, number: int | float) -> int:
        """Return the count of `number`, and set it to 0."""
        near = to_float64(number)
        at = int(np.searchsorted(self.values, near))
        found = near == number and at < len(self.values) and self.values[at] == near
        return _take(self.counts, at) if found else 0

    def most_frequent(self, limit: int) -> Iterator[tuple[Key, int]]:
        """Yield the `limit` most frequent numbers with their counts, ties in order."""
        for at in _most_frequent(self.counts, limit):
            yield (Kind.NUMBER, float(self.values[at])), int(self.counts[at])

    def extremes(self) -> list[float]:
        """Return the smallest and the greatest number; nothing without numbers."""
        values = self.values[self.counts > 0]
        return [float(values[0]), float(values[-1])] if len(values) else []


def distinct_texts(texts: Texts, mask: Mask) -> TextCounts:
    """Return the distinct texts in the rows of `mask`, without truncated ones."""
    rows, codes = _selected(texts.rows, texts.codes, mask)
    size = len(texts.dictionary)
    if _repeats(rows):
        pairs = np.unique(rows * size + codes)
        codes = pairs % size
    counts = np.bincount(codes, minlength=size)
    counts[_truncated(texts.dictionary)] = 0
    return TextCounts(texts.dictionary, counts)


def distinct_numbers(numbers: Numbers, mask: Mask) -> NumberCounts:
    """Return the distinct numbers in the rows of `mask`, without inexact ones."""
    exact = np.ones(len(numbers.values), np.bool_)
    exact[numbers.inexact] = False
    rows, values = _selected(numbers.rows, numbers.values, mask, exact)
    values = values.astype(np.float64) + 0.0  # makes -0.0 0.0
    if _repeats(rows):
        order = np.lexsort((values, rows))
        rows, values = rows[order], values[order]
        first = np.ones(len(rows), np.bool_)
        first[1:] = (rows[1:] != rows[:-1]) | (values[1:] != values[:-1])
        values = values[first]
    return NumberCounts(*np.unique(values, return_counts=True))


def partial_rows(column: Column, mask: Mask) -> Array:
    """Return the rows of `mask`, ascending, that have a truncated text or an inexact number."""
    numbers, texts = column.numbers, column.texts
    inexact = np.zeros(len(numbers.values), np.bool_)
    inexact[numbers.inexact] = True
    truncated = np.isin(texts.codes, _truncated(texts.dictionary))
    found = [
        _selected(numbers.rows, numbers.values, mask, inexact),
        _selected(texts.rows, texts.codes, mask, truncated),
    ]
    return reduce(np.union1d, (rows for rows, _ in found))


def is_partial(key: Key) -> bool:
    """Return True if a column stores only a part of a value."""
    kind, payload = key
    if isinstance(payload, str):
        return is_truncated(encode_text(payload))
    return kind == Kind.NUMBER and to_float64(payload) != payload


def row_numbers(row_list: RowList, total: int) -> Array:
    """Return the row of each value, ascending."""
    if row_list.rows is None:
        return np.arange(total)
    return np.flatnonzero(row_list.rows) if row_list.rows.dtype == np.bool_ else row_list.rows.astype(np.int64)


def _selected(
    row_list: RowList, values: npt.NDArray[Any], mask: Mask, chosen: Mask | None = None
) -> tuple[Array, npt.NDArray[Any]]:
    """Return the values in the rows of `mask`, and the row of each; with `chosen`, bool for each value, only those."""
    rows = row_numbers(row_list, len(mask))
    picked = mask[rows] if chosen is None else mask[rows] & chosen
    return rows[picked], values[picked]


def _repeats(rows: Array) -> bool:
    """Return True if a row has several values."""
    return bool((rows[1:] == rows[:-1]).any())


def _truncated(dictionary: Dictionary) -> Array:
    return np.flatnonzero(np.diff(dictionary.ends, prepend=0) > MAX_TEXT)


def _most_frequent(counts: Array, limit: int) -> list[int]:
    """Return the positions of the `limit` greatest counts above 0, ties in order."""
    present = np.flatnonzero(counts)
    order: list[int] = present[np.argsort(-counts[present], kind="stable")[:limit]].tolist()
    return order


def _take(counts: Array, at: int) -> int:
    taken = int(counts[at])
    counts[at] = 0
    return taken
