"""A sharded index over HTTP answers like a single-object index, except where docs/sharding.md says otherwise."""

import base64
import struct
from typing import Any

import pytest

from tests.support.api import Answer, Api, encoded
from tests.support.backends import S3Backend

A = {"id": "a", "vector": [1, 0], "metadata": {"colour": "red"}}
B = {"id": "b", "vector": [0, 1]}
ODD = ["a/b/c", "100%", "ü 漢字 🦆", "x" * 1024, "delete"]
MANY = [{"id": name, "vector": [place + 1, 1], "metadata": [place]} for place, name in enumerate(ODD)]


def _filled(api: Api) -> Api:
    """Return an API with `one` of one blob and `many` of four shards, which hold the same."""
    assert api.create("one").status == 201
    assert api.create("many", shards=4).status == 201
    for name in ("one", "many"):
        assert api.add(A, B, *MANY, name=name).status == 200
    return api


@pytest.fixture
def both(api: Api) -> Api:
    return _filled(api)


@pytest.fixture
def both_in_memory(ephemeral: Api) -> Api:
    return _filled(ephemeral)


@pytest.fixture
def both_on_s3(on_s3_in_one_process: Api) -> Api:
    return _filled(on_s3_in_one_process)


PER_BLOB = (
    "count",
    "bytes_read",
    "requests",
    "rounds",
    "partitions",
    "entries",
    "bytes",
    "graph",
    "index",
    "shards",
    "calibration",
    "examined",
)
PER_REQUEST = ("milliseconds", "next")  # a cursor names its index


def comparable(answer: Answer, name: str) -> Any:
    """Give what an answer says that does not depend on shards."""
    shown = answer.json if answer.text else None
    if isinstance(shown, dict):
        for key in (*PER_BLOB, *PER_REQUEST):
            shown.pop(key, None)
    text = str(shown).replace(repr(name), "NAME")
    return answer.status, answer.headers.get("Content-Type"), text


REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/search", {"vector": [1, 0.5], "k": 3}),
    ("POST", "/search", {"vector": [1, 0.5], "k": 100, "recall": 1}),
    ("POST", "/search", {"vector": [1, 0], "include": []}),
    ("POST", "/search", {"vector": [1, 0], "include": ["metadata", "vector"]}),
    ("POST", "/search", {"vector": base64.b64encode(struct.pack("<2f", 0.5, 0.1)).decode()}),
    ("POST", "/search", {"vector": [1, 0], "ef_search": 30}),
    ("POST", "/search", {"vector": [1, 0, 0]}),
    ("POST", "/search", {"vector": [0, 0]}),
    ("POST", "/search", {"vector": [1, 0], "k": 0}),
    ("POST", "/search", {"vector": [1, 0], "recall": 2}),
    ("POST", "/vectors", {"vectors": [B, {"id": "c", "vector": [1, 1]}]}),
    ("POST", "/vectors", {"vectors": []}),
    (
        "POST",
        "/vectors",
        {"vectors": [{"id": "c", "vector": [1, 1]}, {"id": 7, "vector": [1]}, {"id": "", "vector": [0, 0]}]},
    ),
    ("POST", "/vectors/delete", {"ids": ["a", "absent", "b", "a"]}),
    ("POST", "/vectors/delete", {"ids": []}),
    ("DELETE", "/vectors/a", None),
    ("DELETE", "/vectors/absent", None),
    ("GET", "/vectors/absent", None),
    *(("GET", f"/vectors/{encoded(name)}", None) for name in ODD),
    *(("DELETE", f"/vectors/{encoded(name)}", None) for name in ODD),
    *(("POST", f"/vectors/{action}", {"ids": [name]}) for name in ODD for action in ("get", "delete")),
    ("GET", "", None),
    ("DELETE", "", None),
]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS, ids=lambda value: str(value)[:40])
def test_every_request_is_answered_as_by_a_single_object_index(
    both_in_memory: Api, method: str, path: str, body: Any
) -> None:
    _answers_are_equal(both_in_memory, method, path, body)


@pytest.mark.slow
def test_requests_over_s3_are_answered_as_by_a_single_object_index(both_on_s3: Api) -> None:
    for method, path, body in (
        ("POST", "/search", {"vector": [1, 0], "include": ["metadata", "vector"]}),
        ("POST", "/vectors", {"vectors": [B, {"id": "c", "vector": [1, 1]}]}),
        ("POST", "/vectors/delete", {"ids": ["a", "absent", "b", "a"]}),
        *((method, f"/vectors/{encoded(name)}", None) for name in ODD for method in ("GET", "DELETE")),
        *(("POST", f"/vectors/{action}", {"ids": [name]}) for name in ODD for action in ("get", "delete")),
        ("GET", "", None),
        ("DELETE", "", None),
    ):
        _answers_are_equal(both_on_s3, method, path, body)


def _answers_are_equal(both: Api, method: str, path: str, body: Any) -> None:
    one, many = (both.send(method, f"/indexes/{name}{path}", body) for name in ("one", "many"))
    assert comparable(many, "many") == comparable(one, "one")
    left = [both.search([1, 0.5], name=name, k=100) for name in ("one", "many")]
    assert comparable(left[1], "many") == comparable(left[0], "one")


def test_creation_returns_shards_and_generation(api: Api) -> None:
    answer = api.create(shards=4)
    index = answer.json["index"]
    assert (answer.status, index["shards"], answer.json["count"]) == (201, 4, 0)
    assert index["generation"]
    assert answer.etag == api.send("GET", "/indexes/t").etag


@pytest.mark.parametrize("shards", [None, 1])
def test_one_shard_makes_a_single_object_index(api: Api, shards: int | None) -> None:
    assert "shards" not in api.create(shards=shards).json["index"]


@pytest.mark.parametrize("shards", [0, -1, 1_001, "4", 2.5])
def test_an_invalid_number_of_shards_is_refused(ephemeral: Api, shards: Any) -> None:
    assert ephemeral.create(shards=shards).json["type"] == "urn:vectord:problem:request-invalid"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_more_shards_than_the_deployment_allows_are_refused_by_the_name_of_its_parameter(
    ephemeral: Api, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("VECTORD_MAX_SHARDS", "3")
    path, named = ("/indexes", {"name": "t"}) if method == "POST" else ("/indexes/t", {})
    refused = ephemeral.send(method, path, {**named, "dimension": 2, "shards": 4})
    assert (refused.status, refused.json["type"]) == (422, "urn:vectord:problem:request-invalid")
    assert refused.json["detail"].startswith("shards must be at most 3, not 4: the parameter MaxShards")
    assert ephemeral.send("GET", "/indexes").json["indexes"] == []
    assert ephemeral.create(shards=3).status == 201


def test_a_new_index_has_at_most_100_shards_by_default(ephemeral: Api) -> None:
    assert "at most 100, not 101" in ephemeral.create(shards=101).json["detail"]


def test_an_index_with_more_shards_than_a_new_one_may_have_still_works(
    bucket: S3Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORD_MAX_SHARDS", "4")
    assert Api().create(shards=4).status == 201
    monkeypatch.setenv("VECTORD_MAX_SHARDS", "2")
    later = Api()
    assert later.add(A, B).status == 200
    assert [match["id"] for match in later.search([1, 0], k=2).json["matches"]] == ["a", "b"]
    assert later.send("DELETE", "/indexes/t").status == 204


def test_a_description_sums_over_shards_and_lists_them(both: Api) -> None:
    answer = both.send("GET", "/indexes/many")
    shards = answer.json["shards"]
    assert len(shards) == 4
    assert answer.json["count"] == sum(shard["count"] for shard in shards) == 2 + len(ODD)
    assert answer.json["bytes"] == sum(shard["bytes"] for shard in shards)


def test_a_search_counts_all_shards_and_has_the_etag_of_the_description(both: Api) -> None:
    answer = both.search([1, 0], name="many")
    assert answer.json["count"] == 2 + len(ODD)
    assert answer.etag == both.send("GET", "/indexes/many").etag


def test_a_write_returns_neither_count_nor_etag(both: Api) -> None:
    for answer in (both.add(A, name="many"), both.send("DELETE", "/indexes/many/vectors/b")):
        assert answer.status == 200
        assert answer.json["count"] is None
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("etag", ['"0"', None])
def test_a_precondition_is_refused(both_in_memory: Api, etag: str | None, header: str) -> None:
    headers = {header: etag or both_in_memory.send("GET", "/indexes/many").etag}
    for method, path, body in (
        ("POST", "/vectors", {"vectors": [A]}),
        ("POST", "/vectors/delete", {"ids": ["a"]}),
        ("DELETE", "/vectors/a", None),
        ("DELETE", "", None),
    ):
        answer = both_in_memory.send(method, f"/indexes/many{path}", body, headers=headers)
        assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:request-invalid")


def test_a_read_with_a_matching_if_none_match_returns_304(both: Api) -> None:
    etag = both.send("GET", "/indexes/many").etag
    assert both.send("GET", "/indexes/many", headers={"If-None-Match": etag}).status == 304
    both.add(A, name="many")
    assert both.send("GET", "/indexes/many", headers={"If-None-Match": etag}).status == 200


def test_creating_over_a_sharded_index_checks_preconditions(both: Api) -> None:
    body = {"name": "many", "dimension": 2, "shards": 2}
    assert both.send("POST", "/indexes", body, headers={"If-None-Match": "*"}).status == 412


def test_shards_are_not_listed(both: Api) -> None:
    assert [shown["name"] for shown in both.send("GET", "/indexes").json["indexes"]] == ["many", "one"]


def test_deleting_removes_every_object(on_s3_in_one_process: Api, bucket: S3Backend) -> None:
    api = on_s3_in_one_process
    api.create(shards=4)
    assert len(bucket.keys()) == 5
    api.send("DELETE", "/indexes/t")
    assert bucket.keys() == []


def test_shards_cannot_be_addressed_by_path(on_s3_in_one_process: Api, bucket: S3Backend) -> None:
    api = on_s3_in_one_process
    api.create(shards=2)
    [shard, *_] = [name for name in bucket.objects() if name.endswith("/0")]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/vectors/a"), ("DELETE", "/vectors/a")):
        assert api.send(method, f"/indexes/{encoded(shard)}{path}").json["type"].endswith(":index-not-found")
    assert api.add(A, name=encoded(shard)).json["type"].endswith(":index-not-found")
    assert len(bucket.keys()) == 3


def test_functions_see_writes_of_other_functions(on_s3: Api) -> None:
    on_s3.create(shards=4)
    on_s3.add(A, B, *MANY)
    assert on_s3.search([1, 0], k=1).json["matches"][0]["id"] == "a"
    on_s3.send("DELETE", "/indexes/t/vectors/a")
    assert "a" not in [match["id"] for match in on_s3.search([1, 0]).json["matches"]]
