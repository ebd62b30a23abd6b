"""List rows in the order of the values at a metadata path: by columns, and by documents where a column is not enough.

A column gives each row a rank, which has the order of the exact values but may be equal for different ones: long texts
are truncated, large numbers are rounded. So the first rows by rank are read, with all rows whose rank equals the last
one, and then sorted exactly: ties by id.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.values import Key, Kind
from vectord.index.columns.collect import decode_metadata
from vectord.index.columns.distinct import partial_rows, row_numbers
from vectord.index.columns.model import Column, RowList, Texts, encode_text, to_float64
from vectord.index.columns.predicates import decode_text
from vectord.index.query.sources import Array, Source, sources
from vectord.index.query.values import MISSING, Order, OrderedRow, is_after, key_in_order, sorted_rows
from vectord.index.rows import RowMask
from vectord.index.state import Index

Floats = npt.NDArray[np.float64]

_LAST = 9  # the rank of the kind of a row without a value, in either order


class _Ranks(msgspec.Struct, frozen=True):
    """The rank of each row: the number of its kind, int8 (rows,), and that of its value among them, float64 (rows,)."""

    kinds: npt.NDArray[np.int8]
    values: Floats

    def first(self, rows: Array, count: int) -> Array:
        """Return those of `rows` whose rank is at most that of the row number `count` in the order of ranks."""
        if count >= len(rows):
            return rows
        kinds, values = self.kinds[rows], self.values[rows]
        last_kind = np.partition(kinds, count - 1)[count - 1]
        before = kinds < last_kind
        among = kinds == last_kind
        place = count - np.count_nonzero(before) - 1
        first: Array = rows[before | (among & (values <= np.partition(values[among], place)[place]))]
        return first


def ordered_rows(
    index: Index, order: Order, mask: RowMask, prefix: str, limit: int, *, check: DeadlineCheck = no_deadline
) -> list[OrderedRow]:
    """Return the first `limit` rows of `mask` whose ids start with `prefix`, in order.

    Raises:
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` and `check` raise.
    """
    found: list[OrderedRow] = []
    for source in sources(index, mask, check):
        rows = (row for row in _candidates(source, order, prefix, limit) if row.id.startswith(prefix))
        after = order.after
        found += sorted_rows((row for row in rows if after is None or is_after(row, after, order)), order)[:limit]
    return sorted_rows(found, order)[:limit]


def _candidates(source: Source, order: Order, prefix: str, limit: int) -> Iterator[OrderedRow]:
    """Yield rows that include the first `limit` of the source."""
    column = source.columns.read([order.path], source.fetch)[order.path]
    rows = np.flatnonzero(source.mask)
    if column is None:
        yield from _by_documents(source, order, rows)
        return
    if (omitted := column.texts.omitted) is not None:  # no rank says where they belong
        has_omitted = column.texts.rows.mask(source.columns.rows, omitted)
        yield from _by_documents(source, order, rows[has_omitted[rows]])
        rows = rows[~has_omitted[rows]]
    ranks, count = _ranks(column, order, source.columns.rows), limit
    if order.after is not None:
        kind, value = _rank_of(order.after.key, column.texts, order)
        kinds, values = ranks.kinds[rows], ranks.values[rows]
        equal = (kinds == kind) & (values == value)
        count += int(np.count_nonzero(equal))  # rows before the bound may be among them
        rows = rows[equal | (kinds > kind) | ((kinds == kind) & (values > value))]
    first = rows if prefix else ranks.first(rows, count)
    partial = np.isin(first, partial_rows(column, source.mask))
    yield from _by_documents(source, order, first[partial])
    exact = first[~partial]
    keys, numbers = _exact_keys(ranks, exact, column, order), exact.tolist()
    for key, row, vector_id in zip(keys, numbers, source.ids(numbers), strict=True):
        yield OrderedRow(key, vector_id, source.first + row)


def _by_documents(source: Source, order: Order, rows: Array) -> Iterator[OrderedRow]:
    for row, document in source.documents(rows):
        keys = source.keys_at(order.path, decode_metadata(document.metadata))
        yield OrderedRow(key_in_order(keys, order), document.id, source.first + row)


def _ranks(column: Column, order: Order, total: int) -> _Ranks:
    kinds, values = np.full(total, _LAST, np.int8), np.zeros(total)

    def assign(kind: Kind, row_list: RowList, of_values: npt.NDArray[Any] | None = None) -> None:
        rows = row_numbers(row_list, total)
        if of_values is not None:
            signed = -of_values.astype(np.float64) if order.descending else of_values.astype(np.float64)
            by_value = np.lexsort((-signed, rows))  # of the values of one row the first in the order is assigned last
            rows, signed = rows[by_value], signed[by_value]
            values[rows] = signed
        else:
            values[rows] = 0
        kinds[rows] = _rank_of_kind(kind, order)

    assignments = [
        (Kind.TEXT, column.texts.rows, column.texts.codes),
        (Kind.NUMBER, column.numbers.rows, column.numbers.values),
        (Kind.TRUE, column.true, None),
        (Kind.FALSE, column.false, None),
    ]
    for kind, row_list, of_values in reversed(assignments) if order.descending else assignments:
        assign(kind, row_list, of_values)
    return _Ranks(kinds, values)


def _rank_of_kind(kind: int, order: Order) -> int:
    if kind == Kind.MISSING:
        return _LAST
    return Kind.TEXT - kind if order.descending else kind


def _rank_of(key: Key, texts: Texts, order: Order) -> tuple[int, float]:
    """Return the rank of a key; a text that is not in the dictionary ranks between two others."""
    kind, payload = key
    if isinstance(payload, str):
        encoded, dictionary = encode_text(payload), texts.dictionary
        at = bisect_left(dictionary, encoded)
        value = float(at) if at < len(dictionary) and dictionary[at] == encoded else at - 0.5
    else:
        value = to_float64(payload) if kind == Kind.NUMBER else 0.0
    return _rank_of_kind(kind, order), -value if order.descending else value


def _exact_keys(ranks: _Ranks, rows: Array, column: Column, order: Order) -> Iterator[Key]:
    """Yield the key of each row, whose values the column has exactly."""
    sign = -1.0 if order.descending else 1.0
    dictionary = column.texts.dictionary
    for rank, value in zip(ranks.kinds[rows].tolist(), (sign * ranks.values[rows]).tolist(), strict=True):
        kind = Kind.MISSING if rank == _LAST else Kind(Kind.TEXT - rank if order.descending else rank)
        match kind:
            case Kind.NUMBER:
                yield kind, value
            case Kind.TEXT:
                yield kind, decode_text(dictionary[int(value)])
            case Kind.MISSING:
                yield MISSING
            case _:
                yield kind, 0
