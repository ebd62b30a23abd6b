"""Rows of a hybrid search that may be matches are chosen by the scores that they may have, and few others."""

from collections.abc import Sequence

import numpy as np
from msgspec import structs

from vectord.index.query.query import Fusion
from vectord.index.query.text import choice, fusion
from vectord.index.query.text.estimates import Listed, Unread, exactly
from vectord.index.query.text.nearest import Nearest

FUSION = Fusion()
WANTED = 3
FIRST_ROWS = np.array([0, 500, 1_000])
NOTHING_UNREAD = Unread(np.zeros(2, np.bool_), FIRST_ROWS, 1.0)


def possible(near: Listed, words: Sequence[int], unread: Unread = NOTHING_UNREAD) -> list[int]:
    """Return the rows that may be among the best of rows `near` a vector, and of `words`, the most relevant first."""
    lists = {
        "vector": fusion.by_distance(near.rows, near.distances, FUSION),
        "text": fusion.by_relevance(np.array(words), np.arange(len(words), 0, -1.0), FUSION, "text"),
    }
    return choice.possible_rows(lists, Nearest(near, unread=unread), FUSION, WANTED).tolist()


def a_hundred(uncertain: Sequence[int] = (), by: float = 0.0) -> Listed:
    """Return rows 0 to 99 at the distances 0 to 99, of which `uncertain` ones may be nearer `by` that much."""
    rows, found = np.arange(100), np.arange(100.0)
    exact = ~np.isin(rows, uncertain)
    return Listed(rows, found, np.where(exact, found, found - by), exact)


def test_of_certain_rows_only_the_best_are_chosen() -> None:
    assert possible(a_hundred(), [0, 300, 301, 1]) == [0, 1, 300]


def test_a_row_is_chosen_if_the_least_distance_that_it_may_have_makes_it_one_of_the_best() -> None:
    assert 80 in possible(a_hundred([80], by=79), [0, 300, 301, 80])
    assert 80 not in possible(a_hundred([80], by=2), [0, 1, 2, 3, *range(300, 390), 80])


def test_a_row_that_no_other_list_has_is_as_near_as_its_estimate() -> None:
    assert 80 not in possible(a_hundred([80], by=79), [0, 300, 301])


def test_a_row_of_a_partition_that_was_not_read_may_be_in_the_list() -> None:
    unread = Unread(np.array([False, True]), FIRST_ROWS, 1.0)
    words = [0, 1, 300, 700, 400]
    assert 700 in possible(a_hundred(), words, unread)
    assert 400 not in possible(a_hundred(), words, unread)


def test_a_row_of_the_tail_is_in_no_partition() -> None:
    unread = Unread(np.array([True, True]), FIRST_ROWS, 1.0)
    assert unread.has(np.array([499, 500, 999, 1_000, 5_000])).tolist() == [True, True, True, False, False]


def test_of_too_many_rows_the_likeliest_are_chosen() -> None:
    uncertain = range(10, 90)
    chosen = possible(a_hundred(uncertain, by=50), [*uncertain])
    assert len(chosen) == WANTED + choice._MORE
    assert {10, 11, 12} <= set(chosen)


def test_a_row_counts_with_the_middle_of_the_scores_that_it_may_have() -> None:
    many = range(10, 70)
    near = a_hundred([*many, 90], by=0.5)
    assert 90 not in possible(near, [*many, 90])
    assert 90 in possible(structs.replace(near, least=np.where(near.rows == 90, -1.0, near.least)), [*many, 90])


def test_a_missing_row_of_a_list_shifts_the_ranks_behind_the_first_ones() -> None:
    rows = np.arange(100)
    whole = fusion.by_distance(rows, rows.astype(float), FUSION)
    part = fusion.by_distance(rows[:82], rows[:82].astype(float), FUSION, Unread(np.zeros(1), rows[:2], 0.82).spacing)
    assert [part.shares(part.first)[row] for row in (4, 9)] == [whole.shares(whole.first)[row] for row in (4, 9)]
    assert part.shares(part.first)[81] == 1 / 160
    assert part.ranking({}).counted_rank_of == {
        row: fusion.counted_ranks(np.array(row + 1), part.spacing) for row in rows[:82]
    }


def test_exact_lists_have_the_ranks_that_are_counted() -> None:
    ranking = fusion.by_distance(np.array([5, 3]), np.array([2.0, 1.0]), FUSION).ranking({})
    assert ranking.counted_rank_of == ranking.rank_of == {3: 1, 5: 2}
    assert exactly(np.array([5, 3]), np.array([2.0, 1.0])).known.tolist() == [5, 3]
