"""PutVectors: a batch is stored as a whole or not at all."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.vector_index import BUCKET, INDEX, NATIVE, VectorIndex, a_vector, refusal

_BODY = (
    f'{{"vectorBucketName": "{BUCKET}", "indexName": "{INDEX}", '
    '"vectors": [{"key": "alien", "data": {"float32": [1, 0]}}, %s]}'
)


def test_a_put_replaces_vector_and_metadata(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979, genre="horror"))
    plots.put(a_vector("alien", [0, 1], genre="science fiction"))
    [found] = plots.get("alien", returnData=True, returnMetadata=True)
    assert found == {"key": "alien", "data": {"float32": [0.0, 1.0]}, "metadata": {"genre": "science fiction"}}


def test_a_put_without_metadata_removes_that_which_is_stored(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979))
    plots.put(a_vector("alien", [1, 0]))
    assert plots.get("alien", returnMetadata=True) == [{"key": "alien", "metadata": {}}]
    assert plots.found({"year": {"$exists": True}}) == []


def test_null_metadata_is_no_metadata(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979))
    plots.put({"key": "alien", "data": {"float32": [1, 0]}, "metadata": None})
    assert plots.get("alien", returnMetadata=True) == [{"key": "alien", "metadata": {}}]


def test_of_a_repeated_key_the_last_vector_is_stored(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], take=1), a_vector("alien", [0, 1], take=2))
    [found] = plots.get("alien", returnData=True, returnMetadata=True)
    assert (found["data"]["float32"], found["metadata"]) == ([0.0, 1.0], {"take": 2})


def test_components_are_stored_as_float32(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [0.1, 16_777_217]))
    assert plots.get("alien", returnData=True)[0]["data"]["float32"] == [0.10000000149011612, 16_777_216.0]


def test_metadata_beyond_two_kilobytes_can_be_filtered(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], text="x" * 40_000, genre="horror"))
    assert plots.found({"genre": "horror"}) == ["alien"]


def test_metadata_beyond_40_kilobytes_or_50_keys_is_refused(plots: VectorIndex) -> None:
    keys = {f"k{number}": number for number in range(50)}
    plots.put(a_vector("alien", [1, 0], text="x" * (40_960 - len("text"))), a_vector("brazil", [1, 0], **keys))
    refused = refusal(
        plots.put,
        a_vector("alien", [1, 0], text="x" * (40_961 - len("text"))),
        a_vector("brazil", [1, 0], **keys, more=1),
    )
    assert refused["fields"] == [
        ("vectors[0].metadata", "metadata must have at most 40 KB, but has 40,961 bytes"),
        ("vectors[1].metadata", "metadata must have at most 50 keys, but has 51"),
    ]


@pytest.mark.parametrize(
    "text", ["é" * 20_000, "映" * 13_000, "🎬" * 10_000, '"' * 40_000, "\n" * 40_000, "\x00" * 40_000]
)
def test_metadata_is_counted_in_utf_8_however_an_sdk_writes_it(plots: VectorIndex, text: str) -> None:
    plots.put(a_vector("alien", [1, 0], text=text, list=[text[:10], 1.5, True]))
    [found] = plots.get("alien", returnMetadata=True)
    assert found["metadata"] == {"text": text, "list": [text[:10], 1.5, True]}


def test_metadata_is_counted_in_lists_and_objects_too(plots: VectorIndex) -> None:
    metadata = {"list": ["é" * 10_000, {"inner": "é" * 11_000}]}
    [(path, reason)] = refusal(plots.put, a_vector("alien", [1, 0], **metadata))["fields"]
    assert (path, reason) == ("vectors[0].metadata", "metadata must have at most 40 KB, but has 42,009 bytes")


def test_a_vector_of_another_length_refuses_the_batch_in_the_words_of_aws(plots: VectorIndex) -> None:
    refused = refusal(plots.put, a_vector("alien", [1, 0]), a_vector("brazil", [1, 0, 0]))
    reason = "vector must have length 2, but has length 3"
    assert refused["Message"] == f"Invalid record for key 'brazil': {reason}"
    assert refused["fields"] == [("vectors[1].data", reason)]
    assert plots.found() == []


@pytest.mark.parametrize("component", ['"NaN"', '"Infinity"', "1e39", "-1e39", '"1"', "null", "true", "[1]", "{}"])
def test_a_component_that_is_not_a_finite_float32_refuses_the_batch(plots: VectorIndex, component: str) -> None:
    answer = plots.api.send(
        "POST", "/PutVectors", _BODY % f'{{"key": "brazil", "data": {{"float32": [1, {component}]}}}}'
    )
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException"), answer.text
    assert answer.json["fieldList"][0]["path"] == "vectors[1].data"
    assert "brazil" in answer.json["message"]
    assert plots.found() == []


def test_botocore_sends_nan_as_text_and_gets_a_validation_exception(plots: VectorIndex) -> None:
    refused = refusal(plots.put, a_vector("alien", [1, float("nan")]))
    assert (refused["Code"], refused["fields"][0][0]) == ("ValidationException", "vectors[0].data")


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e999", "01", ""])
def test_a_body_that_is_not_json_is_refused(plots: VectorIndex, literal: str) -> None:
    answer = plots.api.send("POST", "/PutVectors", _BODY % f'{{"key": "a", "data": {{"float32": [1, {literal}]}}}}')
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException")


def test_a_zero_vector_is_refused_under_cosine_and_stored_under_euclidean(ephemeral: Api) -> None:
    refused = refusal(VectorIndex(ephemeral, distance="cosine").put, a_vector("alien", [0, 0]))
    assert refused["fields"][0][0] == "vectors[0].data"
    assert "zero" in refused["Message"]


def test_a_zero_vector_is_stored_under_euclidean(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [0, 0]))
    assert plots.found() == ["alien"]


@pytest.mark.parametrize("metadata", ["text", 7, True, [1], [{"year": 1979}]])
def test_metadata_must_be_an_object(plots: VectorIndex, metadata: Any) -> None:
    refused = refusal(plots.put, {"key": "alien", "data": {"float32": [1, 0]}, "metadata": metadata})
    assert refused["fields"] == [("vectors[0].metadata", "metadata must be an object")]


@pytest.mark.parametrize("data", [{}, {"float32": None}, {"float32": "AAAA"}, {"float32": {}}])
def test_data_must_be_an_array_of_numbers(plots: VectorIndex, data: Any) -> None:
    answer = plots.api.send("POST", "/PutVectors", {**plots.names, "vectors": [{"key": "alien", "data": data}]})
    assert (answer.status, answer.json["fieldList"][0]["path"]) == (400, "vectors[0].data")


def test_every_vector_that_is_not_valid_is_listed(plots: VectorIndex) -> None:
    made = [a_vector(f"film {number}", [1] * number, year=1979) for number in range(1, 5)]
    refused = refusal(plots.put, *made)
    assert [path for path, _ in refused["fields"]] == ["vectors[0].data", "vectors[2].data", "vectors[3].data"]
    assert refused["Message"].startswith("Invalid record for key 'film 1': vector must have length 2")
    assert refused["Message"].endswith("3 vectors are not valid; nothing was stored")


def test_a_key_has_at_most_1024_characters_and_bytes(plots: VectorIndex) -> None:
    plots.put(a_vector("k" * 1024, [1, 0]), a_vector("é" * 512, [1, 0]))
    assert refusal(plots.put, a_vector("k" * 1025, [1, 0]))["fields"][0][0] == "/vectors/0/key"
    assert refusal(plots.put, a_vector("", [1, 0]))["fields"][0][0] == "/vectors/0/key"
    too_long = "key must be 1 to 1,024 UTF-8 bytes, not 1,026"
    assert refusal(plots.put, a_vector("é" * 513, [1, 0]))["fields"] == [("vectors[0].key", too_long)]
    assert len(plots.found()) == 2


def test_a_request_has_1_to_500_vectors(plots: VectorIndex) -> None:
    plots.put(*(a_vector(f"v{number}", [number, 1]) for number in range(500)))
    assert refusal(plots.put, *(a_vector(f"w{number}", [number, 1]) for number in range(501)))["status"] == 400
    assert refusal(plots.put)["status"] == 400
    assert len(plots.pages("list_vectors")[0]["vectors"]) == 500


def test_an_unknown_member_is_refused(plots: VectorIndex) -> None:
    extra = {**plots.names, "vectors": [a_vector("alien", [1, 0])], "upsert": False}
    answer = plots.api.send("POST", "/PutVectors", extra)
    assert (answer.status, answer.json["__type"]) == (400, "ValidationException")
    assert plots.found() == []


def test_the_native_api_sees_what_was_put(plots: VectorIndex) -> None:
    plots.put(a_vector("alien", [1, 0], year=1979), a_vector("brazil", [0, 1]))
    found = plots.api.send("POST", f"/indexes/{NATIVE}/vectors/get", {"ids": ["alien", "brazil"]}).json["vectors"]
    assert [(one["id"], one["vector"], one["metadata"]) for one in found] == [
        ("alien", [1.0, 0.0], {"year": 1979}),
        ("brazil", [0.0, 1.0], {}),
    ]
