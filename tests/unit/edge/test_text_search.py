"""The body of a search by words, and of a hybrid one: what it asks for, and what is refused."""

import json
import re
from typing import Any

import msgspec
import pytest

from vectord.edge import search, search_pages, text_search
from vectord.edge.schemas import bodies
from vectord.edge.schemas.search_bodies import SearchBody
from vectord.errors import CursorInvalid, MalformedJson, RequestInvalid
from vectord.index.query.explanations import Explanation, Highlight, TermShare
from vectord.index.query.query import Answer, FieldStatistics, Fusion, Match, Query, Result, TextSearch, TextStatistics

VECTOR: dict[str, Any] = {"vector": [1.0, 0.0]}
KNOWN = TextStatistics(7, {"body": FieldStatistics(40, {"heat": 2})})


def decoded(body: dict[str, Any]) -> SearchBody:
    data = json.dumps(body).encode()
    found = bodies.decode(data, SearchBody)
    text_search.check_repeated(data)
    return found


def query(**body: Any) -> Query:
    return search.read_query("t", decoded(body), {})


def answer(body: dict[str, Any], *matches: Match, more: bool = False, complete: bool = True) -> Any:
    found = Answer(list(matches), 9, "text", more=more, complete=complete, statistics=KNOWN)
    return search.search_answer("t", decoded(body), Result([found], '"e"'), 0.0)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("red heat", TextSearch("red heat")),
        ({"query": "red"}, TextSearch("red")),
        ({"query": "red", "fields": ["body", "by.title"]}, TextSearch("red", {"body": 1.0, "by.title": 1.0})),
        ({"query": "red", "fields": {"title": 3, "body": 0.5}}, TextSearch("red", {"title": 3.0, "body": 0.5})),
        ({"query": "red", "match": "all", "prefix": True}, TextSearch("red", {}, "all", True)),
        ("\x00\x07 \U00010000", TextSearch("\x00\x07 \U00010000")),
        ("e" * 10_000, TextSearch("e" * 10_000)),
    ],
)
def test_words_are_a_text_or_an_object(text: Any, asked: TextSearch) -> None:
    found = query(text=text)
    assert (found.text, found.vectors, found.like, found.fusion) == (asked, (), None, Fusion())


def test_a_relevance_may_be_required() -> None:
    assert query(text="red", min_relevance=2.5).text == TextSearch("red", min_relevance=2.5)


def test_a_hybrid_search_has_words_and_a_vector_or_an_id() -> None:
    weights = {"vector": 2, "text": 0.5}
    fusion = {"rank_constant": 10, "candidates": 1_000, "weights": weights}
    by_vector, by_id = query(**VECTOR, text="red", fusion=fusion), query(id="a", text="red", explain=True)
    assert (by_vector.fusion, len(by_vector.vectors), by_vector.explain) == (Fusion(10, 1_000, 2, 0.5), 1, False)
    assert (by_id.fusion, by_id.like, by_id.explain) == (Fusion(), "a", True)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "exactly one of 'vector', 'vectors', 'id', 'text' and 'sparse'"),
        ({**VECTOR, "id": "a", "text": "red"}, "exactly one of"),
        ({"vectors": [[1, 0]], "text": "red"}, "'text' cannot be combined with 'vectors'"),
        ({**VECTOR, "min_relevance": 0}, "'min_relevance' requires 'text'"),
        ({**VECTOR, "fusion": {}}, "'fusion' requires a hybrid search"),
        ({"text": "red", "fusion": {}}, "'fusion' requires a hybrid search"),
        ({"text": "e" * 1_000_000}, "text.query may have 10,000 characters"),
        ({"text": 5}, "text must be a text or an object"),
        ({"text": {"words": "red"}}, "`words`"),
        ({"text": {"query": "red", "match": "most"}}, "`text.match`"),
        ({"text": {"query": "red", "fields": "body"}}, "`text.fields`"),
        ({"text": {"query": "red", "fields": []}}, "text.fields must have 1 to 16 fields, not 0"),
        ({"text": {"query": "red", "fields": {}}}, "text.fields must have 1 to 16 fields, not 0"),
        ({"text": {"query": "red", "fields": list("abcdefghijklmnopq")}}, "1 to 16 fields, not 17"),
        ({"text": {"query": "red", "fields": ["body", "body"]}}, "text.fields has a field more than once"),
        ({**VECTOR, "text": "red", "fusion": {"weight": {}}}, "`weight`"),
    ],
)
def test_a_search_that_is_not_valid_is_refused_with_its_place(body: dict[str, Any], detail: str) -> None:
    with pytest.raises(RequestInvalid, match=re.escape(detail)):
        query(**body)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"query":"\\udfff"}'])
def test_a_lone_surrogate_is_not_json(text: str) -> None:
    with pytest.raises(MalformedJson):
        bodies.decode(f'{{"text":{text}}}'.encode(), SearchBody)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_weight_is_a_finite_number(number: str) -> None:
    with pytest.raises(RequestInvalid):
        bodies.decode(f'{{"text":{{"query":"red","fields":{{"body":{number}}}}}}}'.encode(), SearchBody)


@pytest.mark.parametrize(
    "body",
    [
        '{"text":{"query":"a","query":"b"}}',
        '{"text":{"query":"a","fields":{"body":1,"body":2}}}',
        '{"vector":[1],"text":"a","fusion":{"candidates":1,"candidates":2}}',
    ],
)
def test_a_field_that_occurs_twice_is_refused(body: str) -> None:
    bodies.decode(body.encode(), SearchBody)
    with pytest.raises(RequestInvalid, match="more than once"):
        text_search.check_repeated(body.encode())


def test_a_match_has_what_its_search_has() -> None:
    share = TermShare("body", "heat", 2, 9, 3, 1.5, 2.25)
    by_words = answer({"text": "heat"}, Match("a", None, None, None, 2.5)).matches[0]
    hybrid = answer(
        {**VECTOR, "text": "heat", "explain": True, "include": []},
        Match("a", 0.25, None, None, 2.5, 0.03, Explanation(2, None, (share,))),
    ).matches[0]
    assert msgspec.to_builtins(by_words) == {"id": "a", "metadata": None, "relevance": 2.5}
    assert msgspec.to_builtins(hybrid) == {
        "id": "a",
        "distance": 0.25,
        "relevance": 2.5,
        "score": 0.03,
        "explanation": {
            "vector_rank": 2,
            "terms": [{"field": "body", "term": "heat", "count": 2, "length": 9, "rows": 3, "idf": 1.5, "share": 2.25}],
        },
    }


def test_a_match_has_highlights_if_the_search_asks_for_them() -> None:
    assert query(text="heat", highlight=True).highlight
    assert not query(text="heat").highlight
    found = [
        answer({"text": "heat", "include": []}, Match("a", None, None, None, 2.5, highlights=of_match)).matches[0]
        for of_match in (None, (), (Highlight("by.title", ("by", 2, "title"), ((0, 4), (9, 13))),))
    ]
    assert msgspec.to_builtins(found) == [
        {"id": "a", "relevance": 2.5},
        {"id": "a", "relevance": 2.5, "highlights": []},
        {
            "id": "a",
            "relevance": 2.5,
            "highlights": [{"field": "by.title", "at": ["by", 2, "title"], "spans": [(0, 4), (9, 13)]}],
        },
    ]


def test_the_next_page_by_words_has_the_statistics_of_the_first() -> None:
    body = {"text": "heat", "k": 1}
    cursor = answer(body, Match("a", None, None, None, 2.5), more=True).next
    following = query(**body, after=cursor)
    assert (following.after, following.seen, following.statistics) == ((2.5, "a"), frozenset(), KNOWN)


def test_the_next_page_of_a_hybrid_search_has_all_earlier_matches() -> None:
    body = {**VECTOR, "text": "heat", "k": 1}
    first = answer(body, Match("a", 0.1, None, None, 2.5, 0.03), more=True).next
    second = answer({**body, "after": first}, Match("b", 0.2, None, None, 2.4, 0.02), more=True).next
    following = query(**body, after=second)
    assert (following.after, following.seen, following.statistics) == ((0.02, "b"), {b"a", b"b"}, KNOWN)


def test_the_page_after_a_hybrid_one_that_may_have_missed_matches_starts_before_the_best_score() -> None:
    body = {**VECTOR, "text": "heat", "k": 1}
    first = answer(body, Match("a", 0.1, None, None, 2.5, 0.03), more=True, complete=False).next
    following = query(**body, after=first)
    assert (following.after, following.seen) == (search_pages.BEFORE_THE_BEST, {b"a"})


@pytest.mark.parametrize(
    "other",
    [
        {"text": "red"},
        {"text": {"query": "heat", "fields": ["body"]}},
        {"text": {"query": "heat", "match": "all"}},
        {"text": {"query": "heat", "prefix": True}},
        {"min_relevance": 1},
        {"fusion": {"candidates": 10}},
        {"fusion": {"weights": {"text": 2}}},
        {"vector": [0.0, 1.0]},
    ],
)
def test_a_cursor_is_that_of_one_search(other: dict[str, Any]) -> None:
    body = {**VECTOR, "text": "heat"}
    cursor = answer(body, Match("a", 0.1, None, None, 2.5, 0.03), more=True).next
    assert query(**{**body, "k": 3, "explain": True, "text": {"query": "heat"}}, after=cursor).after == (0.03, "a")
    with pytest.raises(CursorInvalid):
        query(**{**body, **other}, after=cursor)


def test_the_bound_of_an_answer_counts_relevances_and_explanations() -> None:
    term = TermShare("f" * 300, '"' * 300, 10**9, 10**9, 10**9, 1.2345678901234567e-300, 1.2345678901234567e-300)
    matches = [
        Match(
            "\x01" * 50, 1.2345678901234567e-300, None, None, 2.1234567890123456e-300, 1 / 3, Explanation(1, 2, (term,))
        )
    ] * 1_000
    found = answer({**VECTOR, "text": "heat"}, *matches)
    sent = len(json.dumps(json.dumps(msgspec.to_builtins(found))))
    assert search_pages._bound_of_size(found.matches) >= sent


@pytest.mark.parametrize(
    "found",
    [
        Highlight("\x01" * 99, ("\x01" * 99, 10**6, '"'), ()),
        Highlight("f", ("f",), tuple((10**6 + n, 10**6 + n + 1) for n in range(1_000))),
        Highlight("f", (0,) * 100, ((0, 1),)),
    ],
)
def test_the_bound_of_an_answer_counts_highlights(found: Highlight) -> None:
    shown = answer({"text": "heat"}, *[Match("a", None, None, None, 1 / 3, highlights=(found,) * 3)] * 100)
    sent = len(json.dumps(json.dumps(msgspec.to_builtins(shown), separators=(",", ":"))))
    assert search_pages._bound_of_size(shown.matches) >= sent
