"""Searches by words: exact scores, the same in a base with a tail and removed rows as in a fresh build."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import Counted, opened, oracle, packed
from vectord.index.sections.base import NOTHING_TO_FETCH
from vectord.index.text import model, ranking
from vectord.index.text.bm25 import evidence, score_evidence
from vectord.index.text.model import FieldTerms, Removed, Segment, TextQuery
from vectord.index.text.model import joined as joined_segments
from vectord.index.text.ranking import Ranked, rank
from vectord.index.text.reading import Source, read
from vectord.index.text.statistics import joined, statistics

type Row = tuple[Counted, Counted]  # the terms of both fields

WORDS = [b"a", b"b", b"c", b"d"]
counted = st.dictionaries(st.sampled_from(WORDS), st.integers(1, 3) | st.sampled_from([300, 70_000]), max_size=4)
pieces = st.lists(
    st.lists(st.tuples(counted, counted, st.booleans() | st.just(True)), min_size=1, max_size=15),
    min_size=1,
    max_size=4,
)
terms = st.sets(st.sampled_from([*WORDS, b"no row has it"]), min_size=1).map(lambda some: tuple(sorted(some)))
weights = st.sampled_from([1.0, 0.1, 3.0])
queries = st.builds(
    lambda first, second, both: TextQuery((first, second) if both else (first,)),
    st.builds(FieldTerms, st.just(0), terms, weights),
    st.builds(FieldTerms, st.just(1), terms, weights),
    st.booleans(),
)


class Index(NamedTuple):
    """An index of several sections, and what a fresh build of its live rows has."""

    rows: list[Row]
    live: list[int]
    segments: list[Segment]
    fresh: list[Segment]


def section(rows: Sequence[Row], query: TextQuery, first: int = 0, removed: Sequence[int] = ()) -> Segment:
    text = opened(packed([row[0] for row in rows], [row[1] for row in rows]), len(rows), 2)
    gone = Removed(np.array(removed, np.int64), len(rows)) if len(removed) else None
    return read([Source(text, first, gone)], query, NOTHING_TO_FETCH)[0]


def index(parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery) -> Index:
    rows, live, segments = list[Row](), list[int](), list[Segment]()
    for part in parts:
        removed = [number for number, row in enumerate(part) if not row[2]]
        segments.append(section([row[:2] for row in part], query, len(rows), removed))
        live += [len(rows) + number for number, row in enumerate(part) if row[2]]
        rows += [row[:2] for row in part]
    fresh = [section([rows[row] for row in live], query)] if live else []
    return Index(rows, live, segments, fresh)


def pairs(ranked: Ranked, numbers: Sequence[int] | None = None) -> list[tuple[int, float]]:
    rows = ranked.rows.tolist() if numbers is None else [numbers[row] for row in ranked.rows.tolist()]
    return list(zip(rows, ranked.scores.tolist(), strict=True))


def expected(case: Index, query: TextQuery) -> dict[int, float]:
    return oracle(case.rows, [(each.field, each.terms, each.weight) for each in query.fields], case.live)


@pytest.mark.slow
@given(pieces, queries)
def test_scores_are_those_of_the_formula(parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery) -> None:
    case = index(parts, query)
    scores = expected(case, query)
    found = dict(pairs(rank(case.segments, query, 1_000)))
    assert found.keys() == scores.keys()
    for row, score in found.items():
        assert score == pytest.approx(scores[row], rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "few",
    [ranking._FEW, *(pytest.param(each, marks=pytest.mark.slow) for each in (0, 10**9))],
    ids=["by size", "by look-up", "of all rows"],
)
@given(parts=pieces, query=queries, k=st.integers(1, 40))
def test_tail_and_removed_rows_change_no_bit(
    few: int, parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery, k: int
) -> None:
    case = index(parts, query)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_FEW", few)
        found = pairs(rank(case.segments, query, k))
    assert found == pairs(rank(case.fresh, query, k), case.live)
    assert found == pairs(rank(case.segments, query, 10**6))[: len(found)]


@pytest.mark.slow
@given(pieces, queries, st.integers(1, 10))
def test_the_best_rows_come_with_all_that_are_equal_to_the_last(
    parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery, k: int
) -> None:
    case = index(parts, query)
    best, everything = pairs(rank(case.segments, query, k)), pairs(rank(case.segments, query, 10**6))
    assert everything == sorted(everything, key=lambda pair: (-pair[1], pair[0]))
    last = everything[k - 1][1] if len(everything) >= k else 0.0
    assert best == [pair for pair in everything if pair[1] >= last]


@pytest.mark.slow
@given(pieces, queries, st.integers(1, 10), st.integers(0, 2**32))
def test_a_filter_changes_no_score(
    parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery, k: int, seed: int
) -> None:
    case = index(parts, query)
    allowed = np.random.default_rng(seed).random(len(case.rows)) < 0.5
    of_all = [pair for pair in pairs(rank(case.segments, query, 10**6)) if allowed[pair[0]]]
    last = of_all[k - 1][1] if len(of_all) >= k else 0.0
    assert pairs(rank(case.segments, query, k, allowed=allowed)) == [pair for pair in of_all if pair[1] >= last]


@pytest.mark.slow
@given(pieces, queries, st.integers(1, 10))
def test_scores_between_two_bounds(parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery, k: int) -> None:
    case = index(parts, query)
    everything = pairs(rank(case.segments, query, 10**6))
    if everything:
        least, most = everything[-1][1], everything[len(everything) // 3][1]
        between = [pair for pair in everything if least < pair[1] <= most]
        found = pairs(rank(case.segments, query, k, least=float(np.nextafter(least, np.inf)), most=most))
        last = between[k - 1][1] if len(between) >= k else 0.0
        assert found == [pair for pair in between if pair[1] >= last]


groups = st.lists(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([*WORDS, b"no row has it"])), min_size=1, max_size=3).map(
        tuple
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@pytest.mark.slow
@pytest.mark.parametrize("few", [model._FEW, *(pytest.param(each, marks=pytest.mark.slow) for each in (0, 10**9))])
@given(parts=pieces, query=queries, required=groups, k=st.integers(1, 10))
def test_required_terms_choose_rows_and_change_no_score(
    few: int,
    parts: list[list[tuple[Counted, Counted, bool]]],
    query: TextQuery,
    required: tuple[tuple[tuple[int, bytes], ...], ...],
    k: int,
) -> None:
    both = TextQuery(query.fields, required)
    case = index(parts, both)
    matching = {
        number
        for number, row in enumerate(case.rows)
        if all(any(term in row[field] for field, term in group) for group in required)
    }
    of_all = [pair for pair in pairs(rank(case.segments, query, 10**6)) if pair[0] in matching]
    last = of_all[k - 1][1] if len(of_all) >= k else 0.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "_FEW", few)
        found = pairs(rank(case.segments, both, k))
        for segment in case.segments:
            rows = (segment.matching(required) + segment.first).tolist()
            assert rows == [row for row in sorted(matching) if segment.first <= row < segment.first + segment.rows]
    assert found == [pair for pair in of_all if pair[1] >= last]


@pytest.mark.slow
@given(pieces, queries, st.integers(1, 10))
def test_shards_with_the_statistics_of_all_give_the_scores_of_one_index(
    parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery, k: int
) -> None:
    case = index(parts, query)
    of_all = joined(statistics([segment], query) for segment in case.segments)
    assert of_all == statistics(case.segments, query)
    found = [
        pair
        for segment in case.segments
        for pair in pairs(rank([segment], query, k, known=of_all, allowed=np.ones(len(case.rows), np.bool_)))
    ]
    best = pairs(rank(case.segments, query, k))
    assert sorted(found, key=lambda pair: (-pair[1], pair[0]))[: len(best)] == best


@pytest.mark.slow
@given(pieces, queries)
def test_rows_are_scored_again_from_their_counts_with_the_same_bits(
    parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery
) -> None:
    case = index(parts, query)
    known, scores = statistics(case.segments, query), dict(pairs(rank(case.segments, query, 10**6)))
    for segment in case.segments:
        rows = np.arange(segment.rows)
        found = score_evidence(evidence(segment, query, rows), query, known)
        for row, score in zip((rows + segment.first).tolist(), found.tolist(), strict=True):
            assert row not in case.live or score == scores.get(row, 0.0)


def test_only_the_lists_that_can_matter_are_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [({b"common": 1} | ({b"rare": 1} if row % 100 == 0 else {}), {}) for row in range(2_000)]
    query = TextQuery((FieldTerms(0, (b"common", b"rare")),))
    segment, added = section(rows, query), []
    add = ranking._Best.add

    def recording(best: ranking._Best, rows: model.Array, scores: model.F64) -> None:
        added.append(len(rows))
        add(best, rows, scores)

    monkeypatch.setattr(ranking._Best, "add", recording)
    assert len(rank([segment], query, 10).rows) == 20  # all rows with the rare word are equal
    assert max(added) == 20
    assert len(rank([segment], query, 21).rows) == 2_000  # the others are equal to the 21st
    assert max(added) == 2_000


@pytest.mark.slow
@given(pieces, queries, st.integers(1, 10))
def test_small_sections_that_are_searched_together_give_the_same(
    parts: list[list[tuple[Counted, Counted, bool]]], query: TextQuery, k: int
) -> None:
    case = index(parts, query)
    together = joined_segments(case.segments)
    assert (together.first, together.rows) == (0, len(case.rows))
    assert pairs(rank([together], query, k)) == pairs(rank(case.segments, query, k))


def test_empty_texts_and_no_sections_have_no_rows() -> None:
    query = TextQuery((FieldTerms(0, (b"a",)), FieldTerms(1, (b"a",))))
    assert pairs(rank([section([({}, {})] * 3, query)], query, 5)) == []
    assert pairs(rank([], query, 5)) == []
    assert pairs(rank([section([({b"a": 1}, {})] * 3, query, 0, [0, 1, 2])], query, 5)) == []
