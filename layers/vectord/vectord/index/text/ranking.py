"""The rows with the best scores of a search by words, over the sections of the base and the tail."""

from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec
import numpy as np

from vectord.index.text.bm25 import FieldScorer, evidence, score_all, score_evidence
from vectord.index.text.model import F64, Array, Mask, Segment, TextQuery
from vectord.index.text.statistics import Statistics, statistics

_FEW: Final = 16  # postings that are scored in the time of one row that is looked up in the lists
_ABOVE_0: Final = 5e-324  # the least score of a match


class Ranked(msgspec.Struct, frozen=True, eq=False):
    """Rows of the index by descending score, and by ascending row where scores are equal."""

    rows: Array
    scores: F64

    def first(self, k: int) -> "Ranked":
        return Ranked(self.rows[:k], self.scores[:k])


def rank(
    segments: Sequence[Segment],
    query: TextQuery,
    k: int,
    *,
    allowed: Mask | None = None,
    known: Statistics | None = None,
    least: float = 0.0,
    most: float = np.inf,
) -> Ranked:
    """Return the `k` best rows, and all others whose score is equal to the last one's: a caller orders these by id.

    Removed rows do not match, nor do rows that are False in `allowed`, a mask of all rows of the index. Scores are from
    `least` to `most`, and above 0. `known` are statistics of all shards, by default those of `segments`.
    """
    known = statistics(segments, query) if known is None else known
    best = _Best(k, max(least, _ABOVE_0), most)
    for segment in segments:
        in_segment = _Best(k, best.bar, most)
        _add_best(in_segment, segment, query, known, None if allowed is None else allowed[segment.first :])
        best.add(in_segment.rows + segment.first, in_segment.scores)
    order = np.lexsort((best.rows, -best.scores))
    return Ranked(best.rows[order], best.scores[order])


class _Best:
    """The `k` best of the rows that were added, and all that are equal to the last of them."""

    def __init__(self, k: int, bar: float, most: float) -> None:
        self.k, self.bar, self.most = k, bar, most  # no row below the bar can be among the best
        self.rows, self.scores = np.empty(0, np.int64), np.empty(0)

    def add(self, rows: Array, scores: F64) -> None:
        """Add distinct rows with their scores, some of which may have been added before."""
        chosen = scores >= self.bar if self.most == np.inf else (scores >= self.bar) & (scores <= self.most)
        rows, scores = self._above(rows[chosen], scores[chosen])
        if len(self.rows):
            rows, at = np.unique(np.concatenate((self.rows, rows)), return_index=True)
            rows, scores = self._above(rows, np.concatenate((self.scores, scores))[at])
        self.rows, self.scores = rows, scores

    def _above(self, rows: Array, scores: F64) -> tuple[Array, F64]:
        """Return the distinct rows that are among their own `k` best; raise the bar to the last of these."""
        if len(scores) > self.k:
            self.bar = max(self.bar, float(np.partition(scores, len(scores) - self.k)[len(scores) - self.k]))
            chosen = scores >= self.bar
            rows, scores = rows[chosen], scores[chosen]
        return rows, scores


def _add_best(best: _Best, segment: Segment, query: TextQuery, known: Statistics, allowed: Mask | None) -> None:
    """Add the rows of a segment that can be among the best; `allowed` is that of its rows, and perhaps of others."""
    if query.required:
        rows = _visible(segment, segment.matching(query.required), allowed)
        best.add(rows, _scores_of(segment, query, known, rows))
        return
    lists = _bounded_lists(segment, query, known)
    postings, done, of_all = sum(len(each.rows) for each in lists), 0, None
    for each in lists:
        if each.bound_of_rest < best.bar:  # no row that only these lists have can be among the best
            return
        done += len(each.rows)
        if of_all is None and _FEW * done > postings:
            of_all = score_all(segment, query, known)
        rows = each.rows if of_all is None else each.rows[of_all[each.rows] >= best.bar]
        rows = _visible(segment, rows, allowed)
        best.add(rows, _scores_of(segment, query, known, rows) if of_all is None else of_all[rows])


class _BoundedList(NamedTuple):
    """The rows of a list, and more than the score of any row that is only in this list and in those after it."""

    rows: Array
    bound_of_rest: float


def _bounded_lists(segment: Segment, query: TextQuery, known: Statistics) -> list[_BoundedList]:
    """Return the lists of a query, those that can add most to a score first."""
    lists = list[tuple[float, Array]]()
    for each in query.fields:
        scorer = FieldScorer(each, known)
        lists += [(scorer.bound(term), found.rows) for term, found in segment.of_field(each)]
    lists.sort(key=itemgetter(0))
    bounds = accumulate(bound for bound, _ in lists)
    return [_BoundedList(rows, bound) for (_, rows), bound in zip(lists, bounds, strict=True)][::-1]


def _scores_of(segment: Segment, query: TextQuery, known: Statistics, rows: Array) -> F64:
    """Return the scores of rows, which ascend, by the way that takes less time."""
    postings = sum(len(found.rows) for each in query.fields for _, found in segment.of_field(each))
    if _FEW * len(rows) > postings:
        return score_all(segment, query, known)[rows]
    return score_evidence(evidence(segment, query, rows), query, known)


def _visible(segment: Segment, rows: Array, allowed: Mask | None) -> Array:
    """Return those of the rows of a segment that are neither removed nor excluded by a filter."""
    if allowed is not None:
        rows = rows[allowed[rows]]
    return rows if segment.removed is None else rows[~segment.removed.mask[rows]]
