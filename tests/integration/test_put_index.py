"""PUT /indexes/{name} creates an index as POST /indexes does; the name is in the path."""

from typing import Any

import pytest

from tests.support.api import Api

PROBLEM = "urn:vectord:problem:"


@pytest.mark.parametrize("shards", [1, 3])
def test_it_answers_as_a_post_does(api: Api, shards: int) -> None:
    parameters = {"dimension": 3, "distance": "euclidean", "m": 8, "ef_search": 30, "shards": shards}
    posted = api.send("POST", "/indexes", {"name": "posted", **parameters})
    put = api.send("PUT", "/indexes/put", parameters)
    assert (posted.status, put.status) == (201, 201)
    assert put.headers["Location"] == "/indexes/put"
    # a generation differs between any two sharded indexes
    ignored = {"name", "generation"}
    first, second = ({k: v for k, v in one.json["index"].items() if k not in ignored} for one in (posted, put))
    assert first == second
    assert api.send("GET", "/indexes/put").etag == put.etag


@pytest.mark.parametrize("shards", [1, 3])
def test_an_index_that_exists_is_not_changed(api: Api, shards: int) -> None:
    etag = api.send("PUT", "/indexes/t", {"dimension": 3, "shards": shards}).etag
    for headers, status, slug in [
        ({}, 409, "index-exists"),
        ({"if-none-match": "*"}, 412, "precondition-failed"),
        ({"if-match": '"other"'}, 412, "precondition-failed"),
    ]:
        put = api.send("PUT", "/indexes/t", {"dimension": 4}, headers=headers)
        posted = api.send("POST", "/indexes", {"name": "t", "dimension": 4}, headers=headers)
        assert (put.status, put.json["type"]) == (status, PROBLEM + slug)
        assert (put.status, put.json) == (posted.status, posted.json)
    assert api.send("GET", "/indexes/t").etag == etag


def test_a_free_name_satisfies_if_none_match(api: Api) -> None:
    assert api.send("PUT", "/indexes/t", {"dimension": 3}, headers={"if-none-match": "*"}).status == 201


@pytest.mark.parametrize("name", ["t", None])
def test_the_body_may_repeat_the_name(api: Api, name: str | None) -> None:
    assert api.send("PUT", "/indexes/t", {"name": name, "dimension": 3}).status == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("t", {"name": "u", "dimension": 3}),
        ("t", {"name": "", "dimension": 3}),
        ("t", {"name": "T", "dimension": 3}),
        ("t", {}),
        ("t", {"dimension": 0}),
        ("t", {"dimension": 3, "colour": "red"}),
        (".t", {"dimension": 3}),
        ("a%20b", {"dimension": 3}),
        ("a%2Fb", {"dimension": 3}),
    ],
)
def test_a_body_or_a_name_that_is_not_valid_creates_nothing(ephemeral: Api, path: str, body: Any) -> None:
    answer = ephemeral.send("PUT", f"/indexes/{path}", body)
    assert (answer.status, answer.json["type"]) == (422, PROBLEM + "request-invalid")
    assert ephemeral.send("GET", "/indexes").json["indexes"] == []
