"""Each operation of botocore's model is served, or refused for a reason that the page states."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from tests.support.api import Api
from tests.support.pages import text_of
from tests.support.s3vectors import ACCOUNT, ARN_PREFIX, client
from vectord.edge.s3vectors import faults

OPERATIONS = sorted(Loader().load_service_model("s3vectors", "service-2")["operations"])
ARN = f"{ARN_PREFIX}:bucket/media/index/films"
MEDIA, FILMS = {"vectorBucketName": "media"}, {"vectorBucketName": "media", "indexName": "films"}
ROOT_ALONE = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3vectors:*", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [ROOT_ALONE]})
VECTOR = {"float32": [1.0, 0.0]}
VALID: Mapping[str, Mapping[str, Any]] = {
    "CreateIndex": {**MEDIA, "indexName": "new", "dataType": "float32", "dimension": 2, "distanceMetric": "cosine"},
    "CreateVectorBucket": {"vectorBucketName": "other"},
    "DeleteVectors": {**FILMS, "keys": ["a"]},
    "GetVectors": {**FILMS, "keys": ["a"]},
    "ListTagsForResource": {"resourceArn": ARN},
    "ListVectorBuckets": {},
    "PutVectorBucketDefaultIndexMode": {**MEDIA, "defaultIndexMode": "ENHANCED"},
    "PutVectorBucketPolicy": {**MEDIA, "policy": POLICY},
    "PutVectors": {**FILMS, "vectors": [{"key": "a", "data": VECTOR}]},
    "QueryVectors": {**FILMS, "topK": 1, "queryVector": VECTOR},
    "TagResource": {"resourceArn": ARN, "tags": {"a": "b"}},
    "UntagResource": {"resourceArn": ARN, "tagKeys": ["a"]},
    "UpdateIndexMode": {**FILMS, "indexMode": "ENHANCED"},
    "UpdateMetadataConfiguration": {**FILMS, "add": {"textSearchConfigurations": [{"metadataKey": "plot"}]}},
    **dict.fromkeys(("DeleteIndex", "GetIndex", "ListVectors"), FILMS),
    **dict.fromkeys(("DeleteVectorBucket", "GetVectorBucket", "ListIndexes"), MEDIA),
    **dict.fromkeys(("DeleteVectorBucketPolicy", "GetVectorBucketPolicy"), MEDIA),
}


def stated() -> list[tuple[str, str]]:
    """Return the operations in the table of the page, and what it says about each."""
    _, _, section = text_of("docs/s3vectors.md").partition("## Operations")
    rows = re.findall(r"^\| ([A-Z]\w+(?:, [A-Z]\w+)*) \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    return [(name, text) for names, text in rows for name in names.split(", ")]


def test_the_page_lists_every_error_with_its_status() -> None:
    _, _, section = text_of("docs/s3vectors.md").partition("## Errors")
    rows = re.findall(r"^\| (\w+Exception) \| ([\d, ]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    known = {(one.name, str(one.status)) for one in faults.FAULTS.values()}
    assert set(rows) == known | {("UnknownOperationException", "404, 405")}


def test_the_page_says_once_of_every_operation_that_it_is_served_or_why_it_is_refused() -> None:
    assert sorted(name for name, _ in stated()) == OPERATIONS
    assert [row for row in stated() if not re.match(r"served($|;| for )|refused: \w", row[1])] == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_refused_only_if_the_page_says_so(operation: str, ephemeral: Api) -> None:
    made = client(ephemeral)
    made.create_vector_bucket(vectorBucketName="media")
    made.create_index(**FILMS, dataType="float32", dimension=2, distanceMetric="cosine")
    if operation.endswith("VectorBucketPolicy"):
        made.put_vector_bucket_policy(vectorBucketName="media", policy=POLICY)
    if operation == "DeleteVectorBucket":
        made.delete_index(**FILMS)
    call = getattr(made, xform_name(operation))
    if dict(stated())[operation].startswith("served"):
        assert call(**VALID[operation])["ResponseMetadata"]["HTTPStatusCode"] == 200
    else:
        with pytest.raises(ClientError, match="ValidationException"):
            call(**VALID[operation])
