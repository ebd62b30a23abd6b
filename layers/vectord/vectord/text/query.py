"""The analysis `words-1` of a query, and the places of words in a text for phrases and highlights.

A query has the terms of a text with the same words, but not the last tokens of runs of unspaced scripts (`tokens.py`).
If such a run has one character, every term that begins with it is meant.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from vectord.text.languages import Analyzer
from vectord.text.offsets import Located, located
from vectord.text.tokens import Kind

_OF_QUERIES: Final = (Kind.WORD, Kind.PAIR, Kind.ONLY)


class Occurrence(msgspec.Struct, frozen=True):
    """A term in a text: the position of its token among all tokens, and its place as in `Located`."""

    term: str
    position: int
    start: int
    end: int
    is_prefix: bool = False  # of a query: every term that begins with `term` is meant


class Query(msgspec.Struct, frozen=True):
    """An analysed query: its `occurrences` in their order, and what it asks for, distinct and sorted.

    A text has a word of the query if it has one of `terms`, or a term that begins with one of `prefixes`. `dropped` are
    its stop words, as tokens. A query without words has none of the three; one of stop words alone has only `dropped`.
    """

    occurrences: tuple[Occurrence, ...]
    terms: tuple[str, ...]
    prefixes: tuple[str, ...]
    dropped: tuple[str, ...]


def analyse_query(text: str, analyzer: Analyzer) -> Query:
    """Analyse the text of a query. Positions in it count the tokens that are left out, as those in a text do."""
    found = located(text, dotless=analyzer.dotless)
    occurrences, dropped = _divided(found, analyzer, _OF_QUERIES)
    return Query(
        occurrences,
        tuple(sorted({each.term for each in occurrences if not each.is_prefix})),
        tuple(sorted({each.term for each in occurrences if each.is_prefix})),
        dropped,
    )


def occurrences(text: str, analyzer: Analyzer) -> tuple[Occurrence, ...]:
    """Return the terms of a stored text in their order, with positions and places."""
    return _divided(located(text, dotless=analyzer.dotless), analyzer, tuple(Kind))[0]


def _divided(
    found: Sequence[Located], analyzer: Analyzer, kinds: Sequence[Kind]
) -> tuple[tuple[Occurrence, ...], tuple[str, ...]]:
    """Return the occurrences of tokens of some kinds, and the stop words among all tokens."""
    distinct = list(dict.fromkeys(each.token for each in found))
    term_of = dict(zip(distinct, analyzer.terms(distinct), strict=True))
    is_query = Kind.LAST not in kinds
    kept = tuple(
        Occurrence(term, position, each.start, each.end, is_prefix=is_query and each.kind == Kind.ONLY)
        for position, each in enumerate(found)
        if each.kind in kinds and (term := term_of[each.token]) is not None
    )
    return kept, tuple(sorted(token for token, term in term_of.items() if term is None))
