"""What each term, and each index of a sparse vector, adds to the relevance of given rows."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from vectord.index.query.explanations import Explanation, IndexShare, TermShare
from vectord.index.query.text.reading import Opened
from vectord.index.text.bm25 import FieldScorer, norms_of, scores_of_counts
from vectord.index.text.model import Array

if TYPE_CHECKING:
    from vectord.index.query.text.sparse import OpenedSparse


def explanations(found: "Iterable[Opened | OpenedSparse]", rows: Array) -> Mapping[int, Explanation]:
    """Return what words, and a sparse vector, add to the relevance of each of the ascending `rows`, without ranks."""
    terms: Mapping[int, tuple[TermShare, ...]] = {}
    indices: Mapping[int, tuple[IndexShare, ...]] = {}
    for opened in found:
        if isinstance(opened, Opened):
            terms = _terms(opened, rows)
        else:
            indices = opened.shares(rows)
    return {row: Explanation(terms=terms.get(row, ()), indices=indices.get(row, ())) for row in rows.tolist()}


def _terms(opened: Opened, rows: Array) -> Mapping[int, tuple[TermShare, ...]]:
    """Return the shares of the terms of each of the ascending `rows`, by field and then by term."""
    listed = {row: list[TermShare]() for row in rows.tolist()}
    if not listed or not opened.query.fields:
        return {}
    found = opened.evidence(rows)
    path_of = {field.number: field.path for field in opened.words.fields}
    for each, counts, lengths in zip(opened.query.fields, found.counts, found.lengths, strict=True):
        scorer, path = FieldScorer(each, opened.known), path_of[each.field]
        norms = norms_of(lengths, scorer.average)
        for term, of_term in zip(each.terms, counts, strict=True):
            idf, frequency = scorer.idf(term), opened.known.frequencies.get((each.field, term), 0)
            added = scores_of_counts(of_term, norms, scorer.factor(term))
            for at in np.flatnonzero(of_term).tolist():
                listed[int(rows[at])].append(
                    TermShare(path, term.decode(), int(of_term[at]), int(lengths[at]), frequency, idf, float(added[at]))
                )
    return {row: tuple(of_row) for row, of_row in listed.items()}
