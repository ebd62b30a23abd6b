"""Read what a search by words or by a sparse vector needs: its sections of texts, then the rows of its matches."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from vectord.index.query.query import ListName, Query, TextSearch, TextStatistics
from vectord.index.query.scan import packed_documents
from vectord.index.query.text import carried
from vectord.index.query.text.fields import searched_fields
from vectord.index.query.text.rounds import together
from vectord.index.query.text.words import Words, words_of
from vectord.index.query.texts import text_sources
from vectord.index.rows import Array, RowMask
from vectord.index.sections.base import SectionRanges
from vectord.index.state import Index
from vectord.index.text.bm25 import Evidence, evidence, score_evidence
from vectord.index.text.model import F64, Mask, Segment, TextQuery
from vectord.index.text.ranking import Ranked, rank
from vectord.index.text.reading import MAX_EXPANSIONS, Source, Steps, read_dictionaries, read_lists
from vectord.index.text.statistics import Statistics, statistics

if TYPE_CHECKING:
    from vectord.index.query.text.sparse import OpenedSparse, SparseTerms

_MAX_READ: Final = 16 * MAX_EXPANSIONS  # terms that begin with a prefix, most of them of removed rows alone


class Opened(msgspec.Struct, frozen=True, eq=False):
    """A search by words of which everything is in memory: its words, and the statistics that its scores have."""

    words: Words
    query: TextQuery
    segments: list[Segment]
    known: Statistics

    @property
    def statistics(self) -> TextStatistics:
        """The statistics that a further page needs."""
        return carried.carried(self.known, self.words.fields)

    def rank(self, k: int, allowed: Mask | None, *, least: float = 0.0, most: float = np.inf) -> Ranked:
        """Return the `k` best of the rows that are True in `allowed`, as `ranking.rank` does."""
        if not self.query.fields:  # no field has a word to search for
            return Ranked(np.empty(0, np.int64), np.empty(0))
        return rank(self.segments, self.query, k, allowed=allowed, known=self.known, least=least, most=most)

    def relevances(self, rows: Array) -> F64:
        """Return the relevance of rows, which ascend; 0 for a row that has no term of the search."""
        if not len(rows) or not self.query.fields:
            return np.zeros(len(rows))
        return score_evidence(self.evidence(rows), self.query, self.known)

    def evidence(self, rows: Array) -> Evidence:
        """Return the counts and lengths of ascending rows of the index, each of which a segment has."""
        parts = []
        for segment in self.segments:
            start, stop = np.searchsorted(rows, [segment.first, segment.first + segment.rows]).tolist()
            parts.append(evidence(segment, self.query, rows[start:stop] - segment.first))
        of_fields = range(len(self.query.fields))
        counts = [np.concatenate([part.counts[field] for part in parts], axis=1) for field in of_fields]
        return Evidence(counts, np.concatenate([part.lengths for part in parts], axis=1))


def analysed(index: Index, query: Query) -> "Mapping[ListName, Words | SparseTerms]":
    """Return the words and the sparse vector that a query searches for, without reading anything.

    Raises:
        TextInvalid: the index has no such texts, or there is nothing to search for.
        CursorInvalid: a field of the first page cannot be searched any more.
    """
    found: dict[ListName, Words | SparseTerms] = {}
    if query.text is not None:
        found["text"] = words(index, query.text, query.statistics)
    if query.sparse is not None:
        from vectord.index.query.text.sparse import sparse_terms  # noqa: PLC0415  few indexes have sparse vectors

        found["sparse"] = sparse_terms(index, query.sparse)
    return found


def words(index: Index, search: TextSearch, first: TextStatistics | None) -> Words:
    """Return the words that are searched for; `first` are the statistics of the first page. Raise as `analysed`."""
    return words_of(search, searched_fields(index, search, first))


def opened_all(
    index: Index, terms: "Mapping[ListName, Words | SparseTerms]", first: TextStatistics | None
) -> "Steps[Mapping[ListName, Opened | OpenedSparse]]":
    """Read what all lists of a search need in the same rounds, and raise what `opened` raises."""
    steps = [opened(index, each, first, documents=not at) for at, each in enumerate(terms.values())]
    found: list[Opened | OpenedSparse] = yield from together(steps)
    return dict(zip(terms, found, strict=True))


def opened(
    index: Index, words: "Words | SparseTerms", first: TextStatistics | None, *, documents: bool = True
) -> "Steps[Opened | OpenedSparse]":
    """Read what a search needs, and in the first round where the `documents` are; `first` are those of its first page.

    Raises:
        CursorInvalid: `first` are not those of any index.
    """
    if not isinstance(words, Words):
        from vectord.index.query.text import sparse  # noqa: PLC0415  few indexes have sparse vectors

        return (yield from sparse.opened(index, words, _directories(index) if documents else ()))
    texts = text_sources(index)
    others = _directories(index) if documents else ()
    if first is None:
        return (yield from _first_opened(texts, words, others))
    known = carried.restored(first, words.fields)
    yield from read_dictionaries(texts, words.terms, (), others)
    query = words.query(carried.expansions(known, words.prefixes))
    return Opened(words, query, (yield from read_lists(texts, query)), known)


def _first_opened(texts: Sequence[Source], words: Words, others: Sequence[SectionRanges]) -> "Steps[Opened]":
    """Read what a search needs, and `others` in the first round; compute its statistics.

    A prefix stands for terms of live rows. If some of those that were read are of removed rows alone, more are read.
    """
    limit = MAX_EXPANSIONS
    while True:
        found = yield from read_dictionaries(texts, words.terms, words.prefixes, others, limit)
        query = words.query(found)
        segments = yield from read_lists(texts, query)
        known = statistics(segments, query)
        live = carried.expansions(known, words.prefixes)
        full = (each for prefix, each in live.items() if len(found[prefix]) == limit)
        if limit >= _MAX_READ or all(len(each) == MAX_EXPANSIONS for each in full):
            break
        limit *= 4
    if live == found:
        return Opened(words, query, segments, known)
    query = words.query(live)
    return Opened(words, query, segments, statistics(segments, query))


def terms_of(words: Words, first: TextStatistics) -> TextQuery:
    """Return the terms that words stand for in a search whose first page has the statistics `first`.

    Raises:
        CursorInvalid: they are not those of any index.
    """
    return words.query(carried.expansions(carried.restored(first, words.fields), words.prefixes))


def allowed_rows(mask: RowMask | None) -> Mask | None:
    """Return a mask of all rows of the index, None for all live ones."""
    return None if mask is None else np.concatenate([mask.base, mask.tail])


def fetch_matches(index: Index, rows: Array, with_vectors: Array) -> None:
    """Fetch the vectors of the rows `with_vectors`, and in the same round the documents of `rows`.

    Where a directory is not cached, its documents are left out.
    """
    with_vectors = np.sort(with_vectors)
    in_base = with_vectors < index.base_rows
    wanted = index.tail.ranges_of(with_vectors[~in_base] - index.base_rows)
    if index.base:
        wanted.append((index.base.graph.section, index.base.graph.byte_ranges(with_vectors[in_base])))
    for first, documents in packed_documents(index):
        some = rows[(rows >= first) & (rows < first + documents.count)] - first
        if len(some) and not documents.section.missing([documents.head, documents.directory]):
            wanted.append((documents.section, documents.byte_ranges(np.sort(some).tolist())))
    index.fetch(*wanted)


def _directories(index: Index) -> list[SectionRanges]:
    """Return where the documents of all rows are, as far as they are packed and not in memory."""
    packed = [documents for _, documents in packed_documents(index) if not documents.section.whole]
    return [(documents.section, [documents.head, documents.directory]) for documents in packed]
