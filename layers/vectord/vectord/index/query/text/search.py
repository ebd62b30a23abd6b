"""Search by words or by a sparse vector alone: the rows of the best relevance, ties by id."""

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.query import matches
from vectord.index.query.candidates import Candidates
from vectord.index.query.matches import Selected, Stored
from vectord.index.query.query import Answer, Match, Query, TextStatistics
from vectord.index.query.text import details, reading
from vectord.index.query.text.highlighting import highlighted, with_metadata
from vectord.index.query.text.reading import Opened
from vectord.index.rows import RowMask
from vectord.index.state import Index
from vectord.index.text.reading import finished

if TYPE_CHECKING:
    from vectord.index.query.text.sparse import OpenedSparse

BEFORE_THE_BEST: Final = (-np.inf, "")  # a key and an id before those of every match


def search(index: Index, query: Query, matching: RowMask | None = None, check: DeadlineCheck = no_deadline) -> Answer:
    """Return the `k` rows with the best relevance of those in `matching`, None for all.

    Raises:
        TextInvalid: the index has no such texts, or there is nothing to search for.
        CursorInvalid: the statistics of the first page do not belong to this index.
        AnswerTooLarge: the answer is certainly larger than `query.max_bytes`.
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    [words] = reading.analysed(index, query).values()
    [least] = [each.min_relevance for each in query.terms.values()]
    mask = searched_rows(index, query, matching)
    is_local = all(text.section.whole for text in index.texts)
    opened = finished(reading.opened(index, words, query.statistics), index.fetch)
    check()
    selected = _select(index, opened, query, least, mask)
    if query.include_vectors:
        reading.fetch_matches(index, selected.rows, selected.rows)
    page = with_metadata(by_keys(query))
    [found] = matches.read(index, [selected], page, check, _matches_of(opened, query, selected))
    answer = Answer(
        found.listed[: query.k],
        index.count,
        "text",
        "local" if is_local else "ranges",
        eligible=index.count if mask is None else mask.count,
        more=found.cut or len(found.listed) > query.k,
        statistics=opened.statistics,
    )
    if query.highlight and isinstance(opened, Opened):
        return highlighted(answer, opened.words, opened.query, query, check)
    return answer


def own_statistics(index: Index, query: Query) -> TextStatistics:
    """Return the statistics of the words of a query, as one of several shards has them; raise what `search` raises."""
    assert query.text is not None
    found = finished(reading.opened(index, reading.words(index, query.text, query.statistics), None), index.fetch)
    if found.statistics is None:
        raise AssertionError("a search by a sparse vector has no statistics")
    return found.statistics


def searched_rows(index: Index, query: Query, matching: RowMask | None) -> RowMask | None:
    """Return the rows that may match, None for all live ones."""
    if not query.exclude:
        return matching
    return (matching or index.live).without(index.find(query.exclude).values())


def by_keys(query: Query) -> Query:
    """Return a query for matches in the order of keys that ascend, which are relevances or scores with a minus sign."""
    after = BEFORE_THE_BEST if query.after is None else (-query.after[0], query.after[1])
    return structs.replace(query, after=after, max_distance=None)


def _select(
    index: Index, opened: "Opened | OpenedSparse", query: Query, least: float, mask: RowMask | None
) -> Selected:
    """Return the rows that a page, and whether another one follows, depend on."""
    page, most = by_keys(query), np.inf if query.after is None else query.after[0]
    allowed = reading.allowed_rows(mask)
    passed = 0 if query.after is None else 1  # rows of the relevance where the page before ended
    ranked = opened.rank(page.wanted + passed, allowed, least=least, most=most)
    equal = int(np.count_nonzero(ranked.scores == most))
    if equal > passed:
        ranked = opened.rank(page.wanted + equal, allowed, least=least, most=most)
    return matches.select(index, Candidates(ranked.rows, -ranked.scores, 0), page)


def _matches_of(opened: "Opened | OpenedSparse", query: Query, selected: Selected) -> matches.MakeMatch:
    """Return what makes a match of a selected row."""
    why = details.explanations([opened], np.sort(selected.rows)) if query.explain else {}

    def make(row: int, key: float, stored: Stored) -> Match:
        vector_id, metadata, vector = stored
        return Match(vector_id, None, metadata, vector, -key, None, why.get(row))

    return make
