"""Any request of S3 Vectors, also one that no SDK sends, is answered by a result or a reason, never by a failure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.s3vectors.test_bad_requests import OPERATIONS, check, members_of, valid_members
from tests.support.api import Api, an_event, in_memory
from tests.support.s3vectors import ARN_PREFIX, client

pytestmark = pytest.mark.slow

INDEX = {"vectorBucketName": "media", "indexName": "films"}
BUCKET = f"{ARN_PREFIX}:bucket/media"
NAMES = ["media", "films", BUCKET, f"{BUCKET}/index/films", "", "ab", "Media", "CLASSIC", "float32", "AES256"]
KEYS = [
    "a",
    "y",
    "$and",
    "$or",
    "$in",
    "$eq",
    "$gt",
    "float32",
    "key",
    "data",
    "metadata",
    "metadataKey",
    "text",
    "\x00",
]
# Numbers and texts that JSON does not have stand for themselves; they are written into the body as they are.
NOT_JSON = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "0x1", "01", "'a'", '"\\ud800"', '"\n"', "undefined", ""]

texts = st.sampled_from(NAMES) | st.text(max_size=8)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0, 1, 16, 500, 10_001])
scalars = (st.none() | st.booleans() | numbers | texts).map(json.dumps) | st.sampled_from(NOT_JSON)


def of_items(items: Any) -> Any:
    """Return JSON texts of arrays and objects of items."""
    members = st.tuples((st.sampled_from(KEYS) | texts).map(json.dumps), items).map(":".join)
    return st.lists(items, max_size=3).map(lambda found: f"[{','.join(found)}]") | st.lists(members, max_size=3).map(
        lambda found: f"{{{','.join(found)}}}"
    )


values = st.sampled_from(NOT_JSON) | texts.map(json.dumps) | st.recursive(scalars, of_items, max_leaves=8)
any_request = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VECTORD_ARN_PREFIX", ARN_PREFIX)
        made = in_memory(tmp_path_factory.mktemp("sections"))
        client(made).create_vector_bucket(vectorBucketName="media")
        client(made).create_index(**INDEX, dataType="float32", dimension=3, distanceMetric="euclidean")
        yield made


def restore(api: Api, operation: str) -> None:
    """Make the bucket and its index again, if the operation may have deleted them."""
    if operation.startswith(("DeleteIndex", "DeleteVectorBucket")):
        api.send("POST", "/CreateVectorBucket", {"vectorBucketName": "media"})
        new = {"dataType": "float32", "dimension": 3, "distanceMetric": "euclidean"}
        api.send("POST", "/CreateIndex", {**INDEX, **new})


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
@any_request
def test_any_members_are_answered(api: Api, operation: str, data: st.DataObject) -> None:
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(members_of(operation))), values, max_size=3))
    members: Mapping[str, str] = valid_members(operation) | changed
    check(api.send("POST", f"/{operation}", f"{{{','.join(f'"{name}":{text}' for name, text in members.items())}}}"))
    restore(api, operation)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@given(
    arn=texts | st.builds("".join, st.tuples(st.sampled_from(NAMES), texts)), query=st.text(max_size=12), body=values
)
@any_request
def test_any_arn_query_and_body_of_tags_are_answered(api: Api, method: str, arn: str, query: str, body: str) -> None:
    route = f"{method} /tags/{{resourceArn+}}"
    event = an_event(route, f"/tags/{arn}", {"resourceArn": arn}, {}, None) | {"rawQueryString": query, "body": body}
    check(api.invoke(route, event))


EVENTS: list[Mapping[str, Any]] = [
    {"body": None},
    {"body": "not base64!", "isBase64Encoded": True},
    {"body": "e30", "isBase64Encoded": True},  # without its padding
    {"body": "\ud800"},
    {"headers": None, "body": "{}"},
    {"headers": {"Content-Encoding": "gzip, gzip"}, "body": "{}"},
    {"headers": {"content-encoding": "deflate"}, "body": "{}"},
    {"queryStringParameters": {"topK": "1"}, "rawQueryString": "topK=1", "body": "{}"},
    {"pathParameters": None, "requestContext": {}, "rawPath": "", "body": "{}"},
    {"body": "{}" + " " * 2_000_000},
]


@pytest.mark.parametrize("event", EVENTS, ids=range(len(EVENTS)))
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_event_of_a_gateway_is_answered(api: Api, operation: str, event: Mapping[str, Any]) -> None:
    route = f"POST /{operation}"
    check(api.invoke(route, {**an_event(route, f"/{operation}", {}, {}, None), **event}))
