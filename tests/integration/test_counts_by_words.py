"""Counts and facets of the vectors that have some words, over HTTP."""

from typing import Any

import pytest

from tests.support.api import Answer, Api

PROBLEM = "urn:vectord:problem:"
PLOTS = ["a fox hunts", "foxes and dogs", "two dogs", "fox fox fox", "the", "dogs"]
TEXT = {"plot": {}, "title": {"language": None}}


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(text=TEXT, shards=request.param)
    rows = [{"plot": plot, "title": f"fox {n}", "even": n % 2 == 0} for n, plot in enumerate(PLOTS)]
    ephemeral.add(*({"id": f"r{n}", "vector": [1, n], "metadata": row} for n, row in enumerate(rows)))
    return ephemeral


def count(api: Api, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/vectors/count", body)


def facets(api: Api, **body: Any) -> Answer:
    return api.send("POST", "/indexes/t/vectors/facets", {"paths": ["even"], **body})


PLOT = {"fields": ["plot"]}


@pytest.mark.parametrize(
    ("body", "even", "odd"),
    [
        ({"text": "fox"}, 3, 3),
        ({"text": {"query": "foxes", **PLOT}}, 1, 2),
        ({"text": {"query": "the fox dog", **PLOT}}, 2, 3),
        ({"text": {"query": "fox dog", "match": "all", **PLOT}}, 0, 1),
        ({"text": {"query": "hun", "prefix": True, **PLOT}}, 1, 0),
        ({"text": {"query": "foxes", **PLOT}, "filter": {"even": True}}, 1, 0),
        ({"text": {"query": "zebra"}}, 0, 0),
        ({}, 3, 3),
    ],
)
def test_vectors_with_the_words_are_counted(api: Api, body: Any, even: int, odd: int) -> None:
    assert count(api, **body).json == {"count": even + odd}
    found = facets(api, **body).json
    assert found["count"] == even + odd
    assert {each["value"]: each["count"] for each in found["facets"][0]["values"]} == {
        value: number for value, number in ((True, even), (False, odd)) if number
    }


def test_a_least_relevance_leaves_out_what_a_search_leaves_out(api: Api) -> None:
    text = {"query": "fox dog", **PLOT}
    found = api.send("POST", "/indexes/t/search", {"text": text}).json["matches"]
    least = found[1]["relevance"]
    assert len(found) == 5
    for request in (count, facets):
        assert request(api, text=text, min_relevance=least).json["count"] == 2


@pytest.mark.parametrize("request_of", [count, facets])
@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"text": ""}, "text.query has no words"),
        ({"text": {"query": "the of", **PLOT}}, "text.query has only stop words"),
        ({"text": {"query": "a", "fields": ["year"]}}, "text.fields has 'year', which the index does not declare"),
        ({"text": {"query": "a", "fields": []}}, "text.fields must have 1 to 16 fields"),
        ({"text": "e" * 10_001}, "text.query must have at most 10,000 characters"),
        ({"text": "red", "min_relevance": -1}, "min_relevance must be at least 0"),
        ({"min_relevance": 1}, "'min_relevance' requires 'text'"),
        ({"text": {"query": "a", "highlight": True}}, "highlight"),
    ],
)
def test_words_that_are_not_valid_are_refused(api: Api, request_of: Any, body: Any, detail: str) -> None:
    answer = request_of(api, **body)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert detail in answer.json["detail"]


def test_a_field_twice_in_the_words_is_refused(api: Api) -> None:
    answer = api.send("POST", "/indexes/t/vectors/count", '{"text": {"query": "a", "query": "b"}}')
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "'query' more than once" in answer.json["detail"]


def test_an_index_without_texts_counts_no_words(ephemeral: Api) -> None:
    ephemeral.create()
    answer = count(ephemeral, text="fox")
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "declares no texts" in answer.json["detail"]
