"""A stack whose API evaluates IAM policies: clients that sign for API Gateway may do what their policy allows.

MiniStack evaluates `execute-api:Invoke` for the method and the path of each request. It verifies the signature, but not
that it is for the service `execute-api`, as API Gateway does; so these tests look at the scope that the clients send.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.clients import rows, suites
from tests.clients.sources import packages_of_npm, suite_of
from tests.clients.test_aws_cli import FAILED, CommandLine
from tests.clients.test_moto import TESTS
from tools.command import interrupts
from tools.command.paths import ROOT
from tools.command.run import scratch_folder
from tools.stack.stack import OPEN, Stack, running_stack, session

CLIENT = "boto3, moto, awscli and JavaScript, by IAM"
SIGNS = {"AWS_DATA_PATH": str(ROOT / "assets/botocore")}  # the files that make the SDK sign for execute-api
QUERY = {"queryVector": {"float32": rows.ORIGIN}, "topK": 3}


@pytest.fixture(scope="module")
def guarded(variables: Mapping[str, str]) -> Iterator[Stack]:
    interrupts.install()
    by_default = {name: value for name, value in OPEN.items() if name != "Authorization"}
    with scratch_folder() as folder, running_stack(folder, by_default, enforce=True) as started:
        os.environ.update(variables)  # a stack that starts removes them
        yield started


@pytest.fixture(scope="module")
def signing(guarded: Stack, variables: Mapping[str, str]) -> Callable[[str], Mapping[str, str]]:
    """Return the environment variables of a user whose policy allows some of the API's routes."""
    iam = session().client("iam", endpoint_url=guarded.endpoint)

    def of(name: str, *routes: str) -> Mapping[str, str]:
        api = f"arn:aws:execute-api:us-east-1:000000000000:{guarded.api_id}/$default"
        statement = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": [f"{api}/{route}" for route in routes],
        }
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        endpoints = {"AWS_ENDPOINT_URL": guarded.endpoint, "AWS_ENDPOINT_URL_S3VECTORS": guarded.url}
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        return {**variables, **endpoints, **keys, **SIGNS}

    return of


@pytest.fixture(scope="module")
def admin(signing: Callable[..., Mapping[str, str]]) -> Mapping[str, str]:
    return signing("admin", "GET/*", "POST/*", "DELETE/*")


@pytest.fixture(scope="module")
def reader(signing: Callable[..., Mapping[str, str]]) -> Mapping[str, str]:
    return signing("reader", "POST/QueryVectors")


@pytest.fixture(scope="module")
def films(admin: Mapping[str, str]) -> Mapping[str, str]:
    """The names of an index with three rows."""
    client, target = client_of(admin), {"vectorBucketName": "guarded", "indexName": "films"}
    client.create_vector_bucket(vectorBucketName="guarded")
    client.create_index(**target, dataType="float32", dimension=rows.DIMENSION, distanceMetric="euclidean")
    client.put_vectors(**target, vectors=[rows.row(number) for number in range(3)])
    return target


def client_of(variables: Mapping[str, str]) -> Any:
    """Return a client that is made in an environment with these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SIGNS:
            patch.delitem(os.environ, name, raising=False)
        for name, value in variables.items():
            patch.setitem(os.environ, name, value)
        return boto3.session.Session().client("s3vectors")


def status(call: Callable[..., Any], **arguments: Any) -> int:
    try:
        return call(**arguments)["ResponseMetadata"]["HTTPStatusCode"]
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_motos_own_suite_passes_in_full_when_an_administrator_signs(
    admin: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    outcome = suites.run_pytest(
        suite_of("moto"), "tests/test_s3vectors", {**admin, "MOTO_TEST_ALLOW_AWS_REQUEST": "true"}
    )
    record_property("of moto's own suite passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    assert len(outcome.passed) == TESTS


def test_a_policy_that_allows_queries_alone_allows_nothing_else(
    reader: Mapping[str, str], films: Mapping[str, str]
) -> None:
    client, bucket = client_of(reader), {"vectorBucketName": films["vectorBucketName"]}
    found = client.query_vectors(**films, **QUERY)
    assert [one["key"] for one in found["vectors"]] == rows.KEYS[:3]
    arn = "arn:aws:s3vectors:us-east-1:000000000000:bucket/guarded"
    refused = {
        "create_index": {
            **bucket,
            "indexName": "new",
            "dataType": "float32",
            "dimension": 2,
            "distanceMetric": "cosine",
        },
        "create_vector_bucket": {"vectorBucketName": "other"},
        "delete_index": films,
        "delete_vector_bucket": bucket,
        "delete_vector_bucket_policy": bucket,
        "delete_vectors": {**films, "keys": ["0000"]},
        "get_index": films,
        "get_vector_bucket": bucket,
        "get_vector_bucket_policy": bucket,
        "get_vectors": {**films, "keys": ["0000"]},
        "list_indexes": bucket,
        "list_tags_for_resource": {"resourceArn": arn},
        "list_vector_buckets": {},
        "list_vectors": films,
        "put_vectors": {**films, "vectors": [rows.row(0)]},
        "tag_resource": {"resourceArn": arn, "tags": {"a": "b"}},
        "untag_resource": {"resourceArn": arn, "tagKeys": ["a"]},
    }
    assert {name: status(getattr(client, name), **given) for name, given in refused.items()} == dict.fromkeys(
        refused, 403
    )


def test_the_command_line_signs_by_the_same_files(reader: Mapping[str, str], films: Mapping[str, str]) -> None:
    aws, target = CommandLine(reader), ["--vector-bucket-name", "guarded", "--index-name", "films"]
    query = ["--query-vector", json.dumps(QUERY["queryVector"]), "--top-k", "3"]
    assert [one["key"] for one in aws("query-vectors", *target, *query)["vectors"]] == rows.KEYS[:3]
    assert aws.run("list-vectors", *target).returncode == FAILED


def service_signed_for(client: Any, films: Mapping[str, str]) -> str:
    """Send a query that the policy allows, and return the service in the scope of its signature."""
    sent = []
    client.meta.events.register("before-send", lambda request, **_: sent.append(request))
    assert client.query_vectors(**films, **QUERY)["vectors"]
    authorization = sent[0].headers["Authorization"]
    found = re.search(r"Credential=[^/]+/\d+/us-east-1/([^/]+)/", str(authorization))
    assert found, authorization
    return found[1]


def test_the_files_make_the_client_sign_for_api_gateway(reader: Mapping[str, str], films: Mapping[str, str]) -> None:
    plain = client_of({name: value for name, value in reader.items() if name not in SIGNS})
    assert service_signed_for(client_of(reader), films) == "execute-api"
    assert service_signed_for(plain, films) == "s3vectors"


def test_the_files_compress_a_large_put(admin: Mapping[str, str], films: Mapping[str, str]) -> None:
    client, sent = client_of(admin), []
    client.meta.events.register("before-send", lambda request, **_: sent.append(request))
    client.put_vectors(**films, vectors=[rows.row(number) for number in range(10)])
    assert sent[0].headers["Content-Encoding"] in ("gzip", b"gzip")
    assert len(sent[0].body) < len(rows.TEXT)
    assert len(client.list_vectors(**films)["vectors"]) == 10
    client.delete_vectors(**films, keys=rows.KEYS[3:10])


def test_the_javascript_sdk_signs_by_one_option(
    reader: Mapping[str, str], films: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    outcome = suites.run_node(packages_of_npm(), "iam.test.js", reader)
    record_property("in JavaScript passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    assert outcome.passed
