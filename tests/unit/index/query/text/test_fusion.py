"""What decides about ties in the two lists of a hybrid search is read, and no more."""

from itertools import permutations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from vectord.index.query.query import Fusion
from vectord.index.query.text import fusion
from vectord.index.query.text.fusion import Sorted

values = st.dictionaries(st.integers(0, 5), st.sampled_from([1.0, 2.0, 3.0]), max_size=5)
fusions = st.builds(Fusion, st.just(0.0), st.integers(1, 4), st.sampled_from([1.0, 2.0]), st.just(1.0))


def lists(by_vector: dict[int, float], by_words: dict[int, float], how: Fusion) -> tuple[Sorted, Sorted]:
    return (
        fusion.by_distance(np.array(list(by_vector), np.int64), np.array(list(by_vector.values())), how),
        fusion.by_relevance(np.array(list(by_words), np.int64), np.array(list(by_words.values())), how, "text"),
    )


def scores_of(both: tuple[Sorted, Sorted], id_of: dict[int, str], how: Fusion) -> dict[int, float]:
    return fusion.scores_of({"vector": both[0].ranking(id_of), "text": both[1].ranking(id_of)}, how)


@given(values, values, fusions, st.integers(1, 6))
@example({0: 1.0, 1: 1.0, 2: 1.0}, {3: 2.0, 4: 1.0}, Fusion(0.0, 2, 2.0, 1.0), 4)  # one of those that tie is in no list
def test_ids_of_other_rows_change_nothing(
    by_vector: dict[int, float], by_words: dict[int, float], how: Fusion, wanted: int
) -> None:
    both = lists(by_vector, by_words, how)
    possible = fusion.possible_rows(both, wanted)
    tied = {row for each in both for row in each.tied(possible)}
    for ids in list(permutations("abcdef"))[::31]:
        id_of = dict(enumerate(ids))
        expected = scores_of(both, id_of, how)
        best = sorted(expected, key=lambda row: (-expected[row], id_of[row]))[:wanted]
        assert all(expected[row] <= possible[row] for row in best)
        found = scores_of(both, {row: id_of[row] for row in tied}, how)
        assert sorted(found, key=lambda row: (-found[row], id_of[row]))[: len(best)] == best
        assert [found[row] for row in best] == [expected[row] for row in best]


@given(values, values, values, st.integers(1, 8))
def test_three_lists_are_joined_as_two_are(
    by_vector: dict[int, float], by_words: dict[int, float], by_sparse: dict[int, float], wanted: int
) -> None:
    how = Fusion(0.0, 3, 2.0, 1.0, 0.5)
    sparse_rows = np.array(list(by_sparse), np.int64)
    sparse_list = fusion.by_relevance(sparse_rows, np.array(list(by_sparse.values())), how, "sparse")
    three = [*lists(by_vector, by_words, how), sparse_list]
    possible = fusion.possible_rows(three, wanted)
    tied = {row for each in three for row in each.tied(possible)}
    for ids in list(permutations("abcdef"))[::67]:
        id_of = dict(enumerate(ids))
        expected = plain_scores([by_vector, by_words, by_sparse], id_of, how)
        best = sorted(expected, key=lambda row: (-expected[row], id_of[row]))[:wanted]
        known = {row: id_of[row] for row in tied}
        names = ("vector", "text", "sparse")
        rankings = {name: each.ranking(known) for name, each in zip(names, three, strict=True)}
        found = fusion.scores_of(rankings, how)  # type: ignore[arg-type]
        assert sorted(found, key=lambda row: (-found[row], id_of[row]))[: len(best)] == best
        assert [found[row] for row in best] == [expected[row] for row in best]


def plain_scores(given: list[dict[int, float]], id_of: dict[int, str], how: Fusion) -> dict[int, float]:
    """Return the scores by the formula; distances ascend, relevances descend."""
    scores = dict[int, float]()
    weights, signs = (how.vector_weight, how.text_weight, how.sparse_weight), (1, -1, -1)
    for of_list, weight, sign in zip(given, weights, signs, strict=True):
        ordered = sorted(of_list, key=lambda row: (sign * of_list[row], id_of[row]))
        for rank, row in enumerate(ordered[: how.candidates], 1):
            scores[row] = scores.get(row, 0.0) + weight / (how.rank_constant + rank)
    return scores


def test_without_ties_no_id_is_needed() -> None:
    both = lists({1: 0.5, 2: 0.6}, {3: 2.0, 1: 1.0}, Fusion())
    possible = fusion.possible_rows(both, 1)
    assert possible == {1: 1 / 61 + 1 / 62}
    assert [each.tied(possible) for each in both] == [[], []]


def test_a_tie_of_rows_that_are_no_matches_needs_no_id() -> None:
    both = lists({1: 0.1, 2: 0.2, 7: 0.9, 8: 0.9}, {1: 3.0, 2: 2.0, 5: 1.0, 6: 1.0}, Fusion(candidates=4))
    assert [each.tied(fusion.possible_rows(both, 2)) for each in both] == [[], []]
    assert [each.tied(fusion.possible_rows(both, 3)) for each in both] == [[7, 8], [5, 6]]
