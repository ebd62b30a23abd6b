"""What a search by words asks, and what it has in memory of each section before it computes scores."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.sections.text_front import Lengths
from vectord.index.sections.text_lists import TermList

Array = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_NO_ROWS: Final[Array] = np.empty(0, np.int64)
_FEW: Final = 16  # times as many rows make a binary search for each of few rows the faster way

type FieldTerm = tuple[int, bytes]  # the number of a field, and a term


class FieldTerms(msgspec.Struct, frozen=True):
    """The terms that a search looks for in one field. They ascend and are distinct; the weight is above 0."""

    field: int
    terms: tuple[bytes, ...]
    weight: float = 1.0


class TextQuery(msgspec.Struct, frozen=True):
    """What a search asks: terms that give a row its score, in fields that ascend.

    `required` are groups of terms: a row matches if it has a term of each group. Without groups, every row matches that
    has a term of `fields`.
    """

    fields: tuple[FieldTerms, ...]
    required: tuple[tuple[FieldTerm, ...], ...] = ()

    @property
    def wanted(self) -> dict[int, list[bytes]]:
        """The terms whose lists the search needs, ascending, by field; a field of `fields` may have none."""
        pairs = {(each.field, term) for each in self.fields for term in each.terms}
        wanted: dict[int, list[bytes]] = {each.field: [] for each in self.fields}
        for field, term in sorted(pairs.union(*self.required)):
            wanted.setdefault(field, []).append(term)
        return wanted


class Removed(msgspec.Struct, frozen=True, eq=False, dict=True):
    """The rows of a section that were deleted or replaced, ascending, of `total` rows."""

    rows: Array
    total: int

    @cached_property
    def mask(self) -> Mask:
        mask = np.zeros(self.total, np.bool_)
        mask[self.rows] = True
        return mask


class Segment(msgspec.Struct, frozen=True, eq=False):
    """The part of a section that a search needs: its lists of the query's terms, and the lengths of its rows.

    Rows are numbered from 0; `first` is the number of row 0 in the index. `lengths` and `tokens` are those of each
    field of the section.
    """

    first: int
    rows: int
    lists: Mapping[FieldTerm, TermList]
    lengths: Mapping[int, Lengths]
    tokens: Mapping[int, int]
    removed: Removed | None = None

    def of_field(self, terms: FieldTerms) -> Iterator[tuple[bytes, TermList]]:
        """Yield the lists of the terms that occur in this section, in the order of the terms."""
        for term in terms.terms:
            found = self.lists.get((terms.field, term))
            if found is not None:
                yield term, found

    def matching(self, required: Sequence[Sequence[FieldTerm]]) -> Array:
        """Return the rows that have a term of each of one or more groups, ascending; some may be removed."""
        first, *others = sorted(map(self._any_of, required), key=len)
        for group in others:
            first = first[self._contained(first, group)]
        return first

    def _any_of(self, group: Sequence[FieldTerm]) -> Array:
        lists = [self.lists[term].rows for term in group if term in self.lists]
        return lists[0] if len(lists) == 1 else np.unique(np.concatenate([_NO_ROWS, *lists]))

    def _contained(self, rows: Array, among: Array) -> Mask:
        if _FEW * len(rows) < len(among):
            return positions(rows, among)[1]
        mask = np.zeros(self.rows, np.bool_)
        mask[among] = True
        return mask[rows]


def joined(segments: Sequence[Segment]) -> Segment:
    """Return adjacent segments as one, which takes less time to search than each alone."""
    if len(segments) == 1:
        return segments[0]
    first, rows = segments[0].first, sum(segment.rows for segment in segments)
    removed = [s.removed.rows + (s.first - first) for s in segments if s.removed is not None]
    terms = dict.fromkeys(term for segment in segments for term in segment.lists)
    return Segment(
        first,
        rows,
        {term: _joined_list([(s.first - first, s.lists[term]) for s in segments if term in s.lists]) for term in terms},
        {field: np.concatenate([s.lengths[field] for s in segments]) for field in segments[0].lengths},
        {field: sum(s.tokens[field] for s in segments) for field in segments[0].tokens},
        Removed(np.concatenate(removed), rows) if removed else None,
    )


def _joined_list(lists: Sequence[tuple[int, TermList]]) -> TermList:
    """Return one list of several, each with the number that is added to its rows."""
    rows = np.concatenate([each.rows + first for first, each in lists])
    if all(each.counts is None for _, each in lists):
        return TermList(rows, None)
    counts = [np.ones(len(each.rows), np.uint8) if each.counts is None else each.counts for _, each in lists]
    return TermList(rows, np.concatenate(counts))


def positions(rows: Array, among: Array) -> tuple[Array, Mask]:
    """Return where each of `rows` is among others, at least one, and which of them are there; both ascend."""
    at = np.searchsorted(among, rows)
    at[at == len(among)] = 0
    return at, among[at] == rows
