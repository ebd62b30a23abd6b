"""Count the distinct values at a path: from the columns, and from documents where a column has only part of a value.

A row counts once for each distinct value that it has at the path, as in a filter: elements of arrays are values.
"""

from collections import Counter
from collections.abc import Iterator
from heapq import nsmallest

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.filters.match import matcher
from vectord.filters.tree import Exists
from vectord.filters.values import FALSE, NULL, TRUE, Key, Kind
from vectord.index.columns.distinct import (
    NumberCounts,
    TextCounts,
    distinct_numbers,
    distinct_texts,
    is_partial,
    partial_rows,
)
from vectord.index.columns.evaluate import evaluate
from vectord.index.columns.model import EMPTY_COLUMN, Column
from vectord.index.query.sources import Source, sources
from vectord.index.query.values import Facet
from vectord.index.rows import RowMask
from vectord.index.state import Index


def facet(index: Index, path: str, mask: RowMask, limit: int, check: DeadlineCheck = no_deadline) -> Facet:
    """Return the facet of `path` over the rows of `mask`, with up to `limit` values.

    Raises:
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` and `check` raise.
    """
    tallies = [_tally(source, path) for source in sources(index, mask, check)]
    if not tallies:
        return Facet(0, 0, [], None, None)
    total = tallies[0]
    for other in tallies[1:]:
        total = total.plus(other)
    return total.facet(limit)


class _Tally(msgspec.Struct, frozen=True):
    """The values of some rows: counts of texts and numbers in arrays, `others` by key. Each value is in one of them."""

    rows: int
    texts: TextCounts
    numbers: NumberCounts
    others: Counter[Key]

    def plus(self, other: "_Tally") -> "_Tally":
        """Return the tally of the rows of both; it takes the values of `other` out of the arrays of this one."""
        others = self.others + other.others
        for key, count in other.listed():
            others[key] += count
        for key in others:
            others[key] += self._take(key)
        return _Tally(self.rows + other.rows, self.texts, self.numbers, others)

    def _take(self, key: Key) -> int:
        kind, payload = key
        if isinstance(payload, str):
            return self.texts.take(payload)
        return self.numbers.take(payload) if kind == Kind.NUMBER else 0

    def listed(self) -> Iterator[tuple[Key, int]]:
        """Yield each value of the arrays with its count."""
        yield from self.texts.most_frequent(len(self.texts.counts))
        yield from self.numbers.most_frequent(len(self.numbers.counts))

    def facet(self, limit: int) -> Facet:
        candidates = [*self.others.items(), *self.texts.most_frequent(limit), *self.numbers.most_frequent(limit)]
        counts = nsmallest(limit, candidates, key=lambda counted: (-counted[1], counted[0]))
        distinct = len(self.others) + np.count_nonzero(self.texts.counts) + np.count_nonzero(self.numbers.counts)
        extremes = [*self.numbers.extremes(), *(key[1] for key in self.others if key[0] == Kind.NUMBER)]
        numbers = [number for number in extremes if not isinstance(number, str)]
        return Facet(self.rows, int(distinct), counts, min(numbers, default=None), max(numbers, default=None))


def _tally(source: Source, path: str) -> _Tally:
    source.check()
    column = source.columns.read([path], source.fetch)[path]
    if column is None:
        return _tally_of_documents(source, path)
    has_path = evaluate(Exists(path), {path: column}, source.columns.rows).certain
    others: Counter[Key] = Counter()
    for key, row_list in ((NULL, column.null), (FALSE, column.false), (TRUE, column.true)):
        if row_list.count:
            others[key] += int(np.count_nonzero(row_list.mask(source.columns.rows) & source.mask))
    others += _partial_values(source, path, column)
    rows = int(np.count_nonzero(has_path & source.mask))
    source.check()
    texts = distinct_texts(column.texts, source.mask)
    source.check()
    return _Tally(rows, texts, distinct_numbers(column.numbers, source.mask), others)


def _partial_values(source: Source, path: str, column: Column) -> Counter[Key]:
    """Count the values of which the column has only a part: truncated texts and rounded numbers."""
    counts: Counter[Key] = Counter()
    rows = partial_rows(column, source.mask)
    for _, metadata in source.decoded(rows):
        counts.update({key for key in source.keys_at(path, metadata) if is_partial(key)})
    return counts


def _tally_of_documents(source: Source, path: str) -> _Tally:
    """Count values by the documents of all rows, for a path without a column."""
    matches, others, rows = matcher(Exists(path)), Counter[Key](), 0
    for _, metadata in source.decoded(np.flatnonzero(source.mask)):
        rows += matches(metadata)
        others.update(set(source.keys_at(path, metadata)))
    nothing = np.zeros(0, np.bool_)
    texts, numbers = distinct_texts(EMPTY_COLUMN.texts, nothing), distinct_numbers(EMPTY_COLUMN.numbers, nothing)
    return _Tally(rows, texts, numbers, others)
