"""Listings in the order of a metadata path over HTTP, in single-object and sharded indexes."""

import json
import random
from typing import Any

import pytest

from tests.support.api import Answer, Api
from vectord.service.sharding import execute

HUGE = 10**30
VALUES: dict[str, Any] = {
    "false": False,
    "true": [True, "z"],
    "minus": -1,
    "one": 1,
    "one again": [1.0, 7],
    "float": 1.5,
    "huge": HUGE,
    "huger": HUGE + 1,
    "empty text": "",
    "text": "b",
    "long": "x" * 200 + "1",
    "longer": "x" * 200 + "2",
    "z": "é",
}
MISSING: dict[str, Any] = {"absent": ..., "null": None, "object": {"a": 1}, "array": []}
ASCENDING = [*VALUES, *sorted(MISSING)]
# The greatest value of an array counts.
DESCENDING = [
    *(
        "z",
        "true",
        "longer",
        "long",
        "text",
        "empty text",
        "huger",
        "huge",
        "one again",
        "float",
        "one",
        "minus",
        "false",
    ),
    *sorted(MISSING),
]


@pytest.fixture(params=[1, 4], ids=["one blob", "shards"])
def filled(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    ephemeral.create(shards=request.param)
    rows = [
        {"id": name, "vector": [1, place], "metadata": None if value is ... else {"by": {"v": value}, "place": place}}
        for place, (name, value) in enumerate({**VALUES, **MISSING}.items())
    ]
    random.Random(1).shuffle(rows)
    assert ephemeral.add(*rows).status == 200
    return ephemeral


def page(api: Api, **query: str) -> Answer:
    return api.send("GET", "/indexes/t/vectors", query=query)


def listed(api: Api, **query: str) -> list[str]:
    shown: list[str] = []
    while True:
        answer = page(api, **query)
        assert answer.status == 200, answer.text
        shown += [one["id"] for one in answer.json["vectors"]]
        if answer.json["next"] is None:
            return shown
        assert len(answer.json["vectors"]) == int(query.get("limit", 100))
        query["cursor"] = answer.json["next"]


def problem(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("urn:vectord:problem:")


@pytest.mark.parametrize("limit", ["1", "3", "17", "100"])
def test_pages_list_every_vector_once_in_the_order_of_its_value(filled: Api, limit: str) -> None:
    assert listed(filled, order_by="by.v", limit=limit) == ASCENDING
    assert listed(filled, order_by="by.v", order="asc", limit=limit) == ASCENDING
    assert listed(filled, order_by="by.v", order="desc", limit=limit) == DESCENDING


def test_a_path_without_values_lists_by_id(filled: Api) -> None:
    assert listed(filled, order_by="nowhere", limit="4") == sorted(ASCENDING)
    assert listed(filled, order_by="", limit="4") == sorted(ASCENDING)


@pytest.mark.parametrize("path", ["$place", r"\$place"])
def test_a_path_with_a_dollar_is_written_as_in_a_filter_or_plainly(filled: Api, path: str) -> None:
    for place, name in enumerate(ASCENDING):
        filled.send("PATCH", "/indexes/t/vectors", {"ids": [name], "metadata": {"$place": -place}})
    assert listed(filled, order_by=path, limit="4") == ASCENDING[::-1]


def test_filter_prefix_and_include_work_with_an_order(filled: Api) -> None:
    tree = json.dumps({"by.v": {"$gte": 1}})
    assert listed(filled, order_by="by.v", filter=tree, limit="2") == ["one", "one again", "float", "huge", "huger"]
    assert listed(filled, order_by="by.v", filter="{}", limit="2") == ASCENDING
    assert listed(filled, order_by="place", order="desc", prefix="o", limit="1") == ["object", "one again", "one"]
    [first] = page(filled, order_by="by.v", limit="1", include="metadata,vector").json["vectors"]
    assert first == {"id": "false", "metadata": {"by": {"v": False}, "place": 0}, "vector": [1, 0]}
    assert set(page(filled, order_by="by.v", limit="1", include="").json["vectors"][0]) == {"id"}


def test_a_listing_continues_after_its_last_vector_was_changed(filled: Api) -> None:
    first = page(filled, order_by="by.v", limit="4")
    filled.send("DELETE", "/indexes/t/vectors/one")
    filled.add({"id": "minus", "vector": [1, 1], "metadata": {"by": {"v": 1.25}}})
    filled.add({"id": "new", "vector": [1, 1], "metadata": {"by": {"v": 0}}})
    rest = listed(filled, order_by="by.v", limit="100", cursor=first.json["next"])
    assert rest == ["one again", "minus", *ASCENDING[5:]]


@pytest.mark.parametrize(
    "change",
    [
        {"order_by": "place"},
        {"order": "desc"},
        {"filter": "{}"},
        {"prefix": "o"},
    ],
    ids=str,
)
def test_a_cursor_of_another_listing_is_refused(filled: Api, change: dict[str, str]) -> None:
    query = {"order_by": "by.v", "limit": "2"}
    cursor = page(filled, **query).json["next"]
    assert page(filled, **query, cursor=cursor).status == 200
    assert problem(page(filled, **{**query, **change}, cursor=cursor)) == (422, "cursor-invalid")
    assert problem(page(filled, limit="2", cursor=cursor)) == (422, "cursor-invalid")
    assert problem(page(filled, **query, cursor=cursor[:-1])) == (422, "cursor-invalid")
    unordered = page(filled, limit="2").json["next"]
    assert problem(page(filled, **query, cursor=unordered)) == (422, "cursor-invalid")


@pytest.mark.parametrize(
    "query",
    [
        {"order": "asc"},
        {"order_by": "a", "order": "up"},
        {"order_by": "a", "segments": "2"},
        {"order_by": "a", "segment": "0"},
    ],
    ids=str,
)
def test_an_invalid_order_is_refused(filled: Api, query: dict[str, str]) -> None:
    assert problem(page(filled, **query)) == (422, "request-invalid")


@pytest.mark.slow
def test_a_page_ends_where_the_answer_is_full(ephemeral: Api) -> None:
    for shards, name in ((1, "one"), (3, "many")):
        ephemeral.create(name, shards=shards)
        rows = [
            {"id": f"row-{number}", "vector": [1, 0], "metadata": {"n": -number, "text": "\\" * 500_000}}
            for number in range(8)
        ]
        for half in (rows[:4], rows[4:]):
            assert ephemeral.add(*half, name=name).status == 200
        seen: list[str] = []
        query, count = {"order_by": "n", "limit": "100"}, 0
        while True:
            answer = ephemeral.send("GET", f"/indexes/{name}/vectors", query=query)
            assert (answer.status, len(answer.text.encode()) <= 6 << 20) == (200, True)
            seen, count = seen + [one["id"] for one in answer.json["vectors"]], count + 1
            if answer.json["next"] is None:
                break
            query["cursor"] = answer.json["next"]
        assert seen == [f"row-{number}" for number in reversed(range(8))]
        assert count > 1


def test_shards_return_only_as_many_rows_as_fit_into_a_message(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "_MAX_BYTES", 200)
    ephemeral.create(shards=3)
    ephemeral.add(*({"id": f"{n:02}", "vector": [1, 0], "metadata": {"n": n % 7}} for n in range(30)))
    seen: list[str] = []
    query = {"order_by": "n", "limit": "20"}
    while True:
        answer = page(ephemeral, **query)
        seen += [one["id"] for one in answer.json["vectors"]]
        if answer.json["next"] is None:
            break
        query["cursor"] = answer.json["next"]
    assert seen == [f"{n:02}" for n in sorted(range(30), key=lambda n: (n % 7, n))]
