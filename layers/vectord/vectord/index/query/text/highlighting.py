"""Where the words of a search stand in the texts of its matches."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.index.query.explanations import Highlight
from vectord.index.query.query import Answer, Match, Query
from vectord.index.query.text.words import Words
from vectord.index.query.text_limits import MAX_SPANS
from vectord.index.text.model import TextQuery
from vectord.index.text.packing import decoded, texts_at
from vectord.text.characters import is_unspaced
from vectord.text.highlights import WantedTerms, highlights
from vectord.text.languages import Analyzer

_BYTES: Final = 32  # about the least that a highlight has in an answer, and a span
_SPAN_BYTES: Final = 6


class _Field(msgspec.Struct, frozen=True):
    """A field with the terms that give a match its relevance."""

    path: str
    analyzer: Analyzer
    wanted: WantedTerms


def with_metadata(query: Query) -> Query:
    """Return the query, for matches with metadata if their words are to be highlighted."""
    return structs.replace(query, include_metadata=True) if query.highlight else query


def highlighted(answer: Answer, words: Words, terms: TextQuery, query: Query, check: DeadlineCheck) -> Answer:
    """Return an answer whose matches have highlights; `terms` are those that `words` stand for.

    The matches have their metadata, which `query` may not include. The answer ends where it becomes larger than
    `query.max_bytes`. `check` is called before each match.
    """
    fields, size, listed = _fields(words, terms), 0, list[Match]()
    for match in answer.matches:
        check()
        found = tuple(_of_match(match.metadata, fields))
        size += sum(_BYTES + _SPAN_BYTES * len(each.spans) for each in found)
        if listed and size > query.max_bytes:
            return structs.replace(answer, matches=listed, more=True)
        metadata = match.metadata if query.include_metadata else None
        listed.append(structs.replace(match, metadata=metadata, highlights=found))
    return structs.replace(answer, matches=listed)


def _fields(words: Words, terms: TextQuery) -> list[_Field]:
    """Return the fields in which words are found, with the terms of each."""
    path_of = {field.number: (field.path, field.analyzer) for field in words.fields}
    return [_Field(*path_of[each.field], _wanted(words, each.field, each.terms)) for each in terms.fields]


def _wanted(words: Words, field: int, terms: Sequence[bytes]) -> WantedTerms:
    """Return the terms of a field, and apart from them those of which a query has the first character alone."""
    of_query = set(words.terms.get(field, ()))
    beginnings = [prefix for number, prefix in words.prefixes if number == field]
    of_words = tuple(prefix for prefix in beginnings if not is_unspaced(prefix.decode()[0]))
    whole = {term.decode() for term in terms if term in of_query or term.startswith(of_words)}
    return WantedTerms(frozenset(whole), frozenset(term.decode() for term in terms) - whole)


def _of_match(metadata: msgspec.Raw | None, fields: Sequence[_Field]) -> Iterator[Highlight]:
    """Yield the highlights of a match by field, and then in the order of its texts; MAX_SPANS spans in all."""
    value: Any = decoded(metadata)
    left = MAX_SPANS
    for field in fields:
        for place, text in texts_at(value, field.path):
            if found := highlights(text, field.analyzer, field.wanted, left):
                left -= len(found)
                yield Highlight(field.path, place, tuple(found))
