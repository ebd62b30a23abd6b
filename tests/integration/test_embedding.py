"""The embedding model of an index over HTTP: recorded at creation, described, and kept by whatever writes the index."""

from typing import Any

import pytest

from tests.support.api import Api

PROBLEM = "urn:vectord:problem:"
E5 = {"model": "intfloat/multilingual-e5-small", "query_prefix": "query: ", "document_prefix": "passage: "}
OTHER = {"model": "other", "query_prefix": "", "document_prefix": ""}
A, B = {"id": "a", "vector": [1, 0]}, {"id": "b", "vector": [0, 1]}


def recorded(api: Api, name: str = "t", **query: str) -> Any:
    answer = api.send("GET", f"/indexes/{name}", query=query)
    assert answer.status == 200, answer.text
    return answer.json["index"].get("embedding")


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(("method", "path"), [("POST", "/indexes"), ("PUT", "/indexes/t")])
def test_a_new_index_records_its_model(api: Api, shards: int, method: str, path: str) -> None:
    created = api.send(method, path, {"name": "t", "dimension": 2, "shards": shards, "embedding": E5})
    assert (created.status, created.json["index"]["embedding"]) == (201, E5)
    assert recorded(api) == E5


@pytest.mark.parametrize("shards", [1, 3])
def test_prefixes_are_optional(ephemeral: Api, shards: int) -> None:
    ephemeral.create(embedding={"model": "m"}, shards=shards)
    assert recorded(ephemeral) == {"model": "m", "query_prefix": "", "document_prefix": ""}


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("absent", [{}, {"embedding": None}], ids=["absent", "null"])
def test_an_index_without_a_model_shows_none(ephemeral: Api, shards: int, absent: dict[str, None]) -> None:
    created = ephemeral.create(shards=shards, **absent)
    assert "embedding" not in created.json["index"]
    assert recorded(ephemeral) is None


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("other", [OTHER, None], ids=["another model", "no model"])
def test_an_index_that_exists_keeps_its_model(ephemeral: Api, shards: int, other: Any) -> None:
    etag = ephemeral.create(embedding=E5, shards=shards).etag
    put = ephemeral.send("PUT", "/indexes/t", {"dimension": 2, "embedding": other})
    assert (put.status, put.json["type"]) == (409, f"{PROBLEM}index-exists")
    assert ephemeral.create(embedding=other).status == 409
    assert recorded(ephemeral) == E5
    assert ephemeral.send("GET", "/indexes/t").etag == etag


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
def test_changes_and_builds_keep_the_model(api: Api, shards: int) -> None:
    api.create(embedding=E5, shards=shards)
    many = [{"id": str(number), "vector": [number + 1, 1], "metadata": number} for number in range(600)]
    assert api.add(*many).status == 200
    assert api.send("GET", "/indexes/t").json["graph"]["bytes"] > 0  # a build wrote it
    assert api.add(A, B).status == 200
    assert api.send("PATCH", "/indexes/t/vectors", {"ids": ["a"], "metadata": 1}).status == 200
    assert api.delete("b").status == 200
    assert recorded(api) == E5


def test_a_copy_has_the_model(api: Api) -> None:
    api.create(embedding=E5)
    api.add(A)
    copied = api.send("POST", "/indexes/t/copy", {"to": "u"})
    assert (copied.status, copied.json["index"]["embedding"]) == (201, E5)
    assert recorded(api, "u") == E5


def test_an_earlier_state_is_restored_with_the_model_of_its_vectors(api_with_versions: Api) -> None:
    api = api_with_versions
    api.create(embedding=E5)
    before = api.add(A).etag
    api.send("DELETE", "/indexes/t")
    api.create(embedding=OTHER)
    assert recorded(api, as_of=before) == E5
    restored = api.send("POST", "/indexes/t/restore", {"as_of": before})
    assert (restored.status, restored.json["index"]["embedding"]) == (200, E5)
    assert recorded(api) == E5


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    ("embedding", "detail"),
    [
        ("m", "embedding must be an object: "),
        ([], "embedding must be an object: "),
        ({}, "embedding must be an object: Object missing required field `model`"),
        ({"model": 5}, "`embedding.model`"),
        ({"model": "m", "query_prefix": None}, "`embedding.query_prefix`"),
        ({"model": "m", "revision": "1"}, "`revision`"),
        ({"model": ""}, "embedding.model must be 1 to 256 characters long, not 0"),
        ({"model": "m" * 257}, "embedding.model must be 1 to 256 characters long, not 257"),
        ({"model": "a\nb"}, "embedding.model must not have control characters"),
        ({"model": "m", "query_prefix": "p" * 1_025}, "embedding.query_prefix must be at most 1,024 characters"),
        ({"model": "m", "document_prefix": "p" * 1_025}, "embedding.document_prefix must be at most 1,024 characters"),
    ],
)
def test_a_model_that_is_not_valid_creates_nothing(ephemeral: Api, shards: int, embedding: Any, detail: str) -> None:
    for answer in (
        ephemeral.create(embedding=embedding, shards=shards),
        ephemeral.send("PUT", "/indexes/t", {"dimension": 2, "embedding": embedding, "shards": shards}),
    ):
        assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
        assert detail in answer.json["detail"]
    assert ephemeral.send("GET", "/indexes").json["indexes"] == []


@pytest.mark.parametrize("path", ["/indexes", "/indexes/t"])
def test_a_field_that_occurs_twice_in_the_model_is_refused(ephemeral: Api, path: str) -> None:
    body = '{"name": "t", "dimension": 2, "embedding": {"model": "m", "query_prefix": "a: ", "model": "n"}}'
    answer = ephemeral.send("POST" if path == "/indexes" else "PUT", path, body)
    assert (answer.status, answer.json["type"]) == (422, f"{PROBLEM}request-invalid")
    assert "'model' more than once" in answer.json["detail"]
