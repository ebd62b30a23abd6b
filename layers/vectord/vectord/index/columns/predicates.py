"""Test the values of one column against a condition.

The result is a ternary mask. A value is "possible" where the column has only a part of it: a rounded number or a
truncated text. Then the documents decide.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from vectord.deadline import DeadlineCheck, checked, no_deadline
from vectord.errors import BlobCorrupt
from vectord.filters.glob import glob_matcher, literal_prefix
from vectord.filters.tree import Comparison
from vectord.index.columns.model import Dictionary, Mask, Numbers, Texts, encode_text, is_truncated, to_float64


class TernaryMask(NamedTuple):
    """For each row, or each value: whether it certainly matches, and whether it possibly matches.

    If the mask is settled, both are the same array.
    """

    certain: Mask
    possible: Mask

    @property
    def settled(self) -> bool:
        return self.certain is self.possible


def settled_mask(mask: Mask) -> TernaryMask:
    return TernaryMask(mask, mask)


_MAX_PASSES: Final = 32  # operands; up to this many, one comparison pass for each is fastest
_GLOB_BLOCK: Final = 1_024  # texts of up to MAX_TEXT bytes; matching them takes less than 0.1 s
_BEYOND_INTEGERS: Final = 2.0**32  # above every value of an integer column

_COMPARE: Final[Mapping[Comparison, Callable[[Any, Any], Mask]]] = {
    "$gt": np.greater,
    "$gte": np.greater_equal,
    "$lt": np.less,
    "$lte": np.less_equal,
}


def compare_numbers(numbers: Numbers, comparison: Comparison, operand: int | float) -> TernaryMask:
    """Return which numbers compare with `operand`.

    Rounding to float64 keeps the order of numbers: two that differ after rounding had the same order before. A rounded
    number that equals the rounded operand is only a possible match.
    """
    near = to_float64(operand)
    if near != operand:  # no float64 equals the operand; `near` is just above or below it
        above = comparison in {"$gt", "$gte"}
        comparison = ("$gte" if above else "$lt") if near > operand else ("$gt" if above else "$lte")
    return _with_undecided(numbers, _COMPARE[comparison](numbers.values, np.float64(near)), [near])


def numbers_in(numbers: Numbers, operands: Sequence[int | float]) -> TernaryMask:
    """Return which numbers equal one of `operands`."""
    near = list(map(to_float64, operands))
    exact = [rounded for rounded, operand in zip(near, operands, strict=True) if rounded == operand]
    return _with_undecided(numbers, _is_in(numbers.values, exact), near)


def _with_undecided(numbers: Numbers, hit: Mask, near: Sequence[float]) -> TernaryMask:
    """Change the result for inexact numbers whose float64 equals one of `near`: they are possible matches."""
    if not len(numbers.inexact):
        return settled_mask(hit)
    undecided = numbers.inexact[_is_in(numbers.values[numbers.inexact], near)]
    if not len(undecided):
        return settled_mask(hit)
    certain, possible = hit.copy(), hit.copy()
    certain[undecided], possible[undecided] = False, True
    return TernaryMask(certain, possible)


def _is_in(values: npt.NDArray[Any], candidates: Sequence[float]) -> Mask:
    wanted = np.array(candidates, np.float64)
    hit: Mask = np.zeros(len(values), np.bool_)
    if len(wanted) <= _MAX_PASSES:
        for each in wanted:
            hit |= values == each
    elif values.dtype.kind == "i":
        integers = wanted[np.abs(wanted) < _BEYOND_INTEGERS].astype(np.int64)
        hit = np.isin(values, integers[np.isin(integers, wanted)])
    else:
        hit = np.isin(values, wanted)
    return hit


def compare_texts(texts: Texts, comparison: Comparison, operand: str) -> TernaryMask:
    """Return which texts compare with `operand`, by code point."""
    dictionary, encoded = texts.dictionary, encode_text(operand)
    first, last = bisect_left(dictionary, encoded), bisect_right(dictionary, encoded)
    size = len(dictionary)
    if is_truncated(encoded):  # a text with the same encoding may be on either side
        return _code_range(texts, *((last, size) if comparison in {"$gt", "$gte"} else (0, first)), range(first, last))
    if comparison in {"$gt", "$gte"}:
        return _code_range(texts, last if comparison == "$gt" else first, size)
    return _code_range(texts, 0, first if comparison == "$lt" else last)


def texts_in(texts: Texts, operands: Sequence[str]) -> TernaryMask:
    """Return which texts equal one of `operands`."""
    dictionary = texts.dictionary
    certain: list[int] = []
    undecided: list[int] = []
    for encoded in map(encode_text, operands):
        code = bisect_left(dictionary, encoded)
        if code < len(dictionary) and dictionary[code] == encoded:
            (undecided if is_truncated(encoded) else certain).append(code)
        elif is_truncated(encoded) and dictionary.omits:  # a shorter operand is none of the omitted texts
            undecided.append(len(dictionary) - 1)
    if len(certain) == 1 and not undecided:
        return settled_mask(texts.codes == certain[0])
    return _code_list(texts, certain, undecided)


def with_omitted(texts: Texts, found: TernaryMask) -> TernaryMask:
    """Change a result for the texts that the dictionary does not have: they are possible matches."""
    omitted = texts.omitted
    return found if omitted is None else TernaryMask(found.certain & ~omitted, found.possible | omitted)


def texts_with_prefix(texts: Texts, prefix: str) -> TernaryMask:
    """Return which texts start with `prefix`."""
    return _code_range(texts, *_prefix_range(texts.dictionary, prefix))


def texts_matching_glob(texts: Texts, pattern: str, check: DeadlineCheck = no_deadline) -> TernaryMask:
    """Return which texts match the glob `pattern`; call `check` now and then."""
    dictionary, matches = texts.dictionary, glob_matcher(pattern)
    first, last, truncated = _prefix_range(dictionary, literal_prefix(pattern))
    certain, undecided = [], list(truncated)
    for code in checked(range(first, last), check, _GLOB_BLOCK):
        encoded = dictionary[code]
        if is_truncated(encoded):
            undecided.append(code)
        elif matches(decode_text(encoded)):
            certain.append(code)
    return _code_list(texts, certain, undecided)


def _prefix_range(dictionary: Dictionary, prefix: str) -> tuple[int, int, Sequence[int]]:
    """Return the codes of texts that start with `prefix` (first, one past the last), and those that possibly do."""
    encoded = encode_text(prefix)
    first = bisect_left(dictionary, encoded)
    if is_truncated(encoded):
        return first, first, range(first, bisect_right(dictionary, encoded))
    return first, bisect_left(dictionary, _successor(encoded), first) if encoded else len(dictionary), ()


def _successor(prefix: bytes) -> bytes:
    """Return the smallest bytes above all bytes that start with `prefix`. UTF-8 has no byte 255."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def decode_text(encoded: bytes) -> str:
    """Return a text of a dictionary that is not truncated.

    Raises:
        BlobCorrupt: it is not UTF-8.
    """
    try:
        return encoded.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise BlobCorrupt("a text in its section 'columns' is not UTF-8") from error


def _code_range(texts: Texts, first: int, last: int, undecided: Sequence[int] = ()) -> TernaryMask:
    """Match the codes from `first` to `last` (exclusive); the codes in `undecided` are possible matches."""
    if undecided:
        return _code_list(texts, range(first, last), undecided)
    codes = texts.codes
    if first == 0:
        return settled_mask(codes < last)
    return settled_mask(codes >= first if last == len(texts.dictionary) else (codes >= first) & (codes < last))


def _code_list(texts: Texts, certain: Sequence[int], undecided: Sequence[int]) -> TernaryMask:
    """Match the codes in `certain`; the codes in `undecided` are possible matches."""
    hit = np.zeros(len(texts.dictionary), np.bool_)
    hit[np.array(certain, np.int64)] = True
    of_values = hit[texts.codes]
    if not undecided:
        return settled_mask(of_values)
    hit[np.array(undecided, np.int64)] = True
    return TernaryMask(of_values, hit[texts.codes])
