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
from botocore import xform_name
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
PRINTED = "us-east-1:123456789012:a1b2c3d4e5"
PAGE = (ROOT / "docs/s3vectors.md").read_text(encoding="utf-8")
POLICIES: Mapping[str, Any] = {
    policy["Statement"][0]["Sid"]: policy
    for policy in map(json.loads, re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
    if "Statement" in policy
}
HELD = {
    "searcher": ["Queries"],
    "reader": ["Read"],
    "writer": ["Read", "Write"],
    "admin": ["Read", "Write", "Administer"],
}
BUCKET, INDEX = {"vectorBucketName": "refused"}, {"vectorBucketName": "refused", "indexName": "films"}
TAGGED = {"resourceArn": "arn:aws:s3vectors:us-east-1:000000000000:bucket/refused"}
# Each operation, with arguments of a bucket that does not exist: a request that is allowed fails in the function.
OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    "searcher": {"query_vectors": {**INDEX, "queryVector": {"float32": [1.0]}, "topK": 1}},
    "reader": {
        "get_index": INDEX,
        "get_vector_bucket": BUCKET,
        "get_vector_bucket_policy": BUCKET,
        "get_vectors": {**INDEX, "keys": ["a"]},
        "list_indexes": BUCKET,
        "list_tags_for_resource": TAGGED,
        "list_vector_buckets": {"prefix": "refused"},
        "list_vectors": INDEX,
    },
    "writer": {
        "delete_vectors": {**INDEX, "keys": ["a"]},
        "put_vectors": {**INDEX, "vectors": [{"key": "a", "data": {"float32": [1.0]}}]},
    },
    "admin": {
        "create_index": {**INDEX, "dataType": "float32", "dimension": 1, "distanceMetric": "cosine"},
        "create_vector_bucket": {**BUCKET, "encryptionConfiguration": {"sseType": "aws:kms"}},
        "delete_index": INDEX,
        "delete_vector_bucket": BUCKET,
        "delete_vector_bucket_policy": BUCKET,
        "put_vector_bucket_default_index_mode": {**BUCKET, "defaultIndexMode": "CLASSIC"},
        "put_vector_bucket_policy": {**BUCKET, "policy": "{}"},
        "tag_resource": {**TAGGED, "tags": {"a": "b"}},
        "untag_resource": {**TAGGED, "tagKeys": ["a"]},
        "update_index_mode": {**INDEX, "indexMode": "CLASSIC"},
        "update_metadata_configuration": INDEX,
    },
}
QUERY = {"queryVector": {"float32": rows.ORIGIN}, "topK": 3}


@pytest.fixture(scope="module")
def guarded(variables: Mapping[str, str]) -> Iterator[Stack]:
    interrupts.install()
    by_default = {name: value for name, value in OPEN.items() if name != "Authorization"}
    with scratch_folder() as folder, running_stack(folder, by_default, enforce=True) as started:
        os.environ.update(variables)  # a stack that starts removes them
        yield started


@pytest.fixture(scope="module")
def users(guarded: Stack, variables: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """Environment variables of a user for each level of rights, with the policies of the page."""
    iam = session().client("iam", endpoint_url=guarded.endpoint)
    endpoints = {"AWS_ENDPOINT_URL": guarded.endpoint, "AWS_ENDPOINT_URL_S3VECTORS": guarded.url}
    made = {}
    for name, sids in HELD.items():
        iam.create_user(UserName=name)
        for sid in sids:
            document = json.dumps(POLICIES[sid]).replace(PRINTED, f"us-east-1:000000000000:{guarded.api_id}")
            iam.put_user_policy(UserName=name, PolicyName=sid, PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        made[name] = {**variables, **endpoints, **keys, **SIGNS}
    return made


@pytest.fixture(scope="module")
def admin(users: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    return users["admin"]


@pytest.fixture(scope="module")
def searcher(users: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """A user who may query and nothing else."""
    return users["searcher"]


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


def is_denied(call: Callable[..., Any], arguments: Mapping[str, Any]) -> bool:
    """Return True if API Gateway answers a request itself: a denied one does not reach the function."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return False


def test_motos_own_suite_passes_in_full_when_an_administrator_signs(
    admin: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    outcome = suites.run_pytest(
        suite_of("moto"), "tests/test_s3vectors", {**admin, "MOTO_TEST_ALLOW_AWS_REQUEST": "true"}
    )
    record_property("of moto's own suite passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    assert len(outcome.passed) == TESTS


def test_a_policy_that_allows_queries_alone_allows_queries(
    searcher: Mapping[str, str], films: Mapping[str, str]
) -> None:
    found = client_of(searcher).query_vectors(**films, **QUERY, returnMetadata=True, filter={"even": True})
    assert [one["key"] for one in found["vectors"]] == ["0000", "0002"]


@pytest.mark.parametrize("name", HELD)
def test_the_policies_of_the_page_allow_their_operations_and_nothing_else(
    users: Mapping[str, Mapping[str, str]], name: str
) -> None:
    client = client_of(users[name])
    levels = list(HELD)[: list(HELD).index(name) + 1]
    allowed = {operation for level in levels for operation in OPERATIONS[level]}
    every = {operation: given for level in OPERATIONS.values() for operation, given in level.items()}
    assert every.keys() == {xform_name(operation) for operation in client.meta.service_model.operation_names}
    assert {operation for operation in every if not is_denied(getattr(client, operation), every[operation])} == allowed


def test_the_command_line_signs_by_the_same_files(searcher: Mapping[str, str], films: Mapping[str, str]) -> None:
    aws, target = CommandLine(searcher), ["--vector-bucket-name", "guarded", "--index-name", "films"]
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


def test_the_files_make_the_client_sign_for_api_gateway(searcher: Mapping[str, str], films: Mapping[str, str]) -> None:
    plain = client_of({name: value for name, value in searcher.items() if name not in SIGNS})
    assert service_signed_for(client_of(searcher), films) == "execute-api"
    assert service_signed_for(plain, films) == "s3vectors"


@pytest.mark.parametrize("way", ["files", "event handler of the page"])
def test_a_large_put_is_compressed(
    guarded: Stack, admin: Mapping[str, str], films: Mapping[str, str], way: str
) -> None:
    client = client_of(admin) if way == "files" else with_handler(guarded, admin)
    sent = []
    client.meta.events.register("before-send", lambda request, **_: sent.append(request))
    client.put_vectors(**films, vectors=[rows.row(number) for number in range(10)])
    assert len(sent[0].body) < len(rows.TEXT)
    assert len(client.list_vectors(**films)["vectors"]) == 10
    client.delete_vectors(**films, keys=rows.KEYS[3:10])


def with_handler(guarded: Stack, variables: Mapping[str, str]) -> Any:
    """Return the client of the page's example, without the files."""
    [shown] = re.findall(r"```python\n(import gzip\n.*?)```", PAGE, re.DOTALL)
    shown = re.sub(r"https://API\.execute-api\.\S+(?=\")", guarded.url, shown)
    names: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(os.environ, "AWS_DATA_PATH", raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setitem(os.environ, name, variables[name])
        exec(shown, names)
    return names["client"]


def test_the_javascript_sdk_signs_by_one_option(
    searcher: Mapping[str, str], films: Mapping[str, str], record_property: Callable[[str, object], None]
) -> None:
    outcome = suites.run_node(packages_of_npm(), "iam.test.js", searcher)
    record_property("in JavaScript passed", len(outcome.passed))
    assert (outcome.failed, outcome.skipped) == ({}, []), outcome.output
    assert outcome.passed
