"""Requests that would need much memory are refused by arithmetic, on single and sharded indexes."""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.support.api import Answer, Api

DIMENSION, ROWS = 512, 36
LIMIT = 6_291_456


@pytest.fixture(params=[1, 3], ids=["one blob", "shards"])
def api(request: pytest.FixtureRequest, ephemeral: Api) -> Api:
    """An API with index `t`, whose vectors are easy to compress."""
    assert ephemeral.create(dimension=DIMENSION, shards=request.param, distance="euclidean").status == 201
    rows = [{"id": f"{row:02}", "vector": [float(row)] * DIMENSION, "metadata": {"row": row}} for row in range(ROWS)]
    assert ephemeral.add(*rows).status == 200
    return ephemeral


def _search(api: Api, headers: Mapping[str, str] | None = None, **body: Any) -> Answer:
    vector = base64.b64encode(np.zeros(DIMENSION, "<f4").tobytes()).decode()
    body = {"vectors": [vector] * 100, "k": 10_000, "recall": 1, **body}
    return api.send("POST", "/indexes/t/search", body, headers=headers)


def test_matches_that_cannot_fit_are_refused_with_what_to_do(api: Api) -> None:
    answer = _search(api, include=["vector"])
    assert (answer.status, answer.json["type"]) == (413, "urn:vectord:problem:answer-too-large")
    assert "fewer queries" in answer.json["detail"]
    assert "'vector'" in answer.json["detail"]


def test_the_same_queries_without_vectors_are_answered(api: Api) -> None:
    results = _search(api, include=["metadata"]).json["results"]
    assert [len(result["matches"]) for result in results] == [ROWS] * 100


def test_what_fits_with_gzip_is_answered_with_gzip(api: Api) -> None:
    more = {"include": ["vector"], "vector_encoding": "base64"}
    assert _search(api, **more).status == 413
    answer = _search(api, {"Accept-Encoding": "gzip"}, **more)
    assert answer.status == 200
    assert len(answer.data) > LIMIT
    assert [len(result["matches"]) for result in answer.json["results"]] == [ROWS] * 100


@pytest.mark.slow
def test_a_page_of_large_metadata_ends_where_the_answer_is_full(api: Api) -> None:
    text = "x" * 1_000_000
    for row in range(10):
        assert api.add({"id": f"{row:02}", "vector": [float(row)] * DIMENSION, "metadata": text}).status == 200
    found, after = list[str](), None
    while True:
        body = {"vector": [0.0] * DIMENSION, "k": ROWS, "recall": 1, **({"after": after} if after else {})}
        answer = api.send("POST", "/indexes/t/search", body)
        assert answer.status == 200
        found += [match["id"] for match in answer.json["matches"]]
        after = answer.json["next"]
        if after is None:
            break
    assert found == [f"{row:02}" for row in range(ROWS)]


def test_a_patch_that_would_write_too_much_is_refused_and_changes_nothing(api: Api) -> None:
    body = {"filter": {}, "metadata": {"a": "x" * 5_000_000}}
    answer = api.send("PATCH", "/indexes/t/vectors", body)
    assert (answer.status, answer.json["type"]) == (413, "urn:vectord:problem:request-too-large")
    assert api.send("POST", "/indexes/t/vectors/count", {"filter": {"a": {"$exists": True}}}).json["count"] == 0
    assert api.send("PATCH", "/indexes/t/vectors", body | {"ids": ["00"], "filter": None}).json["patched"] == 1


def test_a_filter_of_more_than_6_mb_is_refused(api: Api) -> None:
    packed = gzip.compress(json.dumps({"filter": {"row": {"$in": ["x" * (6 << 20)]}}}).encode())
    answer = api.send("POST", "/indexes/t/vectors/count", packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:filter-invalid")


def test_metadata_of_more_than_6_mb_is_refused(api: Api) -> None:
    item = {"id": "large", "vector": [1.0] * DIMENSION, "metadata": "x" * (6 << 20)}
    packed = gzip.compress(json.dumps({"vectors": [item]}).encode())
    answer = api.send("POST", "/indexes/t/vectors", packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["type"]) == (422, "urn:vectord:problem:batch-invalid")
    assert "6 MB" in answer.json["errors"][0]["reason"]
