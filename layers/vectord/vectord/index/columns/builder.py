"""A column in the making: batches of values, and what becomes of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vectord.index.columns.model import (
    MAX_WORD,
    NO_NUMBERS,
    NO_TEXTS,
    NOWHERE,
    Array,
    Column,
    Numbers,
    Places,
    Texts,
    Words,
    nearest,
    places_of,
    word_of,
)

_SURELY_SHORT: Final = MAX_WORD // 4  # characters
_EXACT: Final = 2.0**53  # float64 holds all integers below


class TRUE:
    """Stands for the kind of `true`."""


class FALSE:
    """Stands for the kind of `false`."""


class Making:
    """What was met at a path so far; `rows` and `values` are still to be sorted by kind."""

    __slots__ = ("_numbers", "_others", "_texts", "_words", "rows", "values")

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.values: list[Any] = []
        self._numbers: list[tuple[Array, Any, Array]] = []  # rows, values, which are inexact
        self._texts: list[tuple[Array, Array]] = []  # rows, places in `words`
        self._words: dict[str | bytes, int] = {}
        self._others: dict[type, list[Array]] = {}

    def take(self) -> tuple[Array, list[Any]]:
        """Return the rows and values that are still to be sorted, and forget them."""
        rows, values = np.array(self.rows, np.int64), self.values
        self.rows, self.values = [], []
        return rows, values

    def add(self, kind: type, rows: Array, values: Sequence[Any]) -> None:
        """Add values of one kind: float (all numbers), str, NoneType, TRUE, FALSE, or dict for what has an inside."""
        if kind is float:
            self._numbers.append((rows, *_as_floats(values)))
        elif kind is str:
            self._texts.append((rows, self._coded(values)))
        else:
            self._others.setdefault(kind, []).append(rows)

    def column(self, total: int) -> Column:
        """Return the column of `total` rows."""
        null, false, true, inside = (
            _rows(self._others.get(kind, ()), total) for kind in (type(None), FALSE, TRUE, dict)
        )
        numbers, texts = _numbers(self._numbers, total), _texts(self._texts, self._words, total)
        return Column(numbers, texts, null, false, true, inside)

    def _coded(self, values: Sequence[str]) -> Array:
        words = self._words
        of = {text: words.setdefault(_short(text), len(words)) for text in set(values)}
        return np.fromiter(map(of.__getitem__, values), np.int64, len(values))


def _as_floats(values: Sequence[int | float]) -> tuple[npt.NDArray[np.float64], Array]:
    """Return numbers as float64, and the places of those that it does not hold."""
    try:
        floats = np.array(values, np.float64)
    except OverflowError:
        floats = np.array(list(map(nearest, values)), np.float64)
    large = np.flatnonzero(np.abs(floats) >= _EXACT)
    rounded = zip(large.tolist(), floats[large].tolist(), strict=True)  # Python's own floats compare exactly
    return floats, np.array([at for at, near in rounded if values[at] != near], np.int64)


def _short(text: str) -> str | bytes:
    if len(text) <= _SURELY_SHORT:
        return text
    word = word_of(text)
    return word if len(word) > MAX_WORD else text


def _numbers(batches: Sequence[tuple[Array, Any, Array]], total: int) -> Numbers:
    if not batches:
        return NO_NUMBERS
    rows, order = _merged([rows for rows, _, _ in batches])
    starts = np.cumsum([0, *(len(rows) for rows, _, _ in batches[:-1])])
    values = np.concatenate([values for _, values, _ in batches])
    inexact = np.concatenate([places + start for (_, _, places), start in zip(batches, starts, strict=True)])
    if order is not None:
        values = values[order]
        inexact = np.flatnonzero(np.isin(order, inexact))
    return Numbers(places_of(rows, total), values.astype(_narrowest(values)), inexact)


def _narrowest(values: npt.NDArray[np.float64]) -> npt.DTypeLike:
    """Return the shortest type that holds all of them."""
    least, most = float(values.min()), float(values.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return kind if bool((values == np.trunc(values)).all()) else np.float64
    return np.float64


def _texts(batches: Sequence[tuple[Array, Array]], words: Iterable[str | bytes], total: int) -> Texts:
    if not batches:
        return NO_TEXTS
    rows, order = _merged([rows for rows, _ in batches])
    codes = np.concatenate([codes for _, codes in batches])
    ranks, held = _ranked(words)
    return Texts(places_of(rows, total), ranks[codes if order is None else codes[order]], held)


def _ranked(words: Iterable[str | bytes]) -> tuple[npt.NDArray[Any], Words]:
    """Return the place of each word in order, and the words in order."""
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    order = sorted(range(len(encoded)), key=encoded.__getitem__)
    ranks = np.empty(len(encoded), np.min_scalar_type(len(encoded) - 1))
    ranks[order] = np.arange(len(encoded))
    ascending = [encoded[at] for at in order]
    return ranks, Words(b"".join(ascending), np.cumsum(np.fromiter(map(len, ascending), np.int64, len(ascending))))


def _rows(batches: Sequence[Array], total: int) -> Places:
    if not batches:
        return NOWHERE
    rows = np.concatenate(batches)
    return places_of(rows if bool((rows[1:] > rows[:-1]).all()) else np.unique(rows), total)


def _merged(batches: Sequence[Array]) -> tuple[Array, Array | None]:
    """Return all rows ascending, and their order where it is another than they came in."""
    rows = np.concatenate(batches)
    if bool((rows[1:] >= rows[:-1]).all()):
        return rows, None
    order = np.argsort(rows, kind="stable")
    return rows[order], order
