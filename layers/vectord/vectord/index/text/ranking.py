"""The rows with the best scores of a search by words, over the sections of the base and the tail."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.index.text.bm25 import evidence, score_all, score_evidence
from vectord.index.text.model import F64, Array, Mask, Segment, TextQuery
from vectord.index.text.statistics import Statistics, statistics

_FEW: Final = 16  # postings that are scored in the time of one row that is looked up in the lists


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

    A removed row is no match, nor is one that is not True in `allowed`, a mask of all rows of the index. Scores are
    from `least` to `most`, and above 0. `known` are statistics of all shards, by default those of `segments`.
    """
    known = statistics(segments, query) if known is None else known
    best = _Best(k, least)
    for segment in segments:
        in_segment = _Best(k, best.bar)
        for rows, scores in _scored(segment, query, known):
            chosen = np.flatnonzero((scores >= in_segment.bar) & (scores > 0) & (scores <= most))
            chosen = chosen[_visible(segment, rows[chosen], allowed)]
            in_segment.add(rows[chosen], scores[chosen])
        best.add(in_segment.rows + segment.first, in_segment.scores)
    order = np.lexsort((best.rows, -best.scores))
    return Ranked(best.rows[order], best.scores[order])


class _Best:
    """The `k` best of the rows that were added, and all that are equal to the last of them."""

    def __init__(self, k: int, bar: float) -> None:
        self.k, self.bar = k, bar  # no row below the bar can be among the best
        self.rows, self.scores = np.empty(0, np.int64), np.empty(0)

    def add(self, rows: Array, scores: F64) -> None:
        """Add distinct rows with their scores, some of which may have been added before."""
        rows, scores = self._above(rows, scores)
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


def _scored(segment: Segment, query: TextQuery, known: Statistics) -> Iterator[tuple[Array, F64]]:
    """Yield distinct rows with their scores; a row may be yielded several times.

    Rows of rare terms come first: they have the best scores, and rows below these need not be sorted.
    """
    if query.required:
        rows = segment.matching(query.required)
        yield rows, _scores_of(segment, query, known, rows)
        return
    scores = score_all(segment, query, known)
    lists = [found.rows for each in query.fields for _, found in segment.of_field(each)]
    for rows in sorted(lists, key=len):
        yield rows, scores[rows]


def _scores_of(segment: Segment, query: TextQuery, known: Statistics, rows: Array) -> F64:
    """Return the scores of rows, which ascend, by the way that takes less time."""
    postings = sum(len(found.rows) for each in query.fields for _, found in segment.of_field(each))
    if _FEW * len(rows) > postings:
        return score_all(segment, query, known)[rows]
    return score_evidence(evidence(segment, query, rows), query, known)


def _visible(segment: Segment, rows: Array, allowed: Mask | None) -> Mask:
    """Return which rows of a segment are neither removed nor excluded by a filter."""
    visible = np.ones(len(rows), np.bool_) if allowed is None else allowed[segment.first + rows]
    return visible if segment.removed is None else visible & ~segment.removed.mask[rows]
