"""Filters of QueryVectors: what S3 Vectors documents, and what is refused. The vectors are those of four films."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.vector_index import NATIVE, VectorIndex, a_vector, refusal

_FILMS = {
    "nanook": {"genre": "documentary", "year": 1922, "rating": 7.6, "silent": True, "tags": ["arctic", "family"]},
    "alien": {"genre": "horror", "year": 1979, "rating": 8.5, "silent": False, "tags": ["space"]},
    "brazil": {"genre": "comedy", "year": 1985, "rating": 7.8, "silent": False},
}
_EVERY = ["alien", "bare", "brazil", "nanook"]  # `bare` has no metadata


@pytest.fixture
def films(ephemeral: Api) -> VectorIndex:
    index = VectorIndex(ephemeral, metadataConfiguration={"nonFilterableMetadataKeys": ["text", "a.b"]})
    index.put(*(a_vector(key, [1, n], **metadata) for n, (key, metadata) in enumerate(_FILMS.items())))
    index.put(a_vector("bare", [1, 5]))
    return index


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (None, _EVERY),
        ({}, _EVERY),
        ({"genre": "horror"}, ["alien"]),
        ({"genre": {"$eq": "horror"}}, ["alien"]),
        ({"year": 1979}, ["alien"]),
        ({"year": 1979.0}, ["alien"]),
        ({"year": "1979"}, []),
        ({"silent": True}, ["nanook"]),
        ({"silent": 1}, []),
        ({"tags": "family"}, ["nanook"]),
        ({"genre": {"$ne": "horror"}}, ["bare", "brazil", "nanook"]),
        ({"tags": {"$ne": "space"}}, ["bare", "brazil", "nanook"]),
        ({"year": {"$gt": 1979}}, ["brazil"]),
        ({"year": {"$gte": 1979}}, ["alien", "brazil"]),
        ({"year": {"$lt": 1979}}, ["nanook"]),
        ({"rating": {"$lte": 7.8}}, ["brazil", "nanook"]),
        ({"year": {"$gte": 1930, "$lt": 1980}}, ["alien"]),
        ({"genre": {"$gt": 5}}, []),
        ({"genre": {"$in": ["comedy", "horror", "noir"]}}, ["alien", "brazil"]),
        ({"tags": {"$in": ["space", "arctic"]}}, ["alien", "nanook"]),
        ({"genre": {"$nin": ["comedy", "horror"]}}, ["bare", "nanook"]),
        ({"tags": {"$exists": True}}, ["alien", "nanook"]),
        ({"tags": {"$exists": False}}, ["bare", "brazil"]),
        ({"$and": [{"silent": False}, {"year": {"$gte": 1980}}]}, ["brazil"]),
        ({"$or": [{"genre": "comedy"}, {"year": 1922}]}, ["brazil", "nanook"]),
        ({"$and": [{"$or": [{"year": 1922}, {"year": 1979}]}, {"silent": {"$ne": True}}]}, ["alien"]),
        ({"nothing": {"$ne": 1}}, _EVERY),
        ({"nothing": 1}, []),
    ],
)
def test_a_filter_selects_what_s3_vectors_documents(films: VectorIndex, chosen: Any, expected: list[str]) -> None:
    assert films.found(chosen) == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"genre": "horror", "year": 1979}, ["alien"]),
        ({"genre": "horror", "year": 1985}, []),
        ({"$not": {"genre": "horror"}}, ["bare", "brazil", "nanook"]),
        ({"genre": {"$prefix": "doc"}}, ["nanook"]),
        ({"genre": {"$glob": "h*r"}}, ["alien"]),
        ({"genre": {"$gte": "documentary"}}, ["alien", "nanook"]),
    ],
)
def test_what_s3_vectors_refuses_and_cannot_mean_something_else_is_allowed(
    films: VectorIndex, chosen: Any, expected: list[str]
) -> None:
    assert films.found(chosen) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [
        "horror",
        [{"genre": "horror"}],
        7,
        True,
        {"$and": []},
        {"$or": []},
        {"$and": {}},
        {"$and": [{}]},
        {"$or": [{"genre": "horror"}, {}]},
        {"$and": ["horror"]},
        {"genre": {}},
        {"genre": []},
        {"genre": ["horror"]},
        {"genre": None},
        {"genre": {"$eq": None}},
        {"genre": {"$eq": ["horror"]}},
        {"genre": {"$eq": {"a": 1}}},
        {"genre": {"$ne": None}},
        {"genre": {"$in": []}},
        {"genre": {"$nin": []}},
        {"genre": {"$in": "horror"}},
        {"genre": {"$in": ["horror", None]}},
        {"genre": {"$in": [["horror"]]}},
        {"genre": {"$gt": None}},
        {"genre": {"$gt": True}},
        {"genre": {"$gt": [1]}},
        {"genre": {"$match": "horror"}},
        {"$or": [{"year": 1979}, {"genre": {"$not": {"$phrase": "horror"}}}]},
        {"genre": {"$exists": 1}},
        {"genre": {"$exists": "true"}},
        {"genre": {"$regex": "h.*"}},
        {"genre": {"eq": "horror"}},
        {"genre": {"nested": {"key": 1}}},
        {"$eq": "horror"},
        {"$nor": [{"genre": "horror"}]},
        {"$unknown": 1},
        {"genre": {"$not": {"$in": []}}},
        {"$not": {"$and": []}},
    ],
)
def test_a_filter_that_is_not_valid_is_refused_not_ignored(films: VectorIndex, chosen: Any) -> None:
    refused = refusal(films.found, chosen)
    assert (refused["Code"], refused["Message"][:20]) == ("ValidationException", "Invalid query filter")
    assert refused["fields"][0][0].startswith("filter")


def test_a_key_twice_in_a_filter_is_refused(films: VectorIndex) -> None:
    text = (
        '{"vectorBucketName": "films", "indexName": "plots", "topK": 1, "queryVector": {"float32": [1, 1]}, '
        '"filter": {"year": {"$gt": 1}, "year": {"$gt": 2}}}'
    )
    assert films.api.send("POST", "/QueryVectors", text).status == 400


@pytest.mark.parametrize(
    "chosen",
    [
        {"text": "x"},
        {"text": {"$exists": True}},
        {"text": {"$ne": "x"}},
        {"text.inner": 1},
        {"a.b": 1},
        {"a.b.c": 1},
        {"$and": [{"genre": "horror"}, {"text": "x"}]},
        {"$or": [{"$and": [{"year": 1979}, {"$or": [{"genre": "horror"}, {"text": {"$in": ["x"]}}]}]}]},
        {"$not": {"text": "x"}},
        {"genre": "horror", "text": {"$not": {"$eq": "x"}}},
    ],
)
def test_a_filter_on_a_non_filterable_key_is_refused_at_any_depth(films: VectorIndex, chosen: Any) -> None:
    assert refusal(films.found, chosen)["Code"] == "ValidationException"


@pytest.mark.parametrize(
    "chosen", [{"textual": "x"}, {"tex": "x"}, {"Text": "x"}, {"a": 1}, {"a.bc": 1}, {"x.text": 1}]
)
def test_keys_that_only_resemble_a_non_filterable_one_can_be_filtered(films: VectorIndex, chosen: Any) -> None:
    assert films.found(chosen) == []


def test_values_of_non_filterable_keys_are_returned(films: VectorIndex) -> None:
    films.put(a_vector("alien", [1, 0], text="In space no one can hear you scream.", year=1979))
    assert films.found({"year": 1979}) == ["alien"]
    assert films.get("alien", returnMetadata=True)[0]["metadata"]["text"].startswith("In space")


def test_a_long_filter_is_allowed(films: VectorIndex) -> None:
    values = [f"genre number {number}" for number in range(2_000)]
    assert films.found({"genre": {"$in": [*values, "comedy"]}}) == ["brazil"]


def test_filters_hold_for_what_the_native_api_stored(films: VectorIndex) -> None:
    films.api.add({"id": "nested", "vector": [1, 9], "metadata": {"crew": {"director": "Scott"}}}, name=NATIVE)
    films.api.add({"id": "text", "vector": [1, 9], "metadata": "horror"}, name=NATIVE)
    films.api.add({"id": "null", "vector": [1, 9], "metadata": {"genre": None}}, name=NATIVE)
    assert films.found({"crew.director": "Scott"}) == ["nested"]
    assert films.found({"genre": {"$exists": True}}) == ["alien", "brazil", "nanook", "null"]
    assert films.found({"genre": {"$ne": "horror"}}) == ["bare", "brazil", "nanook", "nested", "null", "text"]
