"""Conditions of a filter on the words of texts: the rows that satisfy them, by postings, and by documents.

The sections of texts have postings of all rows but those that no commit has written yet. Documents decide about these
rows, and about rows with all words of a phrase, because postings do not say where a word is.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from vectord.deadline import DeadlineCheck
from vectord.errors import FilterInvalid
from vectord.filters.match import Leaf, TestWords
from vectord.filters.tree import Words
from vectord.index.columns.predicates import TernaryMask, settled_mask
from vectord.index.query.texts import active_fields, text_sources
from vectord.index.rows import Array
from vectord.index.state import Index
from vectord.index.text.model import FieldTerm, Segment, TextQuery
from vectord.index.text.packing import analyzer_of
from vectord.index.text.reading import finished, read, read_dictionaries
from vectord.index.text.words import AnalysedWords
from vectord.lhv1.text_fields import numbered, of_texts
from vectord.text.query import analyse_query

_MAX_TERMS: Final = 4_096  # that begin with one character; if there are as many, documents decide
_MAX_SHOWN: Final = 60  # characters of stop words that an error message repeats


class _Condition(msgspec.Struct, frozen=True, eq=False):
    """A condition with the terms that a row needs, one of each group; `complete` unless there are further ones."""

    words: AnalysedWords
    groups: Sequence[Sequence[FieldTerm]]
    complete: bool


class WordsReader(msgspec.Struct, frozen=True, eq=False):
    """The conditions of a filter on words, with the postings that they need.

    `written` has the first row of each section of texts and the row after its last one, as numbered in the index.
    """

    conditions: Mapping[Words, _Condition]
    segments: Sequence[Segment]
    written: Sequence[tuple[int, int]]

    def mask(self, wanted: Words, first: int, count: int) -> TernaryMask:
        """Return which of `count` rows of the index, from `first` on, satisfy a condition."""
        condition = self.conditions[wanted]
        found, undecided = np.zeros(count, np.bool_), np.ones(count, np.bool_)
        for segment in self.segments:
            rows = segment.matching(condition.groups) + (segment.first - first)
            found[rows[(rows >= 0) & (rows < count)]] = True
        if condition.complete:
            for start, stop in self.written:
                undecided[max(0, start - first) : max(0, stop - first)] = False
        if condition.words.is_phrase:
            return TernaryMask(np.zeros(count, np.bool_), found | undecided)
        return TernaryMask(found, found | undecided) if undecided.any() else settled_mask(found)

    def test(self, first: int, count: int, rows: Array) -> TestWords:
        """Return a function that tests documents of some of these rows, numbered from `first`; postings come first."""
        known: dict[Words, tuple[set[int], set[int]]] = {}

        def holds(wanted: Words, leaves: Sequence[Leaf], row: int) -> bool:
            if wanted not in known:
                mask = self.mask(wanted, first, count)
                certain, possible = mask.certain[rows], mask.possible[rows]
                known[wanted] = set(rows[certain].tolist()), set(rows[possible & ~certain].tolist())
            certain_rows, undecided = known[wanted]
            if row not in undecided:
                return row in certain_rows
            return self.conditions[wanted].words.holds([leaf for leaf in leaves if isinstance(leaf, str)])

        return holds


def words_reader(index: Index, wanted: Sequence[Words], check: DeadlineCheck) -> WordsReader:
    """Return a reader of the conditions on words of a filter; postings are read.

    Raises:
        FilterInvalid: a condition names a path that is not a searchable field, or its text has no words.
        BlobCorrupt: a section does not match its checksum. It also raises what `index.fetch` and `check` raise.
    """
    analysed = {each: _analysed(index, each) for each in wanted}
    check()
    sources = text_sources(index)
    prefixes = sorted({prefix for each in analysed.values() for prefix in each.prefixes})
    terms_of = finished(read_dictionaries(sources, {}, prefixes, limit=_MAX_TERMS), index.fetch) if prefixes else {}
    conditions = {
        each: _Condition(
            words, list(words.groups(terms_of)), all(len(terms_of[prefix]) < _MAX_TERMS for prefix in words.prefixes)
        )
        for each, words in analysed.items()
    }
    check()
    required = tuple(tuple(group) for condition in conditions.values() for group in condition.groups)
    segments = read(sources, TextQuery((), required), index.fetch) if sources else []
    return WordsReader(conditions, segments, [(each.first, each.first + each.text.rows) for each in sources])


def _analysed(index: Index, wanted: Words) -> AnalysedWords:
    path, active = wanted.path, active_fields(index)
    if path not in of_texts(active):
        raise FilterInvalid(wanted.where, _why_not(index, path))
    analyzer = analyzer_of(active[path])
    query = analyse_query(wanted.text, analyzer)
    if not query.occurrences:
        dropped = ", ".join(query.dropped)[:_MAX_SHOWN]
        raise FilterInvalid(
            wanted.where, f"has only stop words: {dropped}." if dropped else "has no words: neither letters nor digits."
        )
    of_sections = index.text_fields if len(index) else {}
    numbers = {each: number for number, (each, _) in enumerate(numbered(of_sections or active))}
    return AnalysedWords(wanted.operator, numbers[path], analyzer, query)


def _why_not(index: Index, path: str) -> str:
    declared = of_texts(index.params.text or {})
    if path in declared:
        return "needs a field of texts that a build has read, and there was no build since the field was declared."
    fields = f"has the fields {', '.join(sorted(declared))}" if declared else "declares no fields"
    return f"needs a field of texts, and the index {fields}. For any other path use $glob."
