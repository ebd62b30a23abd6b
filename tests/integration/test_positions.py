"""Errors of a batch name the positions of its items in the request, for an index in one object and in shards."""

from typing import Any

import pytest

from tests.support.api import Api

SHARDS = pytest.mark.parametrize("shards", [1, 3])
# Items 2, 4, 5, 7 and 8 are bad; some ids are there twice.
BATCH: list[Any] = [
    {"id": "a", "vector": [1, 0]},
    {"id": "b", "vector": [1, 0]},
    {"id": "a", "vector": [1]},
    {"id": "a", "vector": [0, 1]},
    {"id": "", "vector": [1, 0]},
    {"id": "b", "vector": [0, 0]},
    {"id": "c", "vector": [1, 0]},
    {"id": "c", "vector": [1, 1e39]},
    {"id": "a"},
]


@SHARDS
def test_an_add_names_the_positions_of_its_bad_items(ephemeral: Api, shards: int) -> None:
    ephemeral.create(shards=shards)
    errors = ephemeral.add(*BATCH).json["errors"]
    assert [(error["position"], error["id"]) for error in errors] == [(2, "a"), (4, ""), (5, "b"), (7, "c"), (8, "a")]
    assert ephemeral.send("GET", "/indexes/t").json["count"] == 0


@SHARDS
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_change_by_ids_names_the_positions_of_its_bad_ids(ephemeral: Api, shards: int, method: str) -> None:
    ephemeral.create(shards=shards)
    ephemeral.add({"id": "a", "vector": [1, 0]}, {"id": "b", "vector": [1, 0]})
    path = "/indexes/t/vectors/delete" if method == "POST" else "/indexes/t/vectors"
    more = {} if method == "POST" else {"metadata": {}}
    errors = ephemeral.send(method, path, {"ids": ["b", 1, "a", "a", None], **more}).json["errors"]
    assert [error["position"] for error in errors] == [1, 4]
