"""The relevance of given rows, and what each term adds to it."""

from collections.abc import Mapping

import numpy as np

from vectord.index.query.query import TermShare
from vectord.index.query.text.reading import Opened
from vectord.index.text.bm25 import Evidence, FieldScorer, evidence, norms_of, score_evidence, scores_of_counts
from vectord.index.text.model import F64, Array


def relevances(opened: Opened, rows: Array) -> F64:
    """Return the relevance of rows, which ascend; 0 for a row that has no term of the search."""
    if not len(rows) or not opened.query.fields:
        return np.zeros(len(rows))
    return score_evidence(_evidence(opened, rows), opened.query, opened.known)


def shares(opened: Opened, rows: Array) -> Mapping[int, tuple[TermShare, ...]]:
    """Return the shares of the terms of each of the ascending `rows`, by field and then by term."""
    listed = {row: list[TermShare]() for row in rows.tolist()}
    if not listed or not opened.query.fields:
        return dict.fromkeys(listed, ())
    found = _evidence(opened, rows)
    path_of = {field.number: field.path for field in opened.words.fields}
    for each, counts, lengths in zip(opened.query.fields, found.counts, found.lengths, strict=True):
        scorer, path = FieldScorer(each, opened.known), path_of[each.field]
        norms = norms_of(lengths, scorer.average)
        for term, of_term in zip(each.terms, counts, strict=True):
            idf, frequency = scorer.idf(term), opened.known.frequencies.get((each.field, term), 0)
            added = each.weight * scores_of_counts(of_term, norms, idf)
            for at in np.flatnonzero(of_term).tolist():
                listed[int(rows[at])].append(
                    TermShare(path, term.decode(), int(of_term[at]), int(lengths[at]), frequency, idf, float(added[at]))
                )
    return {row: tuple(of_row) for row, of_row in listed.items()}


def _evidence(opened: Opened, rows: Array) -> Evidence:
    """Return the counts and lengths of ascending rows of the index, each of which a segment has."""
    parts = []
    for segment in opened.segments:
        start, stop = np.searchsorted(rows, [segment.first, segment.first + segment.rows]).tolist()
        parts.append(evidence(segment, opened.query, rows[start:stop] - segment.first))
    of_fields = range(len(opened.query.fields))
    counts = [np.concatenate([part.counts[field] for part in parts], axis=1) for field in of_fields]
    return Evidence(counts, np.concatenate([part.lengths for part in parts], axis=1))
