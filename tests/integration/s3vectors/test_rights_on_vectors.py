"""A token's claim decides on which indexes its holder may read and write vectors through S3 Vectors."""

import json
from typing import Any

import pytest

from tests.support.api import Answer, Api, an_event
from tests.support.vector_index import BUCKET, INDEX, NATIVE, a_vector

_NAMES = {"vectorBucketName": BUCKET, "indexName": INDEX}
_READS: dict[str, Any] = {
    "GetVectors": {"keys": ["alien"]},
    "ListVectors": {},
    "QueryVectors": {"topK": 1, "queryVector": {"float32": [1, 0]}},
}
_WRITES: dict[str, Any] = {"PutVectors": {"vectors": [a_vector("alien", [0, 1])]}, "DeleteVectors": {"keys": ["alien"]}}


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Api:
    """A deployment whose tokens hold their rights in a claim, with an index of one vector."""
    monkeypatch.delenv("VECTORD_STORE", raising=False)
    monkeypatch.setenv("VECTORD_ACCESS_CLAIM", "rights")
    api = Api(one_process=True)
    _send(api, "admin:*", "CreateVectorBucket", {"vectorBucketName": BUCKET})
    _send(api, "admin:*", "CreateIndex", _NAMES | {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"})
    assert _send(api, "admin:*", "PutVectors", _NAMES | {"vectors": [a_vector("alien", [1, 0])]}).status == 200
    return api


def _send(api: Api, claim: str, operation: str, body: Any) -> Answer:
    event = an_event(f"POST /{operation}", f"/{operation}", {}, {}, None, method="POST")
    event["requestContext"]["authorizer"] = {"jwt": {"claims": {"rights": claim, "sub": "user"}}}
    event["body"] = json.dumps(body)
    return api.invoke(f"POST /{operation}", event)


@pytest.mark.parametrize("operation", [*_READS, *_WRITES])
@pytest.mark.parametrize("claim", ["", "admin:other", "admin:films", "write:films_plots2", "read:films_plots"])
def test_an_operation_needs_its_right_on_the_index(guarded: Api, claim: str, operation: str) -> None:
    allowed = claim == f"read:{NATIVE}" and operation in _READS
    answer = _send(guarded, claim, operation, _NAMES | (_READS | _WRITES)[operation])
    assert (answer.status, answer.json.get("__type")) == ((200, None) if allowed else (403, "AccessDeniedException"))
    [found] = _send(guarded, "admin:*", "GetVectors", _NAMES | {"keys": ["alien"], "returnData": True}).json["vectors"]
    assert found["data"]["float32"] == [1.0, 0.0]


@pytest.mark.parametrize("operation", [*_READS, *_WRITES])
def test_a_right_on_the_vector_bucket_holds_for_its_indexes(guarded: Api, operation: str) -> None:
    assert _send(guarded, "write:films_*", operation, _NAMES | (_READS | _WRITES)[operation]).status == 200


def test_a_caller_without_a_right_does_not_learn_whether_an_index_exists(guarded: Api) -> None:
    missing = {"vectorBucketName": BUCKET, "indexName": "missing"}
    answers = [_send(guarded, "read:other", "ListVectors", names) for names in (_NAMES, missing)]
    assert [answer.status for answer in answers] == [403, 403]
