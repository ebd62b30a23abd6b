"""The statistics that scores depend on: live rows, their tokens, and how many of them have each term.

They are those of the whole index: of all sections and all shards, without removed rows, and before any filter. So a
build, which merges sections and leaves removed rows out, changes no score.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from vectord.index.text.model import FieldTerm, Segment, TextQuery


class Statistics(msgspec.Struct, frozen=True):
    """The number of live rows, the tokens of each field, and the number of live rows that have each term."""

    rows: int
    tokens: Mapping[int, int]
    frequencies: Mapping[FieldTerm, int]

    def average(self, field: int) -> float:
        """Return the mean length of the live rows; 1 if all are empty, which then changes no score."""
        tokens = self.tokens.get(field, 0)
        return tokens / self.rows if tokens else 1.0


def statistics(segments: Sequence[Segment], query: TextQuery) -> Statistics:
    """Return the statistics of the terms that give a row its score."""
    rows = sum(segment.rows - (len(segment.removed.rows) if segment.removed else 0) for segment in segments)
    tokens, frequencies = Counter[int](), Counter[FieldTerm]()
    for segment in segments:
        for each in query.fields:
            tokens[each.field] += _live_tokens(segment, each.field)
            for term, found in segment.of_field(each):
                dead = segment.removed.mask[found.rows].sum() if segment.removed else 0
                frequencies[each.field, term] += len(found.rows) - int(dead)
    return Statistics(rows, dict(tokens), dict(frequencies))


def joined(several: Iterable[Statistics]) -> Statistics:
    """Return the statistics of all shards from those of each."""
    rows, tokens, frequencies = 0, Counter[int](), Counter[FieldTerm]()
    for each in several:
        rows += each.rows
        tokens.update(each.tokens)
        frequencies.update(each.frequencies)
    return Statistics(rows, dict(tokens), dict(frequencies))


def _live_tokens(segment: Segment, field: int) -> int:
    if segment.removed is None:
        return segment.tokens[field]
    return segment.tokens[field] - int(segment.lengths[field][segment.removed.rows].sum(dtype="u8"))
