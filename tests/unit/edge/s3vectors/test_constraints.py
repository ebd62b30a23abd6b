"""Constraints of shapes: which values violate them, and the messages, which are AWS's."""

from typing import Any

import pytest

from vectord.edge.s3vectors import management_shapes, vector_shapes
from vectord.edge.s3vectors.constraints import check
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.faults import ShapeInvalid
from vectord.edge.s3vectors.shapes import Shape
from vectord.errors import MalformedJson, RequestInvalid

INDEX = {"index_name": "films", "data_type": "float32", "dimension": 3, "distance_metric": "cosine"}


def violations(**members: Any) -> list[tuple[str, str]]:
    """Return the paths and messages of the violations of a CreateIndex request."""
    with pytest.raises(ShapeInvalid) as refused:
        check(management_shapes.CreateIndexInput(**INDEX | members))
    return [(field.path, field.message) for field in refused.value.fields]


@pytest.mark.parametrize(
    ("members", "path", "value", "constraint"),
    [
        ({"index_name": "ab"}, "/indexName", "Value with length 2", "have length between 3 and 63, inclusive"),
        ({"dimension": 4097}, "/dimension", "Value", "be between 1 and 4096, inclusive"),
        ({"dimension": 0}, "/dimension", "Value", "be between 1 and 4096, inclusive"),
        ({"data_type": "int"}, "/dataType", "Value", "satisfy enum value set: [float32]"),
        ({"distance_metric": "what"}, "/distanceMetric", "Value", "satisfy enum value set: [euclidean, cosine]"),
        (
            {"tags": {"team": "x" * 257}},
            "/tags/team",
            "Value with length 257",
            "have length between 0 and 256, inclusive",
        ),
        ({"tags": {"": "x"}}, "/tags", "Value with length 0", "have length between 1 and 128, inclusive"),
    ],
)
def test_a_violation_names_its_path_in_the_words_of_aws(
    members: dict[str, Any], path: str, value: str, constraint: str
) -> None:
    message = f"{value} at '{path}' failed to satisfy constraint: Member must {constraint}"
    assert violations(**members) == [(path, message)]


def test_every_violation_is_listed_up_to_a_hundred() -> None:
    both = violations(dimension=0, data_type="int")
    assert [path for path, _ in both] == ["/dataType", "/dimension"]
    assert len(violations(tags={f"{number}": "x" * 300 for number in range(500)})) == 100


def test_a_member_of_a_member_is_checked() -> None:
    keys = management_shapes.MetadataConfiguration(non_filterable_metadata_keys=["ok", "", "x" * 64])
    found = violations(metadata_configuration=keys)
    start = "/metadataConfiguration/nonFilterableMetadataKeys"
    assert [path for path, _ in found] == [f"{start}/1", f"{start}/2"]


def test_a_number_without_a_greatest_value_has_only_a_least_one() -> None:
    check(vector_shapes.QueryVectorsInput(top_k=10**9))
    with pytest.raises(ShapeInvalid, match="Member must be greater than or equal to 1"):
        check(vector_shapes.QueryVectorsInput(top_k=0))


def test_null_is_the_same_as_a_member_that_is_left_out() -> None:
    body = b'{"vectorBucketName": "media", "nextToken": null, "maxResults": null}'
    assert decode(body, management_shapes.ListIndexesInput) == management_shapes.ListIndexesInput(
        vector_bucket_name="media"
    )


def test_a_body_that_is_empty_has_no_members() -> None:
    assert decode(b"", management_shapes.ListVectorBucketsInput) == management_shapes.ListVectorBucketsInput()


def test_a_text_that_is_not_json_and_a_wrong_member_are_different_errors() -> None:
    with pytest.raises(MalformedJson):
        decode(b"{", management_shapes.ListVectorBucketsInput)
    with pytest.raises(RequestInvalid, match="maxResults"):
        decode(b'{"maxResults": "3"}', management_shapes.ListVectorBucketsInput)


def refused(body: bytes, shape: type[Shape]) -> list[tuple[str, str]]:
    """Return the paths and reasons for which a body is refused."""
    with pytest.raises(ShapeInvalid) as raised:
        decode(body, shape)
    return [(field.path, field.message.rpartition(": ")[2]) for field in raised.value.fields]


@pytest.mark.parametrize(
    ("body", "path", "reason"),
    [
        (b"[]", "/", "Member must be an object"),
        (b"null", "/", "Member must be an object"),
        (b'{"vectorBucketName": null}', "/vectorBucketName", "Member must not be null"),
        (b"{}", "/vectorBucketName", "Member must not be null"),
        (b"", "/vectorBucketName", "Member must not be null"),
        (b'{"vectorBucketName": 5}', "/vectorBucketName", "Member must be a string"),
        (b'{"vectorBucketName": "abc", "tags": []}', "/tags", "Member must be an object"),
        (b'{"vectorBucketName": "abc", "tags": {"a": 1}}', "/tags/a", "Member must be a string"),
        (b'{"vectorBucketName": "abc", "name": 1}', "/name", "vectorBucketName, encryptionConfiguration, tags"),
        (
            b'{"vectorBucketName": "abc", "encryptionConfiguration": {"sseType": []}}',
            "/encryptionConfiguration/sseType",
            "Member must be a string",
        ),
    ],
)
def test_a_member_of_another_type_is_named_with_what_it_must_be(body: bytes, path: str, reason: str) -> None:
    assert refused(body, management_shapes.CreateVectorBucketInput) == [(path, reason)]


def test_every_member_of_another_type_is_named() -> None:
    body = b'{"topK": "5", "queryVector": [1], "returnDistance": 1, "queryTexts": [{"text": 1, "metadataKey": "a"}, 2]}'
    assert [path for path, _ in refused(body, vector_shapes.QueryVectorsInput)] == [
        *("/topK", "/queryVector", "/returnDistance", "/queryTexts/0/text", "/queryTexts/1"),
    ]


@pytest.mark.parametrize("behind", [b"nope", b'"a": ' + b"[" * 20_000, b'"a": \xff'])
def test_a_body_that_is_not_json_behind_a_wrong_member_is_malformed(behind: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode(b'{"vectorBucketName": 5, ' + behind, management_shapes.CreateVectorBucketInput)


@pytest.mark.parametrize(
    "body",
    [
        b'{"vectorBucketName": 5, "vectorBucketName": "media"}',
        b'{"vectorBucketName": 5, "vectorBucket\\u004eame": "media"}',
        b'{"vectorBucketName": "media", "tags": {"a": null, "a": "b"}}',
    ],
)
def test_a_repeated_member_of_which_one_value_is_valid_is_named_as_repeated(body: bytes) -> None:
    with pytest.raises(RequestInvalid, match=r"^1 validation error detected\. A member is repeated\."):
        decode(body, management_shapes.CreateVectorBucketInput)
