"""`vector_encoding`: vectors in answers as base64, in the form that writes accept."""

import base64
import gzip
import json
from typing import Any

import numpy as np
import pytest

from tests.support.api import Api

VECTORS = {"a": [0.1, -2.5, 3e38], "b": [-0.0, 1e-45, 7.0], "c": [1.0, 1.0, 1.0]}
BASE64 = {"vector_encoding": "base64"}


def packed(vector_id: str) -> str:
    return base64.b64encode(np.array(VECTORS[vector_id], "<f4").tobytes()).decode()


@pytest.fixture(params=[1, 3], ids=["one blob", "three shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    return filled(ephemeral, request.param)


def filled(api: Api, shards: int) -> Api:
    api.create(dimension=3, distance="euclidean", shards=shards)
    api.add(*({"id": name, "vector": vector} for name, vector in VECTORS.items()))
    return api


def shown(vectors: Any) -> dict[str, Any]:
    return {one["id"]: one["vector"] for one in vectors}


@pytest.mark.parametrize("query", [{"vector": [1, 1, 1]}, {"id": "c"}, {"vectors": [[1, 1, 1]]}])
def test_a_search_returns_vectors_as_base64(api: Api, query: dict[str, Any]) -> None:
    answer = api.send("POST", "/indexes/t/search", {**query, "include": ["vector"], **BASE64}).json
    matches = answer["results"][0]["matches"] if "vectors" in query else answer["matches"]
    assert shown(matches) == {name: packed(name) for name in VECTORS if name != query.get("id")}


def test_a_lookup_returns_its_vector_as_base64(api: Api) -> None:
    assert api.send("GET", "/indexes/t/vectors/b", query=BASE64).json["vector"] == packed("b")


def test_a_get_returns_vectors_as_base64(api: Api) -> None:
    answer = api.send("POST", "/indexes/t/vectors/get", {"ids": list(VECTORS), **BASE64}).json
    assert shown(answer["vectors"]) == {name: packed(name) for name in VECTORS}


def test_a_listing_returns_vectors_as_base64(api: Api) -> None:
    answer = api.send("GET", "/indexes/t/vectors", query={"include": "vector", **BASE64}).json
    assert shown(answer["vectors"]) == {name: packed(name) for name in VECTORS}


@pytest.mark.parametrize("encoding", ["array", None])
def test_vectors_are_numbers_by_default(api: Api, encoding: str | None) -> None:
    query = {} if encoding is None else {"vector_encoding": encoding}
    assert api.send("GET", "/indexes/t/vectors/c", query=query).json["vector"] == [1.0, 1.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz"])
def test_an_export_writes_vectors_as_base64(on_s3_in_one_process: Api, kind: str, shards: int) -> None:
    api = filled(on_s3_in_one_process, shards)
    data = api.send("GET", "/indexes/t/export", query={"format": kind, **BASE64}).data
    lines = (gzip.decompress(data) if kind == "jsonl.gz" else data).splitlines()
    assert shown(map(json.loads, lines)) == {name: packed(name) for name in VECTORS}


def test_what_is_returned_can_be_added_bit_for_bit(api: Api) -> None:
    before = api.send("POST", "/indexes/t/vectors/get", {"ids": list(VECTORS), **BASE64}).json["vectors"]
    api.create("copy", 3, distance="euclidean")
    api.add(*before, name="copy")
    assert api.send("POST", "/indexes/copy/vectors/get", {"ids": list(VECTORS), **BASE64}).json["vectors"] == before


@pytest.mark.parametrize("encoding", ["float", "Base64", ""])
def test_an_unknown_encoding_is_refused_and_the_known_ones_are_named(api: Api, encoding: str) -> None:
    wrong = {"vector_encoding": encoding}
    answers = [
        api.send("POST", "/indexes/t/search", {"vector": [1, 1, 1], **wrong}),
        api.send("POST", "/indexes/t/vectors/get", {"ids": ["a"], **wrong}),
        api.send("GET", "/indexes/t/vectors", query=wrong),
        api.send("GET", "/indexes/t/vectors/a", query=wrong),
    ]
    for answer in answers:
        assert answer.status == 422
        assert all(word in answer.json["detail"] for word in ("vector_encoding", "array", "base64"))


@pytest.mark.parametrize("kind", ["lhv1", "parquet"])
def test_an_export_with_binary_vectors_has_no_encoding(on_s3_in_one_process: Api, kind: str) -> None:
    answer = filled(on_s3_in_one_process, 1).send("GET", "/indexes/t/export", query={"format": kind, **BASE64})
    assert (answer.status, "jsonl" in answer.json["detail"]) == (422, True)


@pytest.mark.slow
def test_more_vectors_fit_on_a_page_as_base64(ephemeral: Api) -> None:
    ephemeral.create("wide", 1024, distance="euclidean")
    rows = np.random.default_rng(1).normal(size=(600, 1024)).astype("<f4")
    for start in (0, 300):
        batch = [
            {"id": str(row), "vector": base64.b64encode(rows[row].tobytes()).decode()}
            for row in range(start, start + 300)
        ]
        ephemeral.add(*batch, name="wide")
    query = {"include": "vector", "limit": "1000"}
    numbers = ephemeral.send("GET", "/indexes/wide/vectors", query=query).json
    text = ephemeral.send("GET", "/indexes/wide/vectors", query={**query, **BASE64}).json
    assert (len(text["vectors"]), text["next"]) == (600, None)
    assert len(numbers["vectors"]) < 400
    rest = ephemeral.send("GET", "/indexes/wide/vectors", query={**query, **BASE64, "cursor": numbers["next"]}).json
    assert len(rest["vectors"]) == 600 - len(numbers["vectors"])
