"""Filters by the words of texts over HTTP, in every operation that takes a filter."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api

TEXT = {"body": {}, "by.title": {"language": None}}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("fox", {"body": "The quick brown fox jumps", "kind": "a"}),
    ("dog", {"body": ["A lazy dog", "brown and quick"], "kind": "b"}),
    ("city", {"body": "東京都の地図", "by": {"title": "Map 7"}, "kind": "a"}),
    ("bread", {"body": "quickly brown the bread", "kind": "b"}),
    ("none", {"kind": "a"}),
]


@pytest.fixture(params=[1, 3], ids=["one blob", "shards"])
def filled(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    assert ephemeral.create(shards=request.param, text=TEXT).status == 201
    for part in (ROWS[:3], ROWS[3:]):
        rows = [{"id": each, "vector": [1, len(each)], "metadata": metadata} for each, metadata in part]
        assert ephemeral.add(*rows).status == 200
    return ephemeral


def count(api: Api, chosen: Any) -> Answer:
    return api.send("POST", "/indexes/t/vectors/count", {"filter": chosen})


def listed(api: Api, chosen: Any, **query: str) -> list[str]:
    answer = api.send("GET", "/indexes/t/vectors", query={"filter": json.dumps(chosen), **query})
    assert answer.status == 200, answer.text
    return sorted(each["id"] for each in answer.json["vectors"])


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({"body": {"$match": "brown quick"}}, ["bread", "dog", "fox"]),
        ({"body": {"$match_any": "dogs bread"}}, ["bread", "dog"]),
        ({"body": {"$phrase": "quick brown"}}, ["bread", "fox"]),
        ({"body": {"$phrase": "brown the fox"}}, []),
        ({"body": {"$match": "地図"}}, ["city"]),
        ({"by.title": {"$match": "MAP"}}, ["city"]),
        ({"kind": "a", "body": {"$not": {"$match": "brown"}}}, ["city", "none"]),
        ({"$or": [{"body": {"$phrase": "lazy dog"}}, {"body": "quickly brown the bread"}]}, ["bread", "dog"]),
    ],
    ids=str,
)
def test_words_select_vectors(filled: Api, chosen: Any, ids: list[str]) -> None:
    assert listed(filled, chosen) == listed(filled, chosen, order_by="kind") == ids
    assert count(filled, chosen).json["count"] == len(ids)
    found = filled.send("POST", "/indexes/t/search", {"vector": [1, 1], "k": 9, "filter": chosen})
    assert sorted(match["id"] for match in found.json["matches"]) == ids
    assert found.json["eligible"] == len(ids)
    facets = filled.send("POST", "/indexes/t/vectors/facets", {"paths": ["kind"], "filter": chosen}).json
    assert (facets["count"], facets["facets"][0]["rows"]) == (len(ids), len(ids))


def test_words_select_what_is_patched_and_deleted(filled: Api) -> None:
    chosen = {"body": {"$phrase": "quick brown"}}
    patched = filled.send("PATCH", "/indexes/t/vectors", {"filter": chosen, "metadata": {"body": "no words of it"}})
    assert (patched.status, patched.json["patched"]) == (200, 2)
    assert listed(filled, chosen) == []
    assert listed(filled, {"body": {"$phrase": "words of it"}}) == ["bread", "fox"]
    for body in ({"dry_run": True}, {}):
        deleted = filled.send("POST", "/indexes/t/vectors/delete", {"filter": {"body": {"$match": "words"}}, **body})
        assert (deleted.status, deleted.json["deleted"]) == (200, 2)
    assert listed(filled, {}) == ["city", "dog", "none"]


@pytest.mark.parametrize(
    ("chosen", "detail"),
    [
        ({"kind": {"$match": "a"}}, "filter.kind.$match needs a field of texts"),
        ({"$or": [{"body": {"$phrase": "the"}}]}, "filter.$or[0].body.$phrase has only stop words: the."),
        ({"body": {"$match_any": "?!"}}, "filter.body.$match_any has no words"),
        ({"body": {"$match": 5}}, "filter.body.$match needs a text, not a number."),
        ({"body": {"$match": "x" * 1_025}}, "filter.body.$match is longer than 1024 bytes."),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_has_no_words_is_refused_and_nothing_changes(filled: Api, chosen: Any, detail: str) -> None:
    requests = [
        ("POST", "/indexes/t/vectors/count", {"filter": chosen}),
        ("POST", "/indexes/t/search", {"vector": [1, 1], "filter": chosen}),
        ("POST", "/indexes/t/vectors/facets", {"paths": ["kind"], "filter": chosen}),
        ("PATCH", "/indexes/t/vectors", {"filter": chosen, "metadata": {}}),
        ("POST", "/indexes/t/vectors/delete", {"filter": chosen}),
    ]
    for method, path, body in requests:
        answer = filled.send(method, path, body)
        assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:filter-invalid"), answer.text
        assert answer.json["detail"].startswith(detail)
    refused = filled.send("GET", "/indexes/t/vectors", query={"filter": json.dumps(chosen)})
    assert (refused.status, len(listed(filled, {}))) == (422, len(ROWS))


@pytest.mark.parametrize("shards", [1, 3])
def test_an_index_without_vectors_can_be_asked(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards, text=TEXT)
    assert count(ephemeral, {"body": {"$match": "quick"}}).json["count"] == 0
    assert count(ephemeral, {"other": {"$match": "quick"}}).status == 422


@pytest.mark.parametrize("shards", [1, 3])
def test_a_field_that_is_declared_later_is_found_by_its_words(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    assert ephemeral.add(*({"id": each, "vector": [1, 1], "metadata": data} for each, data in ROWS)).status == 200
    refused = count(ephemeral, {"body": {"$match": "brown"}})
    assert (refused.status, refused.json["detail"]) == (
        422,
        "filter.body.$match needs a field of texts, and the index declares no fields. For any other path use $glob.",
    )
    assert ephemeral.send("PATCH", "/indexes/t", {"text": TEXT}).status == 200
    assert count(ephemeral, {"body": {"$match": "brown"}}).json["count"] == 3
