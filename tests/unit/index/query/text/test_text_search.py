"""A search by words finds what a plain computation finds, in base and tail, and its pages never repeat a row."""

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from tests.support import vectors as v
from tests.support.sections import PackedIndex
from tests.support.worded import DIMENSION, FIELDS, Worded, drawn_rows, ids, ranked, relevances, tokens
from vectord.errors import CursorInvalid, VectordError
from vectord.index import mutations
from vectord.index.query.query import Answer, Query, TextSearch
from vectord.index.query.text.search import search
from vectord.index.query.text_errors import (
    TextFieldNotBuilt,
    TextFieldUnknown,
    TextInvalid,
    TextNotDeclared,
    TextWithoutWords,
)
from vectord.index.rows import RowMask
from vectord.index.state import Index
from vectord.lhv1.text_fields import TextField


@pytest.fixture(scope="module")
def worded() -> Worded:
    """Rows in the base and in two pieces of the tail; some of each were removed or replaced."""
    found = Worded(drawn_rows(150, 1))
    found.add(drawn_rows(30, 2, "s"))
    found.add(drawn_rows(12, 3, "r"))
    found.remove("r020", "r149", "s003", "s029", "r005")
    found.add({"t": ("pen", "of the pen", found.rows["r000"][2])})
    return found


def by_words(index: Index, query: str, k: int = 1_000, *, matching: RowMask | None = None, **more: Any) -> Answer:
    of_query = {name: more.pop(name) for name in ("after", "statistics", "seen", "exclude", "explain") if name in more}
    return search(index, Query(k, text=TextSearch(query, **more), **of_query), matching)


def assert_exact(answer: Answer, expected: Mapping[str, float]) -> None:
    assert [match.id for match in answer.matches] == ranked(expected)
    assert [match.relevance for match in answer.matches] == pytest.approx(
        [expected[i] for i in ranked(expected)], abs=1e-9
    )


@pytest.mark.parametrize("query", ["fox", "dog sun", "the fog of jam", "fox fox dog", "missing pen"])
@pytest.mark.parametrize("fields", [{}, {"body": 1.0}, {"by.title": 2.5}, {"body": 0.3, "by.title": 4.0}])
def test_matches_have_the_relevance_of_the_formula(worded: Worded, query: str, fields: dict[str, float]) -> None:
    answer = by_words(worded.packed.index, query, fields=fields)
    assert_exact(answer, worded.relevances(query.split(), fields or None))
    count = len(worded.rows)
    assert (answer.count, answer.eligible, answer.strategy, answer.plan, answer.more) == (
        count,
        count,
        "text",
        "local",
        False,
    )
    assert {match.distance for match in answer.matches} == {None}


def test_statistics_count_all_live_rows_and_not_those_of_the_filter(worded: Worded) -> None:
    index, allowed = worded.packed.index, {i for i in worded.rows if i.endswith(("1", "4"))}
    hidden = index.find([i for i in worded.rows if i not in allowed])
    answer = by_words(index, "fox map", matching=index.live.without(hidden.values()), exclude=("r004", "s011"))
    expected = worded.relevances(["fox", "map"])
    assert_exact(answer, {i: expected[i] for i in expected if i in allowed - {"r004", "s011"}})
    assert answer.eligible == len(allowed) - 2


def test_a_match_may_need_a_least_relevance(worded: Worded) -> None:
    expected = worded.relevances(["fox", "ink"])
    least = sorted(expected.values())[len(expected) // 2]
    answer = by_words(worded.packed.index, "fox ink", min_relevance=least - 1e-9)
    assert_exact(answer, {i: score for i, score in expected.items() if score >= least - 1e-9})


@pytest.mark.parametrize("query", ["fox dog", "the fox", "fox missing", "fog pen sun"])
def test_all_words_may_be_in_one_field_or_another(worded: Worded, query: str) -> None:
    words = query.split()
    expected = worded.relevances(words)
    having = {
        i: score
        for i, score in expected.items()
        if all(
            word in tokens(worded.rows[i], "body") + tokens(worded.rows[i], "by.title")
            for word in words
            if word != "the"
        )
    }
    assert_exact(by_words(worded.packed.index, query, match="all"), having)


def test_stop_words_are_required_if_there_is_nothing_else(worded: Worded) -> None:
    expected = worded.relevances(["the", "of"], {"by.title": 1.0})
    having = {i: score for i, score in expected.items() if {"the", "of"} <= set(tokens(worded.rows[i], "by.title"))}
    assert having
    assert_exact(by_words(worded.packed.index, "of the", match="all"), having)


@pytest.mark.parametrize(
    ("query", "words"), [("sun fo", ["sun", "fox", "fog"]), ("jam fox", ["jam", "fox"]), ("zz", [])]
)
def test_the_last_word_may_be_a_prefix(worded: Worded, query: str, words: list[str]) -> None:
    assert_exact(by_words(worded.packed.index, query, prefix=True), worded.relevances(words))
    required = {
        i: score
        for i, score in worded.relevances(words).items()
        if any(word in " ".join(worded.rows[i][:2]).split() for word in words[1:])
        and words[0] in " ".join(worded.rows[i][:2]).split()
    }
    assert_exact(by_words(worded.packed.index, query, prefix=True, match="all"), required)


def test_a_stop_word_may_be_the_beginning_of_a_word(worded: Worded) -> None:
    assert ids([by_words(worded.packed.index, "o", prefix=True, fields={"body": 1.0})]) == []
    index = v.with_items(worded.packed.index, [v.item("x", [1, 0, 0, 0], {"body": "theory"})])
    assert ids([by_words(index, "the", prefix=True, fields={"body": 1.0})]) == ["x"]


def test_one_character_of_an_unspaced_script_finds_it_anywhere() -> None:
    texts = {"a": "東京大学", "b": "北京", "c": "京都", "d": "大阪"}
    rows = [v.item(i, [n, 1, 1, 1], {"body": text}) for n, (i, text) in enumerate(texts.items())]
    packed = PackedIndex(mutations.upsert(v.empty(4, text={"body": TextField(None)}), rows[:3])[0])
    packed.add(*rows[3:])
    for query, found in {"京": "abc", "大": "ad", "東京": "a", "京大": "a", "阪": "d", "東": "a"}.items():
        assert sorted(ids([by_words(packed.index, query)])) == list(found)
    assert ids([by_words(packed.index, "京 大", match="all")]) == ["a"]


@pytest.mark.parametrize("k", [pytest.param(1, marks=pytest.mark.slow), 7, 40])
def test_pages_are_those_of_one_large_page_whatever_is_written_between_them(k: int) -> None:
    worded = Worded(drawn_rows(120, 5))
    worded.add(drawn_rows(20, 6, "s"))
    first_rows = dict(worded.rows)
    whole = by_words(worded.packed.index, "fox jam")
    changes = [
        lambda: worded.add(drawn_rows(30, 7, "t")),
        lambda: worded.remove(*ids([whole])[-3:]),
        worded.rebuild,
        lambda: worded.add({"u": ("fox jam jam jam", "jam", drawn_rows(1, 8)["r000"][2])}),
    ]
    answers = [by_words(worded.packed.index, "fox jam", k)]
    while answers[-1].more:
        if changes:
            changes.pop(0)()
        last = answers[-1].matches[-1]
        after = last.relevance, last.id
        answers.append(by_words(worded.packed.index, "fox jam", k, after=after, statistics=answers[0].statistics))
    shown = [pair for answer in answers for pair in relevances(answer)]
    assert [len(answer.matches) for answer in answers[:-1]] == [k] * (len(answers) - 1)
    assert len(dict(shown)) == len(shown)
    assert [pair for pair in shown if pair[0][0] in "rs"] == [
        pair for pair in relevances(whole) if pair[0] in worded.rows
    ]
    expected = worded.relevances(["fox", "jam"], counted=first_rows)
    assert dict(shown) == pytest.approx({vector_id: expected[vector_id] for vector_id, _ in shown}, abs=1e-9)
    added = ranked({i: score for i, score in expected.items() if i[0] == "t" and score < shown[k - 1][1] - 1e-9})
    assert [i for i, _ in shown if i[0] == "t"][-len(added) :] == added


@pytest.mark.slow
def test_a_prefix_stands_for_the_first_256_terms_that_live_rows_have() -> None:
    rows = {f"r{n:03}": (f"fo{n:03}", "", np.ones(DIMENSION, np.float32)) for n in range(290)}
    worded = Worded(rows)
    worded.remove(*[*rows][:60:2])
    index = worded.packed.index
    assert len(index.removed) == 30
    found = by_words(index, "fo", prefix=True)
    assert ids([found]) == sorted(worded.rows)[:256]
    first = by_words(index, "fo", 100, prefix=True)
    last = first.matches[-1]
    assert last.relevance
    second = by_words(index, "fo", prefix=True, after=(last.relevance, last.id), statistics=first.statistics)
    assert ids([first, second]) == ids([found])


def test_a_page_continues_with_the_terms_of_its_prefix(worded: Worded) -> None:
    index = worded.packed.index
    whole = by_words(index, "fo", prefix=True)
    first = by_words(index, "fo", 9, prefix=True)
    later = v.with_items(index, [v.item(f"x{n}", [n, 1, 1, 1], {"body": f"foam fo{n} fox"}) for n in range(5)])
    after = (first.matches[-1].relevance, first.matches[-1].id)
    second = by_words(later, "fo", 500, prefix=True, after=after, statistics=first.statistics)
    assert [pair for pair in relevances(second) if pair[0][0] != "x"] == relevances(whole)[9:]


def test_a_page_leaves_out_what_was_seen(worded: Worded) -> None:
    whole = by_words(worded.packed.index, "fox")
    seen = frozenset(match.id.encode() for match in whole.matches[2:9])
    assert ids([by_words(worded.packed.index, "fox", 4, seen=seen)]) == [
        m.id for m in whole.matches[:2] + whole.matches[9:11]
    ]


@pytest.mark.parametrize("joined", [True, False], ids=["joined segments", "a segment of each section"])
def test_shares_add_up_to_the_relevance(worded: Worded, joined: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not joined:
        monkeypatch.setattr("vectord.index.text.reading._FEW_ROWS", 0)
    answer = by_words(worded.packed.index, "fox the sun", fields={"body": 0.7, "by.title": 1.1}, explain=True)
    title = 0
    for match in answer.matches:
        assert match.explanation is not None
        row, shares = worded.rows[match.id], match.explanation.terms
        assert [*accumulate(share.share for share in shares)][-1] == match.relevance  # `sum` would round less
        for share in shares:
            text = tokens(row, share.field)
            assert (text.count(share.term), len(text)) == (share.count, share.length)
            assert share.rows == sum(share.term in tokens(each, share.field) for each in worded.rows.values())
        expected = {(path, word) for path in FIELDS for word in ("fox", "the", "sun") if word in tokens(row, path)}
        assert {(share.field, share.term) for share in shares} == expected
        title += ("by.title", "the") in expected
    assert title > 3
    assert by_words(worded.packed.index, "fox").matches[0].explanation is None


def test_an_index_without_rows_has_no_matches() -> None:
    index = v.empty(4, text=FIELDS)
    assert by_words(v.reopened(index), "fox").matches == []
    gone = v.without(v.with_items(index, [v.item("a", [1, 1, 1, 1], {"body": "fox"})]), "a")
    assert by_words(gone, "fox").matches == []


@pytest.mark.parametrize(
    ("query", "options", "error", "message"),
    [
        ("", {}, TextWithoutWords, "no words"),
        (" -- \ud800!\x00", {}, TextWithoutWords, "no letters and no digits"),
        ("the OF", {"fields": {"body": 1.0}}, TextWithoutWords, "only stop words, which are not indexed: 'of', 'the'"),
        ("fox", {"fields": {"boddy": 1.0}}, TextFieldUnknown, "has 'boddy', .* It declares 'body', 'by.title'"),
        ("fox", {"fields": {"x" * 500: 1.0}}, TextFieldUnknown, "has 'x{60}...'"),
        (" ".join(f"w{n}" for n in range(1_025)), {}, TextInvalid, "1,025 different words, and may have 1,024"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    worded: Worded, query: str, options: dict[str, Any], error: type[VectordError], message: str
) -> None:
    with pytest.raises(error, match=message):
        by_words(worded.packed.index, query, **options)


@pytest.mark.parametrize("k", [1, 7, 1_000])
def test_each_field_may_have_a_text_of_its_own(worded: Worded, k: int) -> None:
    expected = worded.relevances(["fox", "sun"], {"body": 1.0})
    for i, relevance in worded.relevances(["pen", "the"], {"by.title": 2.0}).items():
        expected[i] = expected.get(i, 0.0) + relevance
    weights, queries = {"body": 1.0, "by.title": 2.0}, {"body": "the fox sun", "by.title": "the pen"}
    answer = by_words(worded.packed.index, "", k, fields=weights, queries=queries)
    assert [match.id for match in answer.matches] == ranked(expected)[:k]
    assert [match.relevance for match in answer.matches] == pytest.approx(
        [expected[i] for i in ranked(expected)[:k]], abs=1e-9
    )


def test_a_text_of_one_field_that_has_no_words_adds_nothing(worded: Worded) -> None:
    weights = {"body": 1.0, "by.title": 1.0}
    answer = by_words(worded.packed.index, "", fields=weights, queries={"body": "of the", "by.title": "pen"})
    assert_exact(answer, worded.relevances(["pen"], {"by.title": 1.0}))
    none = by_words(worded.packed.index, "", fields=weights, queries={"body": "of the", "by.title": "?"})
    assert (none.matches, none.more) == ([], False)


def test_an_index_without_texts_is_not_searched_by_words() -> None:
    with pytest.raises(TextNotDeclared, match="Index 't' declares no texts"):
        by_words(v.with_items(v.empty(2), [v.item("a", [1, 2])]), "fox")


def test_a_field_is_searched_from_the_build_on_that_follows_its_declaration(worded: Worded) -> None:
    index = worded.packed.index
    more = {**FIELDS, "added": TextField(), "body": TextField("german")}
    declared = structs.replace(index, params=structs.replace(index.params, text=more))
    with pytest.raises(TextFieldNotBuilt, match="'added' cannot be searched yet: a build has to end first"):
        by_words(declared, "fox", fields={"by.title": 1.0, "added": 1.0})
    with pytest.raises(TextFieldNotBuilt, match="'body'"):
        by_words(declared, "fox", fields={"body": 1.0})
    assert_exact(by_words(declared, "fox"), worded.relevances(["fox"], {"by.title": 1.0}))
    none_yet = structs.replace(index.params, text={"added": TextField()})
    with pytest.raises(TextFieldNotBuilt, match="'added'"):
        by_words(structs.replace(index, params=none_yet), "fox")


@pytest.mark.parametrize("rows", [-1, 0, 1 << 60])
def test_statistics_of_no_index_are_refused(worded: Worded, rows: int) -> None:
    first = by_words(worded.packed.index, "fox", 2).statistics
    assert first is not None
    with pytest.raises(CursorInvalid):
        by_words(worded.packed.index, "fox", after=(1.0, "a"), statistics=structs.replace(first, rows=rows))
    with pytest.raises(CursorInvalid):
        by_words(worded.packed.index, "fox", fields={"body": 1.0}, after=(1.0, "a"), statistics=first)
