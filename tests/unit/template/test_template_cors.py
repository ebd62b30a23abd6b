"""CORS of the API and of the inbox, from template.yaml after SAM's translator expanded it."""

import re
from typing import Any

import pytest
import yaml

from tests.support.deployed import TEMPLATE, Deployed
from vectord.edge import routes
from vectord.edge.openapi.operations import OPERATIONS

pytestmark = pytest.mark.slow  # the template is expanded for each test

ORIGINS = ["https://app.example", "http://localhost:3000"]
PREFLIGHT = "/{proxy+}"


def body(deployed: Deployed) -> Any:
    return deployed.one("AWS::ApiGatewayV2::Api")["Body"]


def with_cors(**more: str) -> Deployed:
    return Deployed({"AllowedOrigins": ",".join(ORIGINS), **more})


def cors() -> Any:
    return body(with_cors())["x-amazon-apigateway-cors"]


def test_there_is_no_cors_by_default() -> None:
    deployed = Deployed({})
    assert "x-amazon-apigateway-cors" not in body(deployed)
    assert PREFLIGHT not in body(deployed)["paths"]
    assert "CorsConfiguration" not in deployed.all("AWS::S3::Bucket")["Inbox"]


def test_the_api_allows_the_origins_of_the_parameter() -> None:
    assert cors()["allowOrigins"] == ORIGINS
    assert body(Deployed({"AllowedOrigins": "*"}))["x-amazon-apigateway-cors"]["allowOrigins"] == ["*"]


def test_the_api_allows_the_methods_of_its_operations() -> None:
    assert set(cors()["allowMethods"]) == {operation.method.upper() for operation in OPERATIONS}


def test_the_api_allows_the_headers_that_a_request_may_have() -> None:
    read = {name.lower() for operation in OPERATIONS for name in operation.headers}
    signed = {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
    aws_sdk = {"amz-sdk-invocation-id", "amz-sdk-request", "x-amz-user-agent"}  # which calls S3 Vectors
    assert set(cors()["allowHeaders"]) == read | signed | aws_sdk | {"content-type", "content-encoding"}


def test_the_api_exposes_the_headers_of_its_answers() -> None:
    native = {"etag", "location", "allow", "retry-after", "accept-encoding"}
    assert set(cors()["exposeHeaders"]) >= native | {"x-amzn-errortype", "x-amzn-requestid"}


@pytest.mark.parametrize("authorization", ["IAM", "JWT", "NONE"])
def test_a_preflight_needs_no_authorization_and_every_other_route_does(authorization: str) -> None:
    paths = dict(body(with_cors(Authorization=authorization))["paths"])
    preflight = paths.pop(PREFLIGHT)
    assert list(preflight) == ["options"]
    assert "security" not in preflight["options"]
    guarded = ["security" in operation for methods in paths.values() for operation in methods.values()]
    assert set(guarded) == {authorization != "NONE"}


def test_a_preflight_goes_to_the_function_that_answers_it() -> None:
    paths = body(with_cors())["paths"]
    uri = paths[PREFLIGHT]["options"]["x-amazon-apigateway-integration"]["uri"]
    assert uri == paths["$default"]["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]["uri"]
    assert f"OPTIONS {PREFLIGHT}" == routes.PREFLIGHT


def test_a_web_page_may_put_a_file_to_an_upload_link() -> None:
    buckets = with_cors().all("AWS::S3::Bucket")
    [rule] = buckets["Inbox"]["CorsConfiguration"]["CorsRules"]
    assert (rule["AllowedOrigins"], rule["AllowedMethods"], rule["AllowedHeaders"]) == (ORIGINS, ["PUT"], ["*"])
    assert "CorsConfiguration" not in buckets["Bucket"]


def pattern() -> str:
    found = re.search(r"  AllowedOrigins:\n(?:    .*\n)*?    AllowedPattern: (.*)\n", TEMPLATE.read_text())
    assert found
    return str(yaml.safe_load(found[1]))


@pytest.mark.parametrize("origin", ["", "*", "https://app.example", "http://localhost:3000", "https://*.app.example"])
def test_an_origin_is_accepted(origin: str) -> None:
    assert re.fullmatch(pattern(), origin)


@pytest.mark.parametrize(
    "origin", ["app.example", "https://app.example/", "https://app.example/path", "ftp://x", "null"]
)
def test_what_is_not_an_origin_is_refused(origin: str) -> None:
    assert not re.fullmatch(pattern(), origin)
