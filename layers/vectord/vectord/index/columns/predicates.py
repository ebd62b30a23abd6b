"""Which values of a column satisfy a condition: surely, and possibly where the column does not hold all of a value."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vectord.errors import BlobCorrupt
from vectord.filters.glob import fits, literal_prefix
from vectord.filters.tree import Order
from vectord.index.columns.model import Mask, Numbers, Texts, Words, is_cut, nearest, word_of


class TernaryMask(NamedTuple):
    """For each row, or each value of a column: whether it surely satisfies, and possibly.

    They are one array where all is sure.
    """

    surely: Mask
    possibly: Mask

    @property
    def settled(self) -> bool:
        return self.surely is self.possibly


def settled(mask: Mask) -> TernaryMask:
    return TernaryMask(mask, mask)


_FEW: Final = 32  # numbers for which a pass each is the fastest way
_WIDE: Final = 2.0**32  # beyond all integers of a column

_COMPARE: Final[Mapping[Order, Callable[[Any, Any], Mask]]] = {
    "$gt": np.greater,
    "$gte": np.greater_equal,
    "$lt": np.less,
    "$lte": np.less_equal,
}


def numbers_beyond(numbers: Numbers, order: Order, operand: int | float) -> TernaryMask:
    """Tell which numbers compare so to `operand`.

    Rounding to float64 keeps the order of numbers: where two differ after it they differed alike before, and where
    they are equal then, one that was rounded may have been either side of the other.
    """
    near = nearest(operand)
    if near != operand:  # then no number of float64 equals the operand, and `near` is on one side of it
        above = order in {"$gt", "$gte"}
        order = ("$gte" if above else "$lt") if near > operand else ("$gt" if above else "$lte")
    return _loosened(numbers, _COMPARE[order](numbers.values, np.float64(near)), [near])


def numbers_among(numbers: Numbers, operands: Sequence[int | float]) -> TernaryMask:
    """Tell which numbers equal one of `operands`."""
    near = list(map(nearest, operands))
    exact = [rounded for rounded, operand in zip(near, operands, strict=True) if rounded == operand]
    return _loosened(numbers, _among(numbers.values, exact), near)


def _loosened(numbers: Numbers, hit: Mask, near: Sequence[float]) -> TernaryMask:
    """Leave open those of the rounded numbers that equal one of `near`."""
    if not len(numbers.inexact):
        return settled(hit)
    open_ = numbers.inexact[_among(numbers.values[numbers.inexact], near)]
    if not len(open_):
        return settled(hit)
    surely, possibly = hit.copy(), hit.copy()
    surely[open_], possibly[open_] = False, True
    return TernaryMask(surely, possibly)


def _among(values: npt.NDArray[Any], some: Sequence[float]) -> Mask:
    """Tell which of `values` are among `some`."""
    wanted = np.array(some, np.float64)
    hit: Mask = np.zeros(len(values), np.bool_)
    if len(wanted) <= _FEW:
        for each in wanted:
            hit |= values == each
    elif values.dtype.kind == "i":
        integers = wanted[np.abs(wanted) < _WIDE].astype(np.int64)
        hit = np.isin(values, integers[np.isin(integers, wanted)])
    else:
        hit = np.isin(values, wanted)
    return hit


def texts_beyond(texts: Texts, order: Order, operand: str) -> TernaryMask:
    """Tell which texts compare so to `operand`."""
    words, word = texts.words, word_of(operand)
    first, last = bisect_left(words, word), bisect_right(words, word)
    if is_cut(word):  # a word equal to it may be of a text on either side
        return _coded(texts, *((last, len(words)) if order in {"$gt", "$gte"} else (0, first)), range(first, last))
    if order in {"$gt", "$gte"}:
        return _coded(texts, last if order == "$gt" else first, len(words))
    return _coded(texts, 0, first if order == "$lt" else last)


def texts_among(texts: Texts, operands: Sequence[str]) -> TernaryMask:
    """Tell which texts equal one of `operands`."""
    words = texts.words
    sure: list[int] = []
    may: list[int] = []
    for word in map(word_of, operands):
        at = bisect_left(words, word)
        if at < len(words) and words[at] == word:
            (may if is_cut(word) else sure).append(at)
    if len(sure) == 1 and not may:
        return settled(texts.codes == sure[0])
    return _listed(texts, sure, may)


def texts_starting(texts: Texts, prefix: str) -> TernaryMask:
    """Tell which texts start with `prefix`."""
    return _coded(texts, *_range(texts.words, prefix))


def texts_fitting(texts: Texts, pattern: str) -> TernaryMask:
    """Tell which texts fit the glob `pattern`."""
    words, test = texts.words, fits(pattern)
    first, last, may = _range(words, literal_prefix(pattern))
    sure, may = [], list(may)
    for at in range(first, last):
        word = words[at]
        if is_cut(word):
            may.append(at)
        elif test(_text(word)):
            sure.append(at)
    return _listed(texts, sure, may)


def _range(words: Words, prefix: str) -> tuple[int, int, Sequence[int]]:
    """Return the first of the words that start with `prefix`, the one behind the last, and those that may."""
    word = word_of(prefix)
    first = bisect_left(words, word)
    if is_cut(word):
        return first, first, range(first, bisect_right(words, word))
    return first, bisect_left(words, _after(word), first) if word else len(words), ()


def _after(prefix: bytes) -> bytes:
    """Return the least bytes that are above all that start with `prefix`; UTF-8 has no byte 255."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def _text(word: bytes) -> str:
    try:
        return word.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise BlobCorrupt("a word of its section 'columns' is not text") from error


def _coded(texts: Texts, first: int, last: int, may: Sequence[int] = ()) -> TernaryMask:
    """Settle on the words from `first` to before `last`, and leave those of `may` open."""
    if may:
        return _listed(texts, range(first, last), may)
    codes = texts.codes
    if first == 0:
        return settled(codes < last)
    return settled(codes >= first if last == len(texts.words) else (codes >= first) & (codes < last))


def _listed(texts: Texts, sure: Sequence[int], may: Sequence[int]) -> TernaryMask:
    hit = np.zeros(len(texts.words), np.bool_)
    hit[np.array(sure, np.int64)] = True
    surely = hit[texts.codes]
    if not may:
        return settled(surely)
    hit[np.array(may, np.int64)] = True
    return TernaryMask(surely, hit[texts.codes])
