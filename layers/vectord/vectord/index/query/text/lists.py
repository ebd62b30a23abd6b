"""The lists of rows that a hybrid search joins: their ranks, the scores of rows, and what is known of these.

Rows that tie in a list are ordered by id. What a match needs of rows that may be matches is fetched in one round.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from msgspec import structs

from vectord.index.query.query import Answer, ListName, Query
from vectord.index.query.text import choice, estimates, fusion, reading
from vectord.index.query.text.fusion import Ranking, Sorted
from vectord.index.query.text.nearest import NO_ROWS, Nearest
from vectord.index.query.text.search import by_keys
from vectord.index.rows import Array, Mask
from vectord.index.state import Index

if TYPE_CHECKING:
    from vectord.index.query.text.reading import Opened
    from vectord.index.query.text.sparse import OpenedSparse

_FEW: Final = 100  # rows of which everything that a match needs is fetched before it is certain that they are matches


class Searched(msgspec.Struct, frozen=True, eq=False):
    """What a search has in memory before it makes its lists.

    `allowed` are the rows that may match, None for all live ones. `opened` has the texts of each list by relevance, and
    `nearest` the rows that the list by vector starts with, None without one.
    """

    allowed: Mask | None
    opened: "Mapping[ListName, Opened | OpenedSparse]"
    nearest: Nearest | None
    answer: Answer  # without matches

    @property
    def known(self) -> Array:
        """The rows whose distances are known."""
        return NO_ROWS if self.nearest is None else self.nearest.listed.known


class Lists(msgspec.Struct, frozen=True, eq=False):
    """The lists of rows that a search joins, the scores of their rows, and what is known of rows.

    `values` has for each list the distance, or the relevance, of the rows of which it is known.
    """

    rankings: Mapping[ListName, Ranking[int]]
    values: Mapping[ListName, dict[int, float]]
    scores: dict[int, float]


def joined(index: Index, searched: Searched, query: Query) -> Lists:
    """Return all lists and the scores of their rows, without rows that are too far or of too little relevance."""
    by_value = sorted_lists(searched, query)
    if searched.nearest is not None and searched.nearest.is_estimated:
        return _of_possible(index, searched.nearest, query, by_value)
    least = fusion.bounds(query)
    limited = query.max_distance is not None or bool(least)  # so that other rows take the places of some
    possible = fusion.possible_rows([*by_value.values()], len(index) if limited else by_keys(query).wanted)
    lists = ranked(by_value, _ids_of_ties(index, query, [*by_value.values()], possible, known=searched.known))
    scores = lists.scores
    scores.update(fusion.scores_of(lists.rankings, query.fusion))
    if query.max_distance is not None:
        add_values(index, searched, query, lists, "vector", np.array(sorted(scores), np.int64))
        _keep(scores, (row for row in scores if lists.values["vector"][row] <= query.max_distance))
    for name, bound in least.items():
        add_values(index, searched, query, lists, name, np.array(sorted(scores), np.int64))
        _keep(scores, [row for row in scores if lists.values[name][row] >= bound])
    return lists


def _of_possible(index: Index, nearest: Nearest, query: Query, by_value: Mapping[ListName, Sorted]) -> Lists:
    """Return all lists, and the scores of the rows that may be matches; fetch what matches of these need in one round.

    The distances of these rows are exact, and those of the others in the list by vector are estimates.
    """
    rows = choice.possible_rows(by_value, nearest, query.fusion, query.k)
    possible = dict.fromkeys(rows.tolist(), 0.0)
    tied = _tied([*by_value.values()], possible)
    with_ids = np.array(sorted({*possible, *tied}), np.int64)
    reading.fetch_matches(index, with_ids, _with_vectors(query, rows, nearest.listed.known))
    listed = nearest.with_exact(index, query, rows)
    by_vector = fusion.by_distance(listed.rows, listed.distances, query.fusion, nearest.spacing)
    lists = ranked({**by_value, "vector": by_vector}, dict(zip(tied, index.ids_of(tied), strict=True)))
    scores, exact = fusion.scores_of(lists.rankings, query.fusion), listed.those(listed.exact)
    known = dict(zip(exact.rows.tolist(), exact.distances.tolist(), strict=True))
    found = {row: scores[row] for row in possible if row in scores}
    return structs.replace(lists, values={**lists.values, "vector": known}, scores=found)


def sorted_lists(searched: Searched, query: Query) -> dict[ListName, Sorted]:
    """Return the rows that each list starts with."""
    found: dict[ListName, Sorted] = {}
    if searched.nearest is not None:
        listed = searched.nearest.listed
        found["vector"] = fusion.by_distance(listed.rows, listed.distances, query.fusion, searched.nearest.spacing)
    for name, opened in searched.opened.items():
        best = opened.rank(query.fusion.candidates, searched.allowed, least=query.terms[name].min_relevance)
        found[name] = fusion.by_relevance(best.rows, best.scores, query.fusion, name)
    return found


def ranked(by_value: Mapping[ListName, Sorted], id_of: Mapping[int, str]) -> Lists:
    """Return the lists, with ties in the order of the ids that are known, and without scores."""
    rankings = {name: each.ranking(id_of) for name, each in by_value.items()}
    return Lists(rankings, {name: each.value_of for name, each in rankings.items()}, {})


def _ids_of_ties(
    index: Index, query: Query, by_value: Sequence[Sorted], possible: Mapping[int, float], *, known: Array
) -> Mapping[int, str]:
    """Return the ids that decide the ranks of `possible` rows; fetch what matches of these need in the same round.

    The distances of the rows `known` are known.
    """
    tied = _tied(by_value, possible)
    if tied and len(possible) <= _FEW:
        rows = np.array(sorted(possible.keys() | set(tied)), np.int64)
        reading.fetch_matches(index, rows, _with_vectors(query, np.array(sorted(possible), np.int64), known))
    return dict(zip(tied, index.ids_of(tied), strict=True))


def _tied(by_value: Sequence[Sorted], possible: Mapping[int, float]) -> list[int]:
    """Return the rows, ascending, whose ids decide the ranks of `possible` rows."""
    return sorted({row for each in by_value for row in each.tied(possible)})


def _with_vectors(query: Query, rows: Array, known: Array) -> Array:
    """Return those of `rows` whose vectors a match needs; the distances of the rows `known` are known."""
    if query.include_vectors:
        return rows
    return rows[~np.isin(rows, known)] if query.vectors else NO_ROWS


def _keep(scores: dict[int, float], rows: Iterable[int]) -> None:
    kept = {row: scores[row] for row in rows}
    scores.clear()
    scores.update(kept)


def complete(index: Index, searched: Searched, query: Query, lists: Lists, rows: Array) -> None:
    """Add what matches need of rows that only some of the lists have; fetch their vectors and documents."""
    ascending = np.sort(rows)
    known = np.array(list(lists.values.get("vector", ())), np.int64)
    reading.fetch_matches(index, ascending, _with_vectors(query, ascending, known))
    for name in lists.values:
        add_values(index, searched, query, lists, name, ascending)


def add_values(  # noqa: PLR0917
    index: Index, searched: Searched, query: Query, lists: Lists, name: ListName, rows: Array
) -> None:
    """Add the distances or relevances, by the list `name`, of those of ascending rows that are not known."""
    known = lists.values[name]
    unknown = [row for row in rows.tolist() if row not in known]
    if not unknown:
        return
    if name == "vector":
        found = estimates.exact_distances(index, query, np.array(unknown, np.int64))
    else:
        found = searched.opened[name].relevances(np.array(unknown, np.int64))
    known.update(zip(unknown, found.tolist(), strict=True))
