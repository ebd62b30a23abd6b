"""Highlights over HTTP: where the words of a search stand in the metadata of its matches."""

import functools
import operator
from typing import Any

import pytest

from tests.support.api import Answer, Api
from vectord.edge import handler

PROBLEM = "urn:vectord:problem:"
ROWS = {
    "a": ([1, 0], {"plot": "\U0001f600 The Foxes, and a fox", "cast": ["Ann Fox", "Bob"]}),
    "b": ([0, 1], {"plot": "東京都の猫 \ufb01nd a fox", "cast": []}),
    "c": ([1, 1], {"plot": "nothing"}),
}


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(text={"plot": {}, "cast": {"language": None}}, shards=request.param)
    ephemeral.add(*({"id": i, "vector": vector, "metadata": metadata} for i, (vector, metadata) in ROWS.items()))
    return ephemeral


def search(api: Api, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/search", body)


def words(match: Any) -> list[str]:
    """Return the highlighted parts of the texts of a row, as a reader of its metadata finds them."""
    texts = [
        (functools.reduce(operator.getitem, each["at"], ROWS[match["id"]][1]), each) for each in match["highlights"]
    ]
    return [str(text)[start:end] for text, each in texts for start, end in each["spans"]]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"text": "fox"}, {"a": ["Fox", "Foxes", "fox"], "b": ["fox"]}),
        ({"text": {"query": "the fox", "fields": ["plot"]}}, {"a": ["Foxes", "fox"], "b": ["fox"]}),
        ({"text": {"query": "fi", "prefix": True}}, {"b": ["\ufb01nd"]}),
        ({"text": "東京都"}, {"b": ["東京都"]}),
        ({"text": "猫"}, {"b": ["猫"]}),
        ({"text": "find", "vector": [1, 0]}, {"a": [], "b": ["\ufb01nd"], "c": []}),
        ({"text": "bob", "id": "c"}, {"a": ["Bob"], "b": []}),
    ],
)
@pytest.mark.parametrize("include", [["metadata"], []])
def test_a_match_shows_where_the_words_are(
    api: Api, body: Any, found: dict[str, list[str]], include: list[str]
) -> None:
    answer = search(api, **body, highlight=True, include=include)
    assert {match["id"]: words(match) for match in answer.json["matches"]} == found
    assert all(("metadata" in match) == bool(include) for match in answer.json["matches"])


def test_a_highlight_has_the_field_and_the_place_of_its_text(api: Api) -> None:
    [match] = search(api, text="ann", highlight=True).json["matches"]
    assert match["highlights"] == [{"field": "cast", "at": ["cast", 0], "spans": [[0, 3]]}]


def test_highlights_are_shown_on_request(api: Api) -> None:
    for body in ({"text": "fox"}, {"text": "fox", "highlight": False}, {"text": "fox", "vector": [1, 0]}):
        assert all("highlights" not in match for match in search(api, **body).json["matches"])


@pytest.mark.parametrize("more", [{}, {"vector": [1, 0]}])
def test_each_page_has_highlights(api: Api, more: Any) -> None:
    whole = search(api, text="fox", highlight=True, include=[], **more).json["matches"]
    found, after = list[Any](), None
    for _ in whole:
        answer = search(api, text="fox", highlight=True, include=[], k=1, after=after, **more).json
        found += answer["matches"]
        after = answer["next"]
    assert found == whole


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"vector": [1, 0]}])
def test_pages_end_where_the_answer_is_full_of_highlights(api: Api, more: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": f"x{n}", "vector": [1, n], "metadata": {"plot": "zz a " * 300}} for n in range(12)]
    api.add(*rows)
    whole = search(api, text="zz", highlight=True, include=[], k=20, **more).json
    assert whole["next"] is None
    monkeypatch.setattr(handler, "MAX_ANSWER", 20_000)
    found, after, pages = list[Any](), None, 0
    while after is not None or not pages:
        answer = search(api, text="zz", highlight=True, include=[], k=20, after=after, **more)
        found, after, pages = found + answer.json["matches"], answer.json["next"], pages + 1
        assert len(answer.data) <= 20_000
    assert found == whole["matches"]
    assert pages > 2


@pytest.mark.parametrize("more", [{"vector": [1, 0]}, {"vectors": [[1, 0]]}, {"id": "a"}])
def test_highlights_without_words_are_refused(api: Api, more: Any) -> None:
    answer = search(api, highlight=True, **more)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "highlight needs 'text'" in answer.json["detail"]
    assert search(api, highlight="yes", text="fox").status == 422
