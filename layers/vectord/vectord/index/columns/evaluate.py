"""A filter over columns: the rows that surely satisfy it, and those that possibly do."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np

from vectord.filters.tree import All, Among, AnyOf, Compare, Exists, Filter, Glob, Not, Prefix, Scalar
from vectord.index.columns import predicates
from vectord.index.columns.model import Column, Mask, Places
from vectord.index.columns.predicates import TernaryMask, settled


def bounds(tree: Filter, columns: Mapping[str, Column | None], rows: int) -> TernaryMask:
    """Return what `columns`, of all paths that `tree` names, tell of each of `rows` rows."""
    match tree:
        case All(filters):
            every = (bounds(each, columns, rows) for each in filters)
            return reduce(_both, every, settled(np.ones(rows, np.bool_)))
        case AnyOf(filters):
            return _any((bounds(each, columns, rows) for each in filters), rows)
        case Not(inner):
            return _negated(bounds(inner, columns, rows))
        case _:
            column = columns[tree.path]
            if column is None:
                return TernaryMask(np.zeros(rows, np.bool_), np.ones(rows, np.bool_))
            return _any(_of_column(tree, column, rows), rows)


def _of_column(condition: Among | Compare | Exists | Prefix | Glob, column: Column, rows: int) -> Iterable[TernaryMask]:
    """Yield what each kind of values adds."""
    numbers, texts = column.numbers, column.texts
    match condition:
        case Among(_, values):
            yield from _among(values, column, rows)
        case Exists():
            places = (numbers.places, texts.places, column.null, column.false, column.true, column.inside)
            yield from (settled(each.mask(rows)) for each in places if each.count)
        case Compare(_, order, operand):
            if isinstance(operand, str):
                yield _of_rows(texts.places, predicates.texts_beyond(texts, order, operand), rows)
            else:
                yield _of_rows(numbers.places, predicates.numbers_beyond(numbers, order, operand), rows)
        case Prefix(_, text):
            yield _of_rows(texts.places, predicates.texts_starting(texts, text), rows)
        case Glob(_, pattern):
            yield _of_rows(texts.places, predicates.texts_fitting(texts, pattern), rows)


def _among(values: Sequence[Scalar], column: Column, rows: int) -> Iterable[TernaryMask]:
    for kind, places in ((None, column.null), (False, column.false), (True, column.true)):
        if places.count and any(value is kind for value in values):
            yield settled(places.mask(rows))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if numbers and column.numbers.places.count:
        yield _of_rows(column.numbers.places, predicates.numbers_among(column.numbers, numbers), rows)
    texts = [value for value in values if isinstance(value, str)]
    if texts and column.texts.places.count:
        yield _of_rows(column.texts.places, predicates.texts_among(column.texts, texts), rows)


def _of_rows(places: Places, found: TernaryMask, rows: int) -> TernaryMask:
    """Turn what is told of values into what is told of their rows: any value of a row is enough."""
    surely = places.mask(rows, found.surely)
    return settled(surely) if found.settled else TernaryMask(surely, places.mask(rows, found.possibly))


def _any(some: Iterable[TernaryMask], rows: int) -> TernaryMask:
    found = list(some)
    return reduce(_either, found) if found else settled(np.zeros(rows, np.bool_))


def _both(one: TernaryMask, other: TernaryMask) -> TernaryMask:
    return _joined(np.logical_and, one, other)


def _either(one: TernaryMask, other: TernaryMask) -> TernaryMask:
    return _joined(np.logical_or, one, other)


def _joined(join: np.ufunc, one: TernaryMask, other: TernaryMask) -> TernaryMask:
    surely: Mask = join(one.surely, other.surely)
    if one.settled and other.settled:
        return settled(surely)
    return TernaryMask(surely, join(one.possibly, other.possibly))


def _negated(found: TernaryMask) -> TernaryMask:
    surely = ~found.possibly
    return settled(surely) if found.settled else TernaryMask(surely, ~found.surely)
