"""Hybrid search: by a vector and by words, joined by reciprocal rank fusion."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.kernels.distance import F32, F64, distances
from vectord.index.query import matches
from vectord.index.query import search as by_vector
from vectord.index.query.candidates import Candidates
from vectord.index.query.matches import Selected, Stored
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.query import Answer, Explanation, Match, Query, key_of_seen
from vectord.index.query.text import details, fusion, reading
from vectord.index.query.text.fusion import Ranking, Sorted
from vectord.index.query.text.highlighting import highlighted, with_metadata
from vectord.index.query.text.reading import Opened
from vectord.index.query.text.rounds import SharedRounds, with_fetch
from vectord.index.query.text.search import by_keys, searched_rows
from vectord.index.rows import Array, Mask, RowMask
from vectord.index.state import Index

if TYPE_CHECKING:
    from vectord.index.query.text.sparse import OpenedSparse

_FEW: Final = 100  # rows of which everything that a match needs is fetched before it is certain that they are matches
_NO_ROWS: Final = Selected(np.empty(0, np.int64), np.empty(0), 0, complete=True)


class _Lists(msgspec.Struct, frozen=True, eq=False):
    """The two lists of rows that a search joins, their scores, and what is known of their rows."""

    by_vector: Ranking[int]
    by_words: Ranking[int]
    scores: dict[int, float]
    distances: dict[int, float]
    relevances: dict[int, float]


def search(
    index: Index,
    query: Query,
    matching: RowMask | None = None,
    check: DeadlineCheck = no_deadline,
    *,
    read_ahead: bool = True,
) -> Answer:
    """Return the `k` rows of `matching` (None for all) with the best scores, ties by id. The query has one vector.

    Raises:
        TextInvalid: the index has no such texts, or there is nothing to search for.
        CursorInvalid: the statistics of the first page do not belong to this index.
        AnswerTooLarge: the answer is certainly larger than `query.max_bytes`.
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    mask, opened, nearest, plan = _searched(index, query, matching, check, read_ahead=read_ahead)
    lists = _lists(index, opened, query, nearest, reading.allowed_rows(mask))
    selected = _select(index, lists, query)
    _complete(index, opened, query, lists, selected.rows)
    page = structs.replace(with_metadata(by_keys(query)), seen=frozenset())
    [found] = matches.read(index, [selected], page, check, _matches_of(opened, query, lists, selected.rows))
    answer = Answer(
        found.listed[: query.k],
        index.count,
        plan.strategy,
        plan.fetch,
        nearest.examined,
        (mask or index.live).count,
        more=found.cut or len(found.listed) > query.k,
        partitions=nearest.partitions,
        entries=nearest.entries,
        statistics=opened.statistics,
    )
    if query.highlight and isinstance(opened, Opened):
        return highlighted(answer, opened.words, opened.query, query, check)
    return answer


def candidates(
    index: Index,
    query: Query,
    matching: RowMask | None = None,
    check: DeadlineCheck = no_deadline,
    *,
    read_ahead: bool = True,
) -> Answer:
    """Return the rows of both lists, of which an index in several shards makes its own; raise what `search` raises.

    A match has its distance, its relevance and, in its explanation, its ranks in this shard. It has no metadata and no
    vector. No row is left out because it is too far, or of too little relevance.
    """
    mask, opened, nearest, plan = _searched(index, query, matching, check, read_ahead=read_ahead)
    both = _both(opened, query, nearest, reading.allowed_rows(mask))
    rows = np.array(sorted({row for each in both for row in each.rows.tolist()}), np.int64)
    reading.fetch_matches(index, rows, rows[~np.isin(rows, nearest.rows)])
    id_of = dict(zip(rows.tolist(), index.ids_of(rows.tolist()), strict=True))
    vector_list, word_list = (each.ranking(id_of) for each in both)
    lists = _Lists(vector_list, word_list, {}, vector_list.value_of, word_list.value_of)
    listed = np.array(sorted({*vector_list.rows, *word_list.rows}), np.int64)
    _add_distances(index, query.vectors[0], lists.distances, listed)
    _add_relevances(opened, lists.relevances, listed)
    make = _matches_of(opened, structs.replace(query, explain=True), lists, listed if query.explain else listed[:0])
    return Answer(
        [make(row, 0.0, (id_of[row], None, None)) for row in listed.tolist()],
        index.count,
        plan.strategy,
        plan.fetch,
        nearest.examined,
        (mask or index.live).count,
        partitions=nearest.partitions,
        entries=nearest.entries,
    )


def _searched(
    index: Index, query: Query, matching: RowMask | None, check: DeadlineCheck, *, read_ahead: bool
) -> tuple[RowMask | None, "Opened | OpenedSparse", Selected, SearchPlan]:
    """Return the rows that may match, the texts, the rows that the list by vector starts with, and their plan."""
    assert query.text is not None
    words = reading.analysed(index, query.text, query)
    mask = searched_rows(index, query, matching)
    shared = SharedRounds(index.fetch, reading.opened(index, words, query.statistics))
    nearest, plan = _nearest(with_fetch(index, shared), mask or index.live, query, check, read_ahead=read_ahead)
    opened = shared.result()
    check()
    return mask, opened, nearest, plan


def _nearest(
    index: Index, mask: RowMask, query: Query, check: DeadlineCheck, *, read_ahead: bool
) -> tuple[Selected, SearchPlan]:
    """Return the rows that the list by vector starts with, unordered."""
    if not mask.count:
        return _NO_ROWS, EXACT
    wanted = structs.replace(query, k=query.fusion.candidates, after=None, seen=frozenset(), paged=True)
    [selected], plan = by_vector.nearest(index, mask, wanted, check, read_ahead=read_ahead, documents=False)
    return selected, plan


def _lists(
    index: Index, opened: "Opened | OpenedSparse", query: Query, nearest: Selected, allowed: Mask | None
) -> _Lists:
    """Return both lists and the scores of their rows, without rows that are too far or of too little relevance."""
    both, least = _both(opened, query, nearest, allowed), query.text.min_relevance if query.text else 0.0
    limited = query.max_distance is not None or least > 0  # so that other rows take the places of some
    possible = fusion.possible_rows(*both, len(index) if limited else by_keys(query).wanted)
    id_of = _ids_of_ties(index, query, both, possible, known=nearest.rows)
    vector_list, word_list = (each.ranking(id_of) for each in both)
    scores = fusion.scores_of(vector_list, word_list, query.fusion)
    lists = _Lists(vector_list, word_list, scores, vector_list.value_of, word_list.value_of)
    if query.max_distance is not None:
        _add_distances(index, query.vectors[0], lists.distances, np.array(sorted(scores), np.int64))
        _keep(scores, (row for row in scores if lists.distances[row] <= query.max_distance))
    if least > 0:
        _add_relevances(opened, lists.relevances, np.array(sorted(scores), np.int64))
        _keep(scores, (row for row in scores if lists.relevances[row] >= least))
    return lists


def _both(
    opened: "Opened | OpenedSparse", query: Query, nearest: Selected, allowed: Mask | None
) -> tuple[Sorted, Sorted]:
    """Return the rows that the two lists start with."""
    least = query.text.min_relevance if query.text else 0.0
    ranked = opened.rank(query.fusion.candidates, allowed, least=least)
    return (
        fusion.by_distance(nearest.rows, nearest.keys, query.fusion),
        fusion.by_relevance(ranked.rows, ranked.scores, query.fusion),
    )


def _ids_of_ties(
    index: Index, query: Query, both: Sequence[Sorted], possible: Mapping[int, float], *, known: Array
) -> Mapping[int, str]:
    """Return the ids that decide the ranks of `possible` rows; fetch what matches of these need in the same round.

    The distances of the rows `known` are known.
    """
    tied = sorted({row for each in both for row in each.tied(possible)})
    if tied and len(possible) <= _FEW:
        rows = np.array(sorted(possible.keys() | set(tied)), np.int64)
        found = np.array(sorted(possible), np.int64)
        vectors = found if query.include_vectors else found[~np.isin(found, known)]
        reading.fetch_matches(index, rows, vectors)
    return dict(zip(tied, index.ids_of(tied), strict=True))


def _keep(scores: dict[int, float], rows: Iterable[int]) -> None:
    kept = {row: scores[row] for row in rows}
    scores.clear()
    scores.update(kept)


def _select(index: Index, lists: _Lists, query: Query) -> Selected:
    """Return the rows that a page, and whether another one follows, depend on; none that were on earlier pages."""
    rows, keys = np.array(list(lists.scores), np.int64), -np.array(list(lists.scores.values()))
    page = by_keys(query)
    if query.seen:
        unseen = _unseen(index, rows, keys, page)
        rows, keys, page = rows[unseen], keys[unseen], structs.replace(page, seen=frozenset())
    return matches.select(index, Candidates(rows, keys, 0), page)


def _unseen(index: Index, rows: Array, keys: F64, page: Query) -> Array:
    """Return the positions of rows that a page may have: as many as it needs, and all that tie with the last of them.

    The ids of few rows are read at a time.
    """
    assert page.after is not None
    order = np.argsort(keys, kind="stable")
    order = order[keys[order] >= page.after[0]]
    kept = list[int]()
    for start in range(0, len(order), page.k + 1):
        some = order[start : start + page.k + 1]
        if len(kept) > page.k + 1 and keys[some[0]] > keys[kept[-1]]:
            break
        by_row = some[np.argsort(rows[some])]
        ids = index.ids_of(rows[by_row].tolist())
        unseen = {at for at, each in zip(by_row.tolist(), ids, strict=True) if key_of_seen(each) not in page.seen}
        kept += [at for at in some.tolist() if at in unseen]
    return np.array(kept, np.int64)


def _complete(index: Index, opened: "Opened | OpenedSparse", query: Query, lists: _Lists, rows: Array) -> None:
    """Add the distances and relevances of rows that only one of the lists has; fetch their vectors and documents."""
    ascending = np.sort(rows)
    unknown = np.array([row for row in ascending.tolist() if row not in lists.distances], np.int64)
    reading.fetch_matches(index, ascending, ascending if query.include_vectors else unknown)
    _add_distances(index, query.vectors[0], lists.distances, ascending)
    _add_relevances(opened, lists.relevances, ascending)


def _add_distances(index: Index, vector: F32, known: dict[int, float], rows: Array) -> None:
    """Add the distances of those of ascending rows that are not known."""
    unknown = [row for row in rows.tolist() if row not in known]
    if unknown:
        found = distances(index.vectors_of(unknown), None, vector, index.params.distance)
        known.update(zip(unknown, found.tolist(), strict=True))


def _add_relevances(opened: "Opened | OpenedSparse", known: dict[int, float], rows: Array) -> None:
    """Add the relevances of those of ascending rows that are not known."""
    unknown = [row for row in rows.tolist() if row not in known]
    found = opened.relevances(np.array(unknown, np.int64))
    known.update(zip(unknown, found.tolist(), strict=True))


def _matches_of(opened: "Opened | OpenedSparse", query: Query, lists: _Lists, rows: Array) -> matches.MakeMatch:
    """Return what makes a match of a row; only `rows` have the shares of their terms in an explanation."""
    shares = details.shares(opened, np.sort(rows)) if query.explain else {}
    vector_rank, text_rank = lists.by_vector.rank_of, lists.by_words.rank_of

    def make(row: int, key: float, stored: Stored) -> Match:
        vector_id, metadata, vector = stored
        explanation = (
            Explanation(vector_rank.get(row), text_rank.get(row), shares.get(row, ())) if query.explain else None
        )
        return Match(vector_id, lists.distances[row], metadata, vector, lists.relevances[row], -key, explanation)

    return make
