"""Hybrid search: by several of a vector, words and a sparse vector, joined by reciprocal rank fusion."""

from collections.abc import Mapping

import numpy as np
from msgspec import structs

from vectord.deadline import DeadlineCheck, no_deadline
from vectord.index.kernels.distance import F64
from vectord.index.query import matches
from vectord.index.query.candidates import Candidates
from vectord.index.query.explanations import Explanation
from vectord.index.query.matches import Selected, Stored
from vectord.index.query.query import Answer, Match, Query, key_of_seen
from vectord.index.query.text import details, fusion, reading
from vectord.index.query.text import lists as of_lists
from vectord.index.query.text import nearest as by_vector
from vectord.index.query.text.highlighting import highlighted, with_metadata
from vectord.index.query.text.lists import Lists, Searched
from vectord.index.query.text.nearest import NO_ROWS, FindNearest
from vectord.index.query.text.reading import Opened
from vectord.index.query.text.rounds import SharedRounds, with_fetch
from vectord.index.query.text.search import by_keys, searched_rows
from vectord.index.rows import Array, RowMask
from vectord.index.state import Index
from vectord.index.text.reading import finished


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
    find = by_vector.estimated if by_vector.may_be_estimated(query) else by_vector.nearest
    searched = _searched(index, query, matching, check, find, read_ahead=read_ahead)
    lists = of_lists.joined(index, searched, query)
    selected = _select(index, lists, query)
    of_lists.complete(index, searched, query, lists, selected.rows)
    page = structs.replace(with_metadata(by_keys(query)), seen=frozenset())
    make = _matches_of(searched, query, lists, selected.rows)
    [found] = matches.read(index, [selected], page, check, make)
    # Of an estimated list, only rows that may be matches of this page are known.
    more = found.cut or len(found.listed) > query.k or not searched.answer.complete
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
    searched = _searched(index, query, matching, check, by_vector.nearest, read_ahead=read_ahead)
    by_value = of_lists.sorted_lists(searched, query)
    rows = np.array(sorted({row for each in by_value.values() for row in each.rows.tolist()}), np.int64)
    with_vectors = rows[~np.isin(rows, searched.known)] if query.vectors else NO_ROWS
    reading.fetch_matches(index, rows, with_vectors)
    id_of = dict(zip(rows.tolist(), index.ids_of(rows.tolist()), strict=True))
    lists = of_lists.ranked(by_value, id_of)
    listed = np.array(sorted({row for each in lists.rankings.values() for row in each.rows}), np.int64)
    for name in lists.values:
        of_lists.add_values(index, searched, query, lists, name, listed)
    with_shares = listed if query.explain else listed[:0]
    make = _matches_of(searched, structs.replace(query, explain=True), lists, with_shares)
    found = [make(row, 0.0, (id_of[row], None, None)) for row in listed.tolist()]
    return structs.replace(searched.answer, matches=found, statistics=None)


def _searched(
    index: Index,
    query: Query,
    matching: RowMask | None,
    check: DeadlineCheck,
    find: FindNearest,
    *,
    read_ahead: bool,
) -> Searched:
    """Read the texts of a search, and `find` the rows that its list by vector starts with, if it has one."""
    terms = reading.analysed(index, query)
    mask = searched_rows(index, query, matching)
    steps = reading.opened_all(index, terms, query.statistics)
    nearest, is_local = None, all(text.section.whole for text in index.texts)
    if query.vectors:
        shared = SharedRounds(index.fetch, steps)
        nearest = find(with_fetch(index, shared), mask or index.live, query, check, read_ahead=read_ahead)
        opened = shared.result()
    else:
        opened = finished(steps, index.fetch)
    check()
    answer = Answer(
        [],
        index.count,
        nearest.plan.strategy if nearest else "text",
        nearest.plan.fetch if nearest else "local" if is_local else "ranges",
        nearest.examined if nearest else 0,
        (mask or index.live).count,
        complete=nearest is None or not nearest.is_estimated,
        partitions=nearest.partitions if nearest else 0,
        entries=nearest.entries if nearest else 0,
        statistics=opened["text"].statistics if "text" in opened else None,
    )
    return Searched(reading.allowed_rows(mask), opened, nearest, answer)


def _select(index: Index, lists: Lists, query: Query) -> Selected:
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


def _matches_of(searched: Searched, query: Query, lists: Lists, rows: Array) -> matches.MakeMatch:
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
