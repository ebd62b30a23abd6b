"""Evaluate a filter on columns: which rows certainly match, and which possibly match."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.tree import And, Compare, Condition, Exists, Filter, Glob, In, Not, Or, Prefix, Scalar, Words
from vectord.index.columns import predicates
from vectord.index.columns.model import Column, Mask, RowList, Texts
from vectord.index.columns.predicates import TernaryMask, settled_mask

type MaskOfWords = Callable[[Words], TernaryMask]


def evaluate(
    tree: Filter,
    columns: Mapping[str, Column | None],
    rows: int,
    check: DeadlineCheck = no_deadline,
    words: MaskOfWords | None = None,
) -> TernaryMask:
    """Return a mask over `rows` rows. `columns` must have each path of `tree`; None means that the path has no column.

    It calls `check` before each part of the filter, and within a glob. `words` returns the masks of conditions on
    words, which need no column.

    Raises:
        BlobCorrupt: a column contains text that is not UTF-8.
    """
    check()
    match tree:
        case And(filters):
            masks = (evaluate(each, columns, rows, check, words) for each in filters)
            return reduce(_and, masks, settled_mask(np.ones(rows, np.bool_)))
        case Or(filters):
            return _any((evaluate(each, columns, rows, check, words) for each in filters), rows)
        case Not(inner):
            return _not(evaluate(inner, columns, rows, check, words))
        case Words():
            if words is None:
                raise AssertionError("only an index can test words")
            return words(tree)
        case _:
            column = columns[tree.path]
            if column is None:
                return TernaryMask(np.zeros(rows, np.bool_), np.ones(rows, np.bool_))
            return _any(_condition(tree, column, rows, check), rows)


def _condition(condition: Condition, column: Column, rows: int, check: DeadlineCheck) -> Iterable[TernaryMask]:
    """Yield one mask for each type of values that the condition can match."""
    numbers, texts = column.numbers, column.texts
    match condition:
        case In(_, values):
            yield from _in(values, column, rows)
        case Exists():
            lists = (numbers.rows, texts.rows, column.null, column.false, column.true, column.containers)
            yield from (settled_mask(each.mask(rows)) for each in lists if each.count)
        case Compare(_, comparison, operand):
            if isinstance(operand, str):
                yield _of_texts(texts, predicates.compare_texts(texts, comparison, operand), rows)
            else:
                yield _of_rows(numbers.rows, predicates.compare_numbers(numbers, comparison, operand), rows)
        case Prefix(_, text):
            yield _of_texts(texts, predicates.texts_with_prefix(texts, text), rows)
        case Glob(_, pattern):
            yield _of_texts(texts, predicates.texts_matching_glob(texts, pattern, check), rows)


def _in(values: Sequence[Scalar], column: Column, rows: int) -> Iterable[TernaryMask]:
    for constant, row_list in ((None, column.null), (False, column.false), (True, column.true)):
        if row_list.count and any(value is constant for value in values):
            yield settled_mask(row_list.mask(rows))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if numbers and column.numbers.rows.count:
        yield _of_rows(column.numbers.rows, predicates.numbers_in(column.numbers, numbers), rows)
    texts = [value for value in values if isinstance(value, str)]
    if texts and column.texts.rows.count:
        yield _of_rows(column.texts.rows, predicates.texts_in(column.texts, texts), rows)


def _of_texts(texts: Texts, of_values: TernaryMask, rows: int) -> TernaryMask:
    """Turn a mask of texts into a mask of rows; omitted texts are possible matches."""
    return _of_rows(texts.rows, predicates.with_omitted(texts, of_values), rows)


def _of_rows(row_list: RowList, of_values: TernaryMask, rows: int) -> TernaryMask:
    """Turn a mask of values into a mask of rows; a row matches if any of its values does."""
    certain = row_list.mask(rows, of_values.certain)
    if of_values.settled:
        return settled_mask(certain)
    return TernaryMask(certain, row_list.mask(rows, of_values.possible))


def _any(masks: Iterable[TernaryMask], rows: int) -> TernaryMask:
    remaining = iter(masks)  # one mask at a time: a filter may have 1,000, and each has a byte for each row
    first = next(remaining, None)
    return settled_mask(np.zeros(rows, np.bool_)) if first is None else reduce(_or, remaining, first)


def _and(one: TernaryMask, other: TernaryMask) -> TernaryMask:
    return _combine(np.logical_and, one, other)


def _or(one: TernaryMask, other: TernaryMask) -> TernaryMask:
    return _combine(np.logical_or, one, other)


def _combine(operation: np.ufunc, one: TernaryMask, other: TernaryMask) -> TernaryMask:
    certain: Mask = operation(one.certain, other.certain)
    if one.settled and other.settled:
        return settled_mask(certain)
    return TernaryMask(certain, operation(one.possible, other.possible))


def _not(mask: TernaryMask) -> TernaryMask:
    certain = ~mask.possible
    return settled_mask(certain) if mask.settled else TernaryMask(certain, ~mask.certain)
