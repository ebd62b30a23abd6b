"""Exact relevance by BM25, float64: the formula of Lucene, with k1 + 1.

A term adds ln(1 + (N - df + 0.5) / (df + 0.5)) * (k1 + 1) * tf / (tf + k1 * (1 - b + b * length / average)), times the
weight of its field. The terms are added one after the other, field by field. Every row gets the same operations in the
same order, in whichever section it is and however it was found, so its score has the same bits, and so has the sum of
what its terms add.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from vectord.index.kernels import compiled
from vectord.index.sections.text_front import Lengths
from vectord.index.sections.text_lists import TermList
from vectord.index.text.model import F64, Array, FieldTerms, Segment, TextQuery, positions
from vectord.index.text.statistics import Statistics

K1: Final = 1.2
B: Final = 0.75

_MORE: Final = 1 + 1e-9  # more than the error of all roundings
_SHORT: Final = np.arange(256)  # every length in one byte


def inverse_frequency(rows: int, frequency: int) -> float:
    """Return the weight of a term that `frequency` of `rows` rows have; 0 if no row has it."""
    return math.log(1 + (rows - frequency + 0.5) / (frequency + 0.5)) if frequency else 0.0


def norms_of(lengths: Lengths, average: float) -> F64:
    """Return by what the length of each row weakens its counts."""
    norms: F64 = K1 * (1 - B + B * lengths.astype(np.float64) / average)
    return norms


def scores_of_counts(counts: npt.NDArray[np.number], norms: F64, factor: float) -> F64:
    """Return what a term of the weight `factor` adds to rows that have it `counts` times; 0 for a count of 0."""
    tf = counts.astype(np.float64)
    scores: F64 = factor * (K1 + 1) * tf / (tf + norms)
    return scores


class FieldScorer(msgspec.Struct, frozen=True, eq=False, dict=True):
    """Computes what the terms of one field add to the rows of one segment, with the weight of the field."""

    terms: FieldTerms
    statistics: Statistics

    @property
    def average(self) -> float:
        return self.statistics.average(self.terms.field)

    def idf(self, term: bytes) -> float:
        return inverse_frequency(self.statistics.rows, self.statistics.frequencies.get((self.terms.field, term), 0))

    def factor(self, term: bytes) -> float:
        """Return the weight of a term: that of its field, times its `idf`."""
        return self.terms.weight * self.idf(term)

    def bound(self, term: bytes) -> float:
        """Return more than a term can add to the score of any row."""
        return self.factor(term) * (K1 + 1) * _MORE

    def of_list(self, term: bytes, found: TermList, lengths: Lengths) -> F64:
        """Return what a term adds to each row of its list."""
        of_rows, factor, ones = lengths[found.rows], self.factor(term), np.ones(1, np.uint8)
        if lengths.dtype != np.uint8:
            return scores_of_counts(
                ones if found.counts is None else found.counts, norms_of(of_rows, self.average), factor
            )
        norms = norms_of(_SHORT, self.average)
        if found.counts is None:
            return scores_of_counts(ones, norms, factor)[of_rows]
        return scores_of_counts(found.counts, norms[of_rows], factor)

    def add(self, term: bytes, found: TermList, lengths: Lengths, scores: F64) -> None:
        """Add what a term adds to the rows of its list to `scores`, (rows,)."""
        if compiled.native is None:
            scores[found.rows] += self.of_list(term, found, lengths)
            return
        weight, counts = (
            self.factor(term) * (K1 + 1),
            None if found.counts is None else np.require(found.counts, None, "A"),
        )
        compiled.native.add_scores(found.rows, counts, np.require(lengths, None, "A"), weight, self.average, scores)


def score_all(segment: Segment, query: TextQuery, statistics: Statistics) -> F64:
    """Return the score of every row of a segment, (rows,); 0 for a row that has no term of the query."""
    scores: F64 = np.zeros(segment.rows)
    for each in query.fields:
        scorer, lengths = FieldScorer(each, statistics), segment.lengths[each.field]
        for term, found in segment.of_field(each):
            scorer.add(term, found, lengths, scores)
    return scores


class Evidence(msgspec.Struct, frozen=True, eq=False):
    """What the scores of some rows are computed from, so that others can compute them with their statistics.

    `counts` are those of the terms of each field of the query, uint32 (fields' terms, rows), and `lengths` those of
    the rows in each field, uint32 (fields, rows).
    """

    counts: Sequence[npt.NDArray[np.uint32]]
    lengths: npt.NDArray[np.uint32]


def evidence(segment: Segment, query: TextQuery, rows: Array) -> Evidence:
    """Return the counts and lengths of rows of a segment, which ascend."""
    counts = [np.zeros((len(each.terms), len(rows)), np.uint32) for each in query.fields]
    for each, of_field in zip(query.fields, counts, strict=True):
        for number, term in enumerate(each.terms):
            found = segment.lists.get((each.field, term))
            if found is not None:
                at, has = positions(rows, found.rows)
                of_field[number, has] = 1 if found.counts is None else found.counts[at[has]]
    lengths = np.array([segment.lengths[each.field][rows] for each in query.fields], np.uint32)
    return Evidence(counts, lengths)


def score_evidence(found: Evidence, query: TextQuery, statistics: Statistics) -> F64:
    """Return the scores of rows from their counts and lengths, with the same bits as `score_all`."""
    total: F64 = np.zeros(found.lengths.shape[1])
    for each, counts, lengths in zip(query.fields, found.counts, found.lengths, strict=True):
        scorer = FieldScorer(each, statistics)
        norms = norms_of(lengths, scorer.average)
        for term, of_term in zip(each.terms, counts, strict=True):
            total += scores_of_counts(of_term, norms, scorer.factor(term))
    return total
