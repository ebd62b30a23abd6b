"""The words of a search as terms of each field that it searches."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from vectord.index.query.query import TextSearch
from vectord.index.query.text.fields import SearchedField
from vectord.index.query.text_errors import TextInvalid, TextWithoutWords
from vectord.index.query.text_limits import MAX_WORDS
from vectord.index.text.model import FieldTerm, FieldTerms, TextQuery
from vectord.index.text.reading import Expansions, Terms
from vectord.text.offsets import located
from vectord.text.query import Query as Analysed
from vectord.text.query import analyse_query
from vectord.text.tokens import Kind


class Word(msgspec.Struct, frozen=True):
    """What a word of a search stands for: `terms`, and all terms that begin with one of `prefixes`, of fields.

    It is `dropped` if it is a stop word in one of the fields.
    """

    terms: frozenset[FieldTerm]
    prefixes: frozenset[FieldTerm]
    dropped: bool = False

    def expanded(self, found: Expansions) -> frozenset[FieldTerm]:
        """Return its terms and those that begin with its prefixes."""
        more = ((prefix[0], term) for prefix in self.prefixes for term in found[prefix])
        return self.terms.union(more) if self.prefixes else self.terms


class Words(msgspec.Struct, frozen=True):
    """The words of a search, and the fields that it searches, which ascend by their numbers."""

    words: Sequence[Word]
    fields: Sequence[SearchedField]
    match_all: bool

    @property
    def terms(self) -> Terms:
        """The terms by field, without those that begin with prefixes."""
        return _by_field(term for word in self.words for term in word.terms)

    @property
    def prefixes(self) -> list[FieldTerm]:
        return sorted(set[FieldTerm]().union(*(word.prefixes for word in self.words)))

    def query(self, found: Expansions) -> TextQuery:
        """Return what to search for; `found` has the terms that begin with each of the prefixes.

        A field is there also if no term of this index begins with its prefixes: other shards may have some, and the
        lengths of all shards count in their relevances.
        """
        groups = [word.expanded(found) for word in self.words]
        terms = _by_field(set[FieldTerm]().union(*groups))
        for number, _ in self.prefixes:
            terms.setdefault(number, [])
        fields = tuple(
            FieldTerms(each.number, tuple(terms[each.number]), each.weight)
            for each in self.fields
            if each.number in terms
        )
        return TextQuery(fields, self._required(groups) if self.match_all else ())

    def _required(self, groups: Sequence[frozenset[FieldTerm]]) -> tuple[tuple[FieldTerm, ...], ...]:
        """Return the groups of the words that a match must have.

        A word that is a stop word in one of the fields is not required, unless all words are: a text in that field
        would never have it.
        """
        kept = [group for word, group in zip(self.words, groups, strict=True) if not word.dropped]
        return tuple(sorted({tuple(sorted(group)) for group in kept or groups}))


def words_of(search: TextSearch, fields: Sequence[SearchedField]) -> Words:
    """Analyse the text of a search for each field.

    Raises:
        TextWithoutWords: it has no words, or only stop words in every field.
        TextInvalid: it has too many words.
    """
    analysed = [analyse_query(search.queries.get(field.path, search.query), field.analyzer) for field in fields]
    words = list(dict.fromkeys(_words(search, fields, analysed)))
    if not words and not search.queries:
        raise TextWithoutWords(sorted(set[str]().union(*(found.dropped for found in analysed))))
    if len(words) > MAX_WORDS:
        raise TextInvalid(f"text.query has {len(words):,} different words, and may have {MAX_WORDS:,}.")
    return Words(words, fields, search.match == "all")


def _words(search: TextSearch, fields: Sequence[SearchedField], analysed: Sequence[Analysed]) -> Iterator[Word]:
    """Yield the words of a search in their order; a position is that of the same word in every field."""
    terms, prefixes = defaultdict[int, set[FieldTerm]](set), defaultdict[int, set[FieldTerm]](set)
    for field, found in zip(fields, analysed, strict=True):
        for each in found.occurrences:
            (prefixes if each.is_prefix else terms)[each.position].add((field.number, each.term.encode()))
        if search.prefix and (last := _last_word(search.query, field)):
            prefixes[last[0]].add((field.number, last[1].encode()))
    kept = [{each.position for each in found.occurrences} for found in analysed]
    for position in sorted(terms.keys() | prefixes.keys()):
        dropped = any(position not in of_field for of_field in kept)
        yield Word(frozenset(terms[position]), frozenset(prefixes[position]), dropped)


def _last_word(text: str, field: SearchedField) -> tuple[int, str] | None:
    """Return the position and the token of the last word; None if it is of a script without spaces, or there is none.

    What begins with characters of such a script is found by their pairs anyway.
    """
    found = located(text, dotless=field.analyzer.dotless)
    return (len(found) - 1, found[-1].token) if found and found[-1].kind == Kind.WORD else None


def _by_field(terms: Iterable[FieldTerm]) -> dict[int, list[bytes]]:
    """Return distinct terms by field, both ascending."""
    found = dict[int, list[bytes]]()
    for field, term in sorted(set(terms)):
        found.setdefault(field, []).append(term)
    return found
