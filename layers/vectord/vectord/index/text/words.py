"""A condition of a filter on the words of texts: what it looks for in postings, and its test of one document."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

import msgspec

from vectord.filters.tree import WordsOperator
from vectord.index.text.model import FieldTerm
from vectord.text.languages import Analyzer
from vectord.text.query import Occurrence, Query, occurrences


class FieldPrefix(msgspec.Struct, frozen=True, order=True):
    """The number of a field, and the beginning of terms."""

    field: int
    text: str


class AnalysedWords(msgspec.Struct, frozen=True):
    """A condition with its analysed text, which has one word or more."""

    operator: WordsOperator
    field: int
    analyzer: Analyzer
    query: Query

    @property
    def is_phrase(self) -> bool:
        """True if the places of its words matter."""
        return self.operator == "$phrase" and len(self.query.occurrences) > 1

    @property
    def prefixes(self) -> list[FieldPrefix]:
        return [FieldPrefix(self.field, prefix) for prefix in self.query.prefixes]

    def groups(self, terms_of: Mapping[FieldPrefix, Sequence[bytes]]) -> Iterator[Sequence[FieldTerm]]:
        """Yield groups of terms: a row has the words, wherever they are, if it has a term of each group."""
        groups = [[(self.field, term.encode())] for term in self.query.terms]
        groups += [[(self.field, term) for term in terms_of[prefix]] for prefix in self.prefixes]
        if self.operator == "$match_any":
            yield list(chain.from_iterable(groups))
        else:
            yield from groups

    def holds(self, texts: Sequence[str]) -> bool:
        """Return True if the texts that a row has in the field satisfy the condition: a phrase within one of them."""
        found = [occurrences(text, self.analyzer) for text in texts]
        if self.operator == "$phrase":
            return any(_has_phrase(of_text, self.query.occurrences) for of_text in found)
        terms = {each.term for of_text in found for each in of_text}
        has = chain(
            (term in terms for term in self.query.terms),
            (any(term.startswith(prefix) for term in terms) for prefix in self.query.prefixes),
        )
        return any(has) if self.operator == "$match_any" else all(has)


def _has_phrase(text: Sequence[Occurrence], phrase: Sequence[Occurrence]) -> bool:
    """Return True if a text has the words of a phrase at the same distances."""
    term_at = {each.position: each.term for each in text}
    first = phrase[0].position
    return any(
        all(_is_meant(term_at.get(start + wanted.position - first), wanted) for wanted in phrase) for start in term_at
    )


def _is_meant(term: str | None, wanted: Occurrence) -> bool:
    if term is None:
        return False
    return term.startswith(wanted.term) if wanted.is_prefix else term == wanted.term
