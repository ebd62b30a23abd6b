"""The id of a request, which SDKs show in the metadata of an answer and of an error, is that of API Gateway."""

import json
from typing import Any

import pytest

from tests.support.api import Api, an_event


@pytest.mark.parametrize(
    ("operation", "body", "status"),
    [("ListVectorBuckets", {}, 200), ("GetVectorBucket", {"vectorBucketName": "films"}, 404)],
)
def test_an_answer_has_the_id_that_the_gateway_gave(ephemeral: Api, operation: str, body: Any, status: int) -> None:
    event = an_event(f"POST /{operation}", f"/{operation}", {}, {}, None) | {"body": json.dumps(body)}
    event["requestContext"]["requestId"] = "JKJaXmPLvHcESHA="
    answer = ephemeral.invoke(f"POST /{operation}", event)
    assert (answer.status, answer.headers["x-amzn-RequestId"]) == (status, "JKJaXmPLvHcESHA=")


def test_the_native_api_has_no_such_header(ephemeral: Api) -> None:
    event = an_event("GET /indexes", "/indexes", {}, {}, None)
    event["requestContext"]["requestId"] = "JKJaXmPLvHcESHA="
    assert "x-amzn-RequestId" not in ephemeral.invoke("GET /indexes", event).headers
