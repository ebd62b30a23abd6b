"""A condition of a filter on the words of texts: what it looks for in postings, and its test of one document."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

import msgspec

from vectord.filters.tree import WordsOperator
from vectord.index.text.model import FieldTerm
from vectord.text.languages import Analyzer
from vectord.text.query import Occurrence, Query
from vectord.text.tokens import tokens

_MAX_KNOWN: Final = 100_000


class AnalysedWords(msgspec.Struct, frozen=True, eq=False):
    """A condition with its analysed text, which has one word or more.

    `known` has terms of tokens, to which those of tested documents are added.
    """

    operator: WordsOperator
    field: int
    analyzer: Analyzer
    query: Query
    known: dict[str, str | None] = msgspec.field(default_factory=dict)

    @property
    def is_phrase(self) -> bool:
        """True if the places of its words matter."""
        return self.operator == "$phrase" and len(self.query.occurrences) > 1

    @property
    def prefixes(self) -> list[FieldTerm]:
        """The beginnings of terms that its words stand for."""
        return [(self.field, prefix.encode()) for prefix in self.query.prefixes]

    def groups(self, terms_of: Mapping[FieldTerm, Sequence[bytes]]) -> Iterator[Sequence[FieldTerm]]:
        """Yield groups of terms: a row has the words, wherever they are, if it has a term of each group."""
        groups = [[(self.field, term.encode())] for term in self.query.terms]
        groups += [[(self.field, term) for term in terms_of[prefix]] for prefix in self.prefixes]
        if self.operator == "$match_any":
            yield list(chain.from_iterable(groups))
        else:
            yield from groups

    def holds(self, texts: Sequence[str]) -> bool:
        """Return True if the texts that a row has in the field satisfy the condition: a phrase within one of them."""
        found = [self._terms(text) for text in texts]
        if self.operator == "$phrase":
            return any(_has_phrase(terms, self.query.occurrences) for terms in found)
        everywhere = {term for terms in found for term in terms if term is not None}
        has = chain(
            (term in everywhere for term in self.query.terms),
            (any(term.startswith(prefix) for term in everywhere) for prefix in self.query.prefixes),
        )
        return any(has) if self.operator == "$match_any" else all(has)

    def _terms(self, text: str) -> list[str | None]:
        """Return the term of each token of a text, None for a stop word. A term is found once for many texts."""
        found = tokens(text, dotless=self.analyzer.dotless)
        try:
            return [self.known[token] for token in found]
        except KeyError:  # most texts have tokens of earlier ones alone
            self._learn(found)
        return [self.known[token] for token in found]

    def _learn(self, found: Sequence[str]) -> None:
        if len(self.known) > _MAX_KNOWN:
            self.known.clear()
        new = [token for token in dict.fromkeys(found) if token not in self.known]
        self.known.update(zip(new, self.analyzer.terms(new), strict=True))


def _has_phrase(terms: Sequence[str | None], phrase: Sequence[Occurrence]) -> bool:
    """Return True if a text has the words of a phrase at the same distances."""
    first, *others = phrase
    return any(
        all(_is_at(terms, start + wanted.position - first.position, wanted) for wanted in others)
        for start in _places(terms, first)
    )


def _places(terms: Sequence[str | None], wanted: Occurrence) -> Iterator[int]:
    """Yield where a text has a word. Most texts have it a few times, so the loop is over these, not over all terms."""
    if wanted.is_prefix:
        yield from (at for at, term in enumerate(terms) if _is_meant(term, wanted))
        return
    at = -1
    for _ in range(terms.count(wanted.term)):
        at = terms.index(wanted.term, at + 1)
        yield at


def _is_at(terms: Sequence[str | None], at: int, wanted: Occurrence) -> bool:
    return at < len(terms) and _is_meant(terms[at], wanted)


def _is_meant(term: str | None, wanted: Occurrence) -> bool:
    if term is None:
        return False
    return term.startswith(wanted.term) if wanted.is_prefix else term == wanted.term
