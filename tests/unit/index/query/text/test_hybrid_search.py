"""A hybrid search joins the ranks of its two lists, and its matches have all three numbers, computed from the index."""

from typing import Any

import numpy as np
import pytest

from tests.support import vectors as v
from tests.support.vectors import F32
from tests.support.worded import FIELDS, Row, Worded, drawn_rows, ids, ranked
from vectord.index.kernels.distance import distances
from vectord.index.query.query import Answer, Fusion, Match, Query, TextSearch, key_of_seen
from vectord.index.query.search import search_many
from vectord.index.query.text.hybrid import search
from vectord.index.rows import RowMask
from vectord.index.state import Index

TARGET = np.array([0.5, -1, 0.25, 2], np.float32)
FUSION = Fusion(candidates=20)


@pytest.fixture(scope="module")
def worded() -> Worded:
    """Rows in the base and in a tail, some removed; a few of each have the same vector."""
    rows = drawn_rows(120, 11)
    found = Worded({**rows, **{i: (*rows[i][:2], rows["r001"][2]) for i in ("r002", "r003", "r077")}})
    found.add(drawn_rows(40, 12, "s"))
    found.add({"s900": ("fox fog", "sun", rows["r001"][2])})
    found.remove("r020", "s003", "r119")
    return found


def hybrid(
    index: Index, k: int = 40, words: str = "fox sun", *, matching: RowMask | None = None, **more: Any
) -> Answer:
    text = TextSearch(words, **{name: more.pop(name) for name in ("match", "min_relevance") if name in more})
    query = Query(k, (more.pop("vector", TARGET),), text=text, **{"fusion": FUSION, "include_vectors": False, **more})
    return search(index, query, matching)


def by_distance(rows: dict[str, Row], vector: F32 = TARGET) -> dict[str, float]:
    matrix = np.array([row[2] for row in rows.values()])
    return dict(zip(rows, distances(matrix, None, vector, "cosine").tolist(), strict=True))


def nearest(rows: dict[str, Row], vector: F32 = TARGET) -> list[str]:
    """Return ids by ascending distance, and then by id."""
    of_rows = by_distance(rows, vector)
    return sorted(of_rows, key=lambda i: (of_rows[i], i))


def fused(vector_list: list[str], word_list: list[str], fusion: Fusion) -> dict[str, float]:
    """Return the score of each id by the formula."""
    scores = dict[str, float]()
    for listed, weight in ((vector_list, fusion.vector_weight), (word_list, fusion.text_weight)):
        for rank, vector_id in enumerate(listed[: fusion.candidates]):
            scores[vector_id] = scores.get(vector_id, 0) + weight / (fusion.rank_constant + rank + 1)
    return scores


@pytest.mark.parametrize(
    "fusion", [FUSION, Fusion(0.0, 5, 2.0, 0.5), Fusion(1e6, 20, 1e-6, 1e6), Fusion(60.0, 1_000), Fusion(candidates=1)]
)
def test_matches_have_a_score_a_distance_and_a_relevance(worded: Worded, fusion: Fusion) -> None:
    relevances, of_vector = worded.relevances(["fox", "sun"]), by_distance(worded.rows)
    scores = fused(nearest(worded.rows), ranked(relevances), fusion)
    answer = hybrid(worded.packed.index, 2 * fusion.candidates, fusion=fusion)
    assert {match.id: match.score for match in answer.matches} == pytest.approx(scores, rel=1e-12)
    assert ids([answer]) == sorted(scores, key=lambda i: (-scores[i], i))
    for match in answer.matches:
        assert match.distance == of_vector[match.id]
        assert match.relevance == pytest.approx(relevances.get(match.id, 0.0), abs=1e-9)
    assert (answer.more, answer.eligible, answer.strategy) == (False, len(worded.rows), "exact")


def test_candidates_do_not_depend_on_k(worded: Worded) -> None:
    whole = hybrid(worded.packed.index).matches
    for k in (1, 3, 17):
        answer = hybrid(worded.packed.index, k)
        assert (answer.matches, answer.more) == (whole[:k], True)
    assert not hybrid(worded.packed.index, len(whole)).more


def test_both_lists_have_only_rows_of_the_filter(worded: Worded) -> None:
    index, kept = worded.packed.index, {i: row for i, row in worded.rows.items() if i[-1] in "02468"}
    matching = index.live.without(index.find([i for i in worded.rows if i not in kept]).values())
    answer = hybrid(index, matching=matching, exclude=("r002", "s010"))
    allowed = {i: row for i, row in kept.items() if i not in {"r002", "s010"}}
    relevances = {i: score for i, score in worded.relevances(["fox", "sun"]).items() if i in allowed}
    scores = fused(nearest(allowed), ranked(relevances), FUSION)
    assert {match.id: match.score for match in answer.matches} == pytest.approx(scores, rel=1e-12)


def test_only_the_list_by_words_needs_all_words(worded: Worded) -> None:
    relevances = worded.relevances(["fog", "pen"])
    having = {i: score for i, score in relevances.items() if {"fog", "pen"} <= words_of(worded.rows[i])}
    scores = fused(nearest(worded.rows), ranked(having), FUSION)
    answer = hybrid(worded.packed.index, words="fog pen", match="all")
    assert {match.id: match.score for match in answer.matches} == pytest.approx(scores, rel=1e-12)
    assert 0 < len(having) < 20
    others = [match for match in answer.matches if match.id not in having]
    assert [match.relevance for match in others] == pytest.approx([relevances.get(match.id, 0.0) for match in others])
    assert any(match.relevance for match in others)


def words_of(row: Row) -> set[str]:
    return set(f"{row[0]} {row[1]}".split())


def test_limits_hold_for_matches_of_either_list(worded: Worded) -> None:
    whole = hybrid(worded.packed.index).matches
    farthest = sorted(match.distance or 0 for match in whole)[len(whole) // 2]
    least = sorted(match.relevance or 0 for match in whole)[len(whole) // 3]
    near = hybrid(worded.packed.index, max_distance=farthest).matches
    assert near == [match for match in whole if (match.distance or 0) <= farthest]
    assert any(match.distance == farthest for match in near)
    relevant = hybrid(worded.packed.index, min_relevance=least).matches
    assert relevant == [match for match in whole if (match.relevance or 0) >= least]
    assert 0 < least < min(match.relevance or 0 for match in relevant) + 1e-12


def test_rows_that_take_the_places_of_others_are_ordered_by_id() -> None:
    """The nearest rows have no words; those with words tie, and are stored in another order than that of their ids."""
    rows: dict[str, Row] = {f"n{n}": ("pen", "", TARGET + np.float32(n / 100)) for n in range(9)}
    rows |= {f"t{n:02}": ("fox", "", -TARGET) for n in reversed(range(15))}
    fusion = Fusion(candidates=9, text_weight=0.5)
    answer = hybrid(Worded(rows).packed.index, 3, "fox", fusion=fusion, min_relevance=0.01)
    assert ids([answer]) == ["t00", "t01", "t02"]


def test_matches_have_what_is_requested(worded: Worded) -> None:
    for match in hybrid(worded.packed.index, include_vectors=True).matches:
        assert match.vector is not None
        assert match.vector.tolist() == worded.rows[match.id][2].tolist()
        assert worded.rows[match.id][0] in bytes(match.metadata or b"").decode()
    bare = hybrid(worded.packed.index, include_metadata=False).matches
    assert {(match.vector, match.metadata) for match in bare} == {(None, None)}


def test_explanations_have_both_ranks(worded: Worded) -> None:
    vector_list, word_list = nearest(worded.rows)[:20], ranked(worded.relevances(["fox", "sun"]))[:20]
    answer = hybrid(worded.packed.index, explain=True)
    seen = set()
    for match in answer.matches:
        found = match.explanation
        assert found is not None
        ranks = [one.index(match.id) + 1 if match.id in one else None for one in (vector_list, word_list)]
        assert [found.vector_rank, found.text_rank] == ranks
        assert sum(share.share for share in found.terms) == pytest.approx(match.relevance, abs=1e-12)
        seen |= {tuple(rank is None for rank in ranks)}
    assert seen == {(False, False), (True, False), (False, True)}


@pytest.mark.parametrize("k", [1, 6, 15])
def test_pages_are_those_of_one_large_page(worded: Worded, k: int) -> None:
    whole = hybrid(worded.packed.index)
    answers = [hybrid(worded.packed.index, k)]
    while answers[-1].more:
        answers.append(next_page(worded.packed.index, answers, k))
    assert [match for answer in answers for match in answer.matches] == whole.matches


def next_page(index: Index, answers: list[Answer], k: int) -> Answer:
    last = answers[-1].matches[-1]
    seen = frozenset(map(key_of_seen, ids(answers)))
    return hybrid(index, k, after=(last.score, last.id), seen=seen, statistics=answers[0].statistics)


def test_pages_never_repeat_a_match_whatever_is_written_between_them() -> None:
    worded = Worded(drawn_rows(100, 21))
    answers = [hybrid(worded.packed.index, 6)]
    near = {f"n{i}": ("fox sun sun", "fox", TARGET + np.float32(i / 100)) for i in range(9)}
    changes = [
        lambda: worded.add(near),
        lambda: worded.remove("n3", ids(answers)[0], ids([hybrid(worded.packed.index)])[-1]),
        worded.rebuild,
        lambda: worded.add({ids(answers)[3]: ("pen", "", -TARGET)}),
    ]
    while answers[-1].more:
        if changes:
            changes.pop(0)()
        answers.append(next_page(worded.packed.index, answers, 6))
    found = ids(answers)
    assert len(set(found)) == len(found) > 20
    relevances = {i: worded.relevances(["fox", "sun"], counted=drawn_rows(100, 21)).get(i, 0.0) for i in found[6:]}
    later: list[Match] = [match for answer in answers[1:] for match in answer.matches if match.id in worded.rows]
    assert {m.id: m.relevance for m in later} == pytest.approx({m.id: relevances[m.id] for m in later}, abs=1e-9)


def test_a_search_for_rows_that_tie_everywhere_orders_them_by_id() -> None:
    rows = {f"r{n:02}": ("fox", "", TARGET) for n in range(50)}
    answer = hybrid(Worded(rows).packed.index, 10, fusion=Fusion(candidates=10))
    assert ids([answer]) == sorted(rows)[:10]
    assert [match.score for match in answer.matches] == [2 / (60 + rank) for rank in range(1, 11)]


def test_rows_of_one_list_tie_with_those_of_the_other(worded: Worded) -> None:
    rows: dict[str, Row] = {"b": ("fox", "", -TARGET), "a": ("pen", "", TARGET), "c": ("", "", -TARGET)}
    answer = hybrid(Worded(rows).packed.index, 2, fusion=Fusion(candidates=1))
    assert [(match.id, match.score) for match in answer.matches] == [("a", 1 / 61), ("b", 1 / 61)]


def test_words_that_no_row_has_leave_the_nearest_rows(worded: Worded) -> None:
    answer = hybrid(worded.packed.index, 20, "xyzzy")
    assert ids([answer]) == nearest(worded.rows)[:20]
    assert {match.relevance for match in answer.matches} == {0.0}
    assert ids([search_many(worded.packed.index, Query(20, (TARGET,)))[0]]) == ids([answer])


def test_a_hybrid_search_of_no_rows_has_no_matches(worded: Worded) -> None:
    index = worded.packed.index
    assert hybrid(index, matching=index.live.without(index.live.rows.tolist())).matches == []
    assert hybrid(v.reopened(v.empty(4, text=FIELDS))).matches == []
