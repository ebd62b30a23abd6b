"""Hybrid search: by several of a vector, words and a sparse vector, joined by reciprocal rank fusion."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.kernels.distance import F64, distances
from vectord.index.query import matches
from vectord.index.query import search as by_vector
from vectord.index.query.candidates import Candidates
from vectord.index.query.explanations import Explanation
from vectord.index.query.matches import Selected, Stored
from vectord.index.query.planner import EXACT, SearchPlan
from vectord.index.query.query import Answer, ListName, Match, Query, key_of_seen
from vectord.index.query.text import details, fusion, reading
from vectord.index.query.text.fusion import Ranking, Sorted
from vectord.index.query.text.highlighting import highlighted, with_metadata
from vectord.index.query.text.reading import Opened
from vectord.index.query.text.rounds import SharedRounds, with_fetch
from vectord.index.query.text.search import by_keys, searched_rows
from vectord.index.rows import Array, Mask, RowMask
from vectord.index.state import Index
from vectord.index.text.reading import finished

if TYPE_CHECKING:
    from vectord.index.query.text.sparse import OpenedSparse

_FEW: Final = 100  # rows of which everything that a match needs is fetched before it is certain that they are matches
_NO_ROWS: Final[Array] = np.empty(0, np.int64)


class _Searched(msgspec.Struct, frozen=True, eq=False):
    """What a search has in memory before it makes its lists.

    `allowed` are the rows that may match, None for all live ones. `opened` has the texts of each list by relevance, and
    `nearest` the rows that the list by vector starts with, None without one.
    """

    allowed: Mask | None
    opened: "Mapping[ListName, Opened | OpenedSparse]"
    nearest: Selected | None
    answer: Answer  # without matches

    @property
    def known(self) -> Array:
        """The rows of which the vectors were read."""
        return _NO_ROWS if self.nearest is None else self.nearest.rows


class _Lists(msgspec.Struct, frozen=True, eq=False):
    """The lists of rows that a search joins, the scores of their rows, and what is known of rows.

    `values` has for each list the distance, or the relevance, of the rows of which it is known.
    """

    rankings: Mapping[ListName, Ranking[int]]
    values: Mapping[ListName, dict[int, float]]
    scores: dict[int, float]


def search(
    index: Index,
    query: Query,
    matching: RowMask | None = None,
    check: DeadlineCheck = no_deadline,
    *,
    read_ahead: bool = True,
) -> Answer:
    """Return the `k` rows of `matching` (None for all) with the best scores, ties by id.

    The query has two or three lists; a vector is one, and not the id of a stored one.

    Raises:
        TextInvalid: the index has no such texts, or there is nothing to search for.
        CursorInvalid: the statistics of the first page do not belong to this index.
        AnswerTooLarge: the answer is certainly larger than `query.max_bytes`.
        BlobCorrupt: a section does not match its checksum, or contradicts itself. It also raises what fetching raises.
    """
    searched = _searched(index, query, matching, check, read_ahead=read_ahead)
    lists = _lists(index, searched, query)
    selected = _select(index, lists, query)
    _complete(index, searched, query, lists, selected.rows)
    page = structs.replace(with_metadata(by_keys(query)), seen=frozenset())
    make = _matches_of(searched, query, lists, selected.rows)
    [found] = matches.read(index, [selected], page, check, make)
    more = found.cut or len(found.listed) > query.k
    answer = structs.replace(searched.answer, matches=found.listed[: query.k], more=more)
    if query.highlight and isinstance(words := searched.opened.get("text"), Opened):
        return highlighted(answer, words.words, words.query, query, check)
    return answer


def candidates(
    index: Index,
    query: Query,
    matching: RowMask | None = None,
    check: DeadlineCheck = no_deadline,
    *,
    read_ahead: bool = True,
) -> Answer:
    """Return the rows of all lists, of which an index in several shards makes its own; raise what `search` raises.

    A match has its distance, its relevances and, in its explanation, its ranks in this shard. It has no metadata and no
    vector. No row is left out because it is too far, or of too little relevance in another list.
    """
    searched = _searched(index, query, matching, check, read_ahead=read_ahead)
    by_value = _sorted(searched, query)
    rows = np.array(sorted({row for each in by_value.values() for row in each.rows.tolist()}), np.int64)
    with_vectors = rows[~np.isin(rows, searched.known)] if query.vectors else _NO_ROWS
    reading.fetch_matches(index, rows, with_vectors)
    id_of = dict(zip(rows.tolist(), index.ids_of(rows.tolist()), strict=True))
    lists = _ranked(by_value, id_of)
    listed = np.array(sorted({row for each in lists.rankings.values() for row in each.rows}), np.int64)
    for name in lists.values:
        _add_values(index, searched, query, lists, name, listed)
    with_shares = listed if query.explain else listed[:0]
    make = _matches_of(searched, structs.replace(query, explain=True), lists, with_shares)
    found = [make(row, 0.0, (id_of[row], None, None)) for row in listed.tolist()]
    return structs.replace(searched.answer, matches=found, statistics=None)


def _searched(
    index: Index, query: Query, matching: RowMask | None, check: DeadlineCheck, *, read_ahead: bool
) -> _Searched:
    """Read the texts of a search, and find the rows that its list by vector starts with, if it has one."""
    terms = reading.analysed(index, query)
    mask = searched_rows(index, query, matching)
    steps = reading.opened_all(index, terms, query.statistics)
    nearest, plan, is_local = None, None, all(text.section.whole for text in index.texts)
    if query.vectors:
        shared = SharedRounds(index.fetch, steps)
        nearest, plan = _nearest(with_fetch(index, shared), mask or index.live, query, check, read_ahead=read_ahead)
        opened = shared.result()
    else:
        opened = finished(steps, index.fetch)
    check()
    answer = Answer(
        [],
        index.count,
        "text" if plan is None else plan.strategy,
        ("local" if is_local else "ranges") if plan is None else plan.fetch,
        nearest.examined if nearest else 0,
        (mask or index.live).count,
        partitions=nearest.partitions if nearest else 0,
        entries=nearest.entries if nearest else 0,
        statistics=opened["text"].statistics if "text" in opened else None,
    )
    return _Searched(reading.allowed_rows(mask), opened, nearest, answer)


def _nearest(
    index: Index, mask: RowMask, query: Query, check: DeadlineCheck, *, read_ahead: bool
) -> tuple[Selected, SearchPlan]:
    """Return the rows that the list by vector starts with, unordered."""
    if not mask.count:
        return Selected(_NO_ROWS, np.empty(0), 0, complete=True), EXACT
    wanted = structs.replace(query, k=query.fusion.candidates, after=None, seen=frozenset(), paged=True)
    [selected], plan = by_vector.nearest(index, mask, wanted, check, read_ahead=read_ahead, documents=False)
    return selected, plan


def _lists(index: Index, searched: _Searched, query: Query) -> _Lists:
    """Return all lists and the scores of their rows, without rows that are too far or of too little relevance."""
    by_value = _sorted(searched, query)
    least = fusion.bounds(query)
    limited = query.max_distance is not None or bool(least)  # so that other rows take the places of some
    possible = fusion.possible_rows([*by_value.values()], len(index) if limited else by_keys(query).wanted)
    lists = _ranked(by_value, _ids_of_ties(index, query, [*by_value.values()], possible, known=searched.known))
    scores = lists.scores
    scores.update(fusion.scores_of(lists.rankings, query.fusion))
    if query.max_distance is not None:
        _add_values(index, searched, query, lists, "vector", np.array(sorted(scores), np.int64))
        _keep(scores, (row for row in scores if lists.values["vector"][row] <= query.max_distance))
    for name, bound in least.items():
        _add_values(index, searched, query, lists, name, np.array(sorted(scores), np.int64))
        _keep(scores, [row for row in scores if lists.values[name][row] >= bound])
    return lists


def _sorted(searched: _Searched, query: Query) -> dict[ListName, Sorted]:
    """Return the rows that each list starts with."""
    found: dict[ListName, Sorted] = {}
    if searched.nearest is not None:
        found["vector"] = fusion.by_distance(searched.nearest.rows, searched.nearest.keys, query.fusion)
    for name, opened in searched.opened.items():
        ranked = opened.rank(query.fusion.candidates, searched.allowed, least=query.terms[name].min_relevance)
        found[name] = fusion.by_relevance(ranked.rows, ranked.scores, query.fusion, name)
    return found


def _ranked(by_value: Mapping[ListName, Sorted], id_of: Mapping[int, str]) -> _Lists:
    """Return the lists, with ties in the order of the ids that are known, and without scores."""
    rankings = {name: each.ranking(id_of) for name, each in by_value.items()}
    return _Lists(rankings, {name: each.value_of for name, each in rankings.items()}, {})


def _ids_of_ties(
    index: Index, query: Query, by_value: Sequence[Sorted], possible: Mapping[int, float], *, known: Array
) -> Mapping[int, str]:
    """Return the ids that decide the ranks of `possible` rows; fetch what matches of these need in the same round.

    The distances of the rows `known` are known.
    """
    tied = sorted({row for each in by_value for row in each.tied(possible)})
    if tied and len(possible) <= _FEW:
        rows = np.array(sorted(possible.keys() | set(tied)), np.int64)
        reading.fetch_matches(index, rows, _with_vectors(query, np.array(sorted(possible), np.int64), known))
    return dict(zip(tied, index.ids_of(tied), strict=True))


def _with_vectors(query: Query, rows: Array, known: Array) -> Array:
    """Return those of `rows` whose vectors a match needs; the distances of the rows `known` are known."""
    if query.include_vectors:
        return rows
    return rows[~np.isin(rows, known)] if query.vectors else _NO_ROWS


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


def _complete(index: Index, searched: _Searched, query: Query, lists: _Lists, rows: Array) -> None:
    """Add what matches need of rows that only some of the lists have; fetch their vectors and documents."""
    ascending = np.sort(rows)
    known = np.array(list(lists.values.get("vector", ())), np.int64)
    reading.fetch_matches(index, ascending, _with_vectors(query, ascending, known))
    for name in lists.values:
        _add_values(index, searched, query, lists, name, ascending)


def _add_values(  # noqa: PLR0917
    index: Index, searched: _Searched, query: Query, lists: _Lists, name: ListName, rows: Array
) -> None:
    """Add the distances or relevances, by the list `name`, of those of ascending rows that are not known."""
    known = lists.values[name]
    unknown = [row for row in rows.tolist() if row not in known]
    if not unknown:
        return
    if name == "vector":
        found = distances(index.vectors_of(unknown), None, query.vectors[0], index.params.distance)
    else:
        found = searched.opened[name].relevances(np.array(unknown, np.int64))
    known.update(zip(unknown, found.tolist(), strict=True))


def _matches_of(searched: _Searched, query: Query, lists: _Lists, rows: Array) -> matches.MakeMatch:
    """Return what makes a match of a row; only `rows` have the shares of terms and indices in an explanation."""
    shares = details.explanations(searched.opened.values(), np.sort(rows)) if query.explain else {}
    ranks = {name: each.rank_of for name, each in lists.rankings.items()}
    relevances: list[Mapping[int, float]] = [lists.values[name] for name in searched.opened]
    nothing = Explanation()

    def make(row: int, key: float, stored: Stored) -> Match:
        why = fusion.explained(shares.get(row, nothing), ranks, row) if query.explain else None
        by_terms = [of_list[row] for of_list in relevances]
        distance = lists.values["vector"][row] if "vector" in lists.values else None
        found = Match(stored[0], distance, stored[1], stored[2], by_terms[0], -key, why)
        return found if len(by_terms) == 1 else structs.replace(found, sparse_relevance=by_terms[1])

    return make
