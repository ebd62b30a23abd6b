"""Whatever a body of S3 Vectors has in whichever member: the answer is an error of S3 Vectors, never a failure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.loaders import Loader

from tests.support.api import Answer, Api, in_memory
from tests.support.s3vectors import ARN_PREFIX, client

MODEL = Loader().load_service_model("s3vectors", "service-2")
OPERATIONS = sorted(
    name for name, one in MODEL["operations"].items() if not one["http"]["requestUri"].startswith("/tags")
)
# JSON texts that are not valid for most members, and are refused where they are not.
VALUES = [
    *("NaN", '"NaN"', "Infinity", "1e400", "-1", "0", "10001", "1e30", "9" * 20, "1.5", "true", "null"),
    *('""', '"x"', '"a\\nb"', "[]", "{}", "[[]]", '"\\ud800"', '{"a": 1, "a": 2}', "[1, 2, 3]", '{"float32": [1, 2]}'),
    *(
        '{"float32": ["NaN", 1, 2]}',
        '{"float32": [NaN, 1, 2]}',
        '{"float32": [1e39, 1, 2]}',
        '{"float32": [null, 1, 2]}',
    ),
    *("[" * 20_000 + "]" * 20_000, '{"a":' * 5_000 + "1" + "}" * 5_000),
]
VECTOR = '{"float32": [1, 2, 3]}'
MEMBERS: Mapping[str, Mapping[str, str]] = {
    "CreateIndex": {"indexName": '"other"', "dataType": '"float32"', "dimension": "3", "distanceMetric": '"cosine"'},
    "UpdateIndexMode": {"indexMode": '"CLASSIC"'},
    "PutVectorBucketDefaultIndexMode": {"defaultIndexMode": '"CLASSIC"'},
    "PutVectorBucketPolicy": {"policy": '"{}"'},
    "PutVectors": {"vectors": f'[{{"key": "b", "data": {VECTOR}}}]'},
    "GetVectors": {"keys": '["a"]'},
    "DeleteVectors": {"keys": '["absent"]'},
    "QueryVectors": {"topK": "1", "queryVector": VECTOR},
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VECTORD_ARN_PREFIX", ARN_PREFIX)
        made = in_memory(tmp_path_factory.mktemp("sections"))
        vectors = client(made)
        index = {"vectorBucketName": "media", "indexName": "films"}
        vectors.create_vector_bucket(vectorBucketName="media")
        vectors.create_index(**index, dataType="float32", dimension=3, distanceMetric="euclidean")
        vectors.put_vectors(**index, vectors=[{"key": "a", "data": {"float32": [1, 2, 3]}}])
        yield made


def check(answer: Answer) -> None:
    """Check that an answer is a success or an error of S3 Vectors, and not a failure of the service."""
    assert answer.status < 500, answer.text[:500]
    if answer.status >= 400:
        assert answer.json["__type"] == answer.headers["x-amzn-ErrorType"]
        assert answer.json["message"]


def members_of(operation: str) -> dict[str, Any]:
    members: dict[str, Any] = MODEL["shapes"][MODEL["operations"][operation]["input"]["shape"]]["members"]
    return members


def valid_members(operation: str) -> dict[str, str]:
    """Return the members of a request that names `media` and its index `films`, as JSON texts."""
    named = {"vectorBucketName": '"media"', "indexName": '"films"'}
    present = {name: text for name, text in named.items() if name in members_of(operation)}
    return present | MEMBERS.get(operation, {})


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.slow
def test_any_value_of_any_member_is_answered(api: Api, operation: str) -> None:
    for member in members_of(operation):
        for value in VALUES:
            members = valid_members(operation) | {member: value}
            body = ", ".join(f'"{name}": {text}' for name, text in members.items())
            check(api.send("POST", f"/{operation}", f"{{{body}}}"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_member_that_the_operation_does_not_have_is_refused(api: Api, operation: str) -> None:
    body = {name: json.loads(text) for name, text in valid_members(operation).items()}
    refused = api.send("POST", f"/{operation}", {**body, "unknown": None})
    assert (refused.status, refused.json["__type"]) == (400, "ValidationException")
    assert "unknown" in refused.json["message"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_body_that_is_not_an_object_is_refused(api: Api, operation: str) -> None:
    for body in (
        "nope",
        "[]",
        "null",
        "1",
        '"x"',
        "{",
        "\ufeff{}",
        "{} {}",
        b"\xff\xfe{",
        b'{"a": "\xff"}',
        " " * 10_000,
    ):
        refused = api.send("POST", f"/{operation}", body)
        assert (refused.status, refused.json["__type"]) == (400, "ValidationException")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_body_that_is_not_what_its_coding_says_is_refused(api: Api, operation: str) -> None:
    for coding, body in (("gzip", b"{}"), ("gzip", "{}"), ("br", b"{}"), ("gzip", b"\x1f\x8b\x08")):
        refused = api.send("POST", f"/{operation}", body, headers={"Content-Encoding": coding})
        assert (refused.status, refused.json["__type"]) == (400, "ValidationException")


def test_a_body_over_6_mb_names_the_ways_to_send_less(api: Api) -> None:
    refused = api.send("POST", "/PutVectors", "x" * (6_291_456 + 1))
    assert (refused.status, refused.json["__type"]) == (400, "ValidationException")
    assert "gzip" in refused.json["message"]
