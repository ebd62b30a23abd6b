"""Requests of S3 Vectors that match no route: SDKs understand the answer, and native requests get theirs."""

import pytest
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from tests.support import template
from tests.support.api import Api
from tests.support.s3vectors import ARN_PREFIX, client
from vectord.edge.s3vectors import unmatched

UNKNOWN = "UnknownOperationException"


def test_the_known_routes_are_those_of_the_template() -> None:
    assert set(unmatched.ROUTES) == template.routes().keys() - template.native_routes().keys()


@pytest.mark.parametrize("path", ["/SomethingNew", "/QueryVectorsV2", "/Queryvectors", "/Z"])
def test_an_unknown_operation_is_404(ephemeral: Api, path: str) -> None:
    answer = ephemeral.send("POST", path, {"topK": 1})
    assert (answer.status, answer.json["__type"], answer.headers["x-amzn-ErrorType"]) == (404, UNKNOWN, UNKNOWN)
    assert path[1:] in answer.json["message"]


def test_boto3_reports_an_unknown_operation_by_its_name(ephemeral: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client(ephemeral)
    known: OperationModel = made.meta.service_model.operation_model("ListVectorBuckets")
    monkeypatch.setitem(known.http, "requestUri", "/SomethingNew")
    with pytest.raises(ClientError) as refused:
        made.list_vector_buckets()
    assert refused.value.response["Error"]["Code"] == UNKNOWN


@pytest.mark.parametrize("route", sorted(unmatched.ROUTES))
@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "GET"])
def test_another_method_of_an_operation_is_405_with_allow(ephemeral: Api, route: str, method: str) -> None:
    known, _, path = route.partition(" ")
    path = path.replace("{resourceArn+}", f"{ARN_PREFIX}:bucket/films")
    if f"{method} " + route.partition(" ")[2] in unmatched.ROUTES:
        return
    answer = ephemeral.send(method, path)
    assert (answer.status, answer.json["__type"]) == (405, UNKNOWN)
    assert known in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/Indexes"),
        ("GET", "/SomethingNew"),
        ("POST", "/something"),
        ("POST", "/"),
        ("POST", "/A/b"),
        ("POST", "/A.b"),
    ],
)
def test_a_request_that_may_be_for_the_native_api_gets_a_problem(ephemeral: Api, method: str, path: str) -> None:
    answer = ephemeral.send(method, path)
    assert (answer.status, answer.json["type"]) == (404, "urn:vectord:problem:route-not-found")


def test_a_preflight_of_an_operation_gets_its_method(ephemeral: Api) -> None:
    route = "OPTIONS /{proxy+}"
    ephemeral.routes[route] = ephemeral.routes["$default"]
    http = {"method": "OPTIONS"}
    event = {
        "routeKey": route,
        "rawPath": "/QueryVectors",
        "pathParameters": {"proxy": "x"},
        "requestContext": {"http": http},
    }
    answer = ephemeral.invoke(route, event)
    assert (answer.status, answer.headers["Allow"]) == (204, "OPTIONS, POST")
