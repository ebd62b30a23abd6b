"""The permissions of a deployment, from template.yaml after SAM's translator expanded it."""

from typing import Any

import pytest

from tests.support import template
from tests.support.deployed import OTHER, Deployed

pytestmark = pytest.mark.slow  # the template is expanded for each test

DEPLOYED = Deployed({})
FUNCTIONS = sorted(template.resources("AWS::Serverless::Function"))

READ = {("s3:GetObject", "Bucket.Arn/_vectors/*"), ("s3:ListBucket", "Bucket.Arn")}
WRITE = {("s3:PutObject", "Bucket.Arn/_vectors/*")}
SPLICE = {
    ("s3:AbortMultipartUpload", "Bucket.Arn/_vectors/*"),
    ("s3:DeleteObject", "Bucket.Arn/_vectors/.staging/*"),
}
UPLOADS = {("s3:ListBucketMultipartUploads", "Bucket.Arn")}
PAST = {("s3:GetObjectVersion", "Bucket.Arn/_vectors/*"), ("s3:ListBucketVersions", "Bucket.Arn")}


def calls(function: str) -> set[tuple[str, str]]:
    """The permission of a function to invoke itself, under any alias."""
    return {("lambda:InvokeFunction", f"{function}.Arn"), ("lambda:InvokeFunction", f"{function}.Arn:*")}


def logs(function: str) -> set[tuple[str, str]]:
    """The permission of a function to write to its own log group."""
    group = f"{function.removesuffix('Function')}LogGroup.Arn"
    return {("logs:CreateLogStream", group), ("logs:PutLogEvents", group)}


THIN = {
    ("s3:DeleteObjectVersion", "Bucket.Arn/_vectors/*"),
    ("s3:ListBucketVersions", "Bucket.Arn"),
    *UPLOADS,
}
QUEUE = {("sqs:SendMessage", "Changes.Arn")}
COMPACT = {("lambda:InvokeFunction", "CompactFunction.Arn")}
RIGHTS = {
    "SearchFunction": READ | PAST | calls("SearchFunction"),
    "DescribeFunction": READ | PAST,
    "ExportFunction": READ
    | PAST
    | {(f"s3:{action}", "Bucket.Arn/_vectors/.staging/*") for action in ("PutObject", "AbortMultipartUpload")},
    "UploadFunction": READ | {("s3:PutObject", "Inbox.Arn/uploads/*")},
    "CreateFunction": READ | WRITE | SPLICE | PAST | {("s3:DeleteObject", "Bucket.Arn/_vectors/*/*")},
    "AddFunction": READ
    | WRITE
    | SPLICE
    | UPLOADS
    | COMPACT
    | calls("AddFunction")
    | QUEUE
    | {
        ("s3:DeleteObject", "Bucket.Arn/_vectors/.changes/*"),
        ("sqs:ReceiveMessage", "Changes.Arn"),
        ("sqs:DeleteMessage", "Changes.Arn"),
        ("sqs:GetQueueAttributes", "Changes.Arn"),
    },
    "DeleteFunction": READ
    | WRITE
    | UPLOADS
    | COMPACT
    | QUEUE
    | calls("DeleteFunction")
    | {("s3:DeleteObject", "Bucket.Arn/_vectors/*"), ("s3:AbortMultipartUpload", "Bucket.Arn/_vectors/*")},
    "S3VectorsFunction": READ
    | WRITE
    | UPLOADS
    | PAST
    | COMPACT
    | {("s3:DeleteObject", "Bucket.Arn/_vectors/*"), ("s3:AbortMultipartUpload", "Bucket.Arn/_vectors/*")},
    "IngestFunction": READ
    | WRITE
    | SPLICE
    | UPLOADS
    | COMPACT
    | {
        ("s3:GetObject", "Inbox.Arn/uploads/*"),
        ("s3:ListBucket", "Inbox.Arn"),
        ("s3:GetObject", "Inbox.Arn/rejected/*"),
        ("s3:PutObject", "Inbox.Arn/rejected/*"),
        ("s3:DeleteObject", "Inbox.Arn/rejected/*"),
        ("sqs:ReceiveMessage", "Uploads.Arn"),
        ("sqs:DeleteMessage", "Uploads.Arn"),
        ("sqs:GetQueueAttributes", "Uploads.Arn"),
    },
    "CompactFunction": READ | WRITE | SPLICE | THIN | {("sqs:SendMessage", "DeadCompactions.Arn")},
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_has_exactly_the_permissions_of_its_function(function: str) -> None:
    assert DEPLOYED.rights(function) == RIGHTS[function] | logs(function)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("deployed", [OTHER, DEPLOYED], ids=["with tracing", "without"])
def test_a_role_has_no_managed_policy(function: str, deployed: Deployed) -> None:
    assert deployed.managed(function) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_the_role_of_its_name(function: str) -> None:
    assert DEPLOYED.all("AWS::Lambda::Function")[function]["Role"] == f"{function}Role.Arn"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_tracing_adds_its_permissions(function: str) -> None:
    added = Deployed({"Tracing": "Active"}).rights(function) - DEPLOYED.rights(function)
    assert added == {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}


def test_only_the_compact_function_may_remove_versions_and_only_if_they_are_thinned() -> None:
    def may_remove(deployed: Deployed) -> list[str]:
        return [
            one for one in FUNCTIONS if any(action == "s3:DeleteObjectVersion" for action, _ in deployed.rights(one))
        ]

    assert may_remove(DEPLOYED) == ["CompactFunction"]
    assert may_remove(Deployed({"ThinVersions": "false"})) == []


def test_permissions_follow_the_prefix_parameter() -> None:
    assert ("s3:GetObject", "Bucket.Arn/own/place/*") in OTHER.rights("SearchFunction")


def list_prefixes(function: str) -> dict[str, list[str]]:
    """Return the patterns of the prefix that a role must name to list each bucket."""
    role = DEPLOYED.all("AWS::IAM::Role")[f"{function}Role"]
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    conditions = {one["Resource"]: one["Condition"] for one in statements if one["Action"] == "s3:ListBucket"}
    assert {operator for condition in conditions.values() for operator in condition} == {"StringLike"}
    prefixes = {bucket: condition["StringLike"]["s3:prefix"] for bucket, condition in conditions.items()}
    return {bucket: found if isinstance(found, list) else [found] for bucket, found in prefixes.items()}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_may_list_only_with_a_prefix(function: str) -> None:
    allowed = {"Bucket.Arn": ["_vectors/*"], "Inbox.Arn": ["uploads/*", "rejected/*"]}
    prefixes = list_prefixes(function)
    assert prefixes == {bucket: allowed[bucket] for bucket in prefixes}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_may_list_the_keys_that_it_reads_so_that_s3_answers_404_for_a_missing_one(function: str) -> None:
    read = {resource for action, resource in DEPLOYED.rights(function) if action == "s3:GetObject"}
    assert read == {f"{bucket}/{prefix}" for bucket, found in list_prefixes(function).items() for prefix in found}


def test_staged_objects_expire_after_a_day() -> None:
    rules = DEPLOYED.all("AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == "_vectors/.staging/"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 1)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_only_s3_in_the_same_account_may_send_to_the_queue() -> None:
    policy = DEPLOYED.one("AWS::SQS::QueuePolicy")
    [statement] = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == ["Uploads"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == ("sqs:SendMessage", "Uploads.Arn")
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "000000000000"}


def test_only_a_bucket_named_as_the_inbox_may_send_to_the_queue() -> None:
    [statement] = DEPLOYED.one("AWS::SQS::QueuePolicy")["PolicyDocument"]["Statement"]
    assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": "arn:aws:s3:::*-inbox-*"}


def test_only_the_api_and_the_schedule_may_invoke_the_functions() -> None:
    permissions = DEPLOYED.all("AWS::Lambda::Permission")
    scheduled = [name for name, one in permissions.items() if one["Principal"] == "events.amazonaws.com"]
    assert [permissions.pop(name)["FunctionName"] for name in scheduled] == ["CompactFunction"]
    for name, permission in permissions.items():
        assert permission["Principal"] == "apigateway.amazonaws.com", name
        assert ":Api/" in permission["SourceArn"], name


# ---- the API


def operations(deployed: Deployed) -> dict[str, Any]:
    body = deployed.one("AWS::ApiGatewayV2::Api")["Body"]
    return {f"{method} {path}": one for path, methods in body["paths"].items() for method, one in methods.items()}


def scheme(deployed: Deployed) -> Any:
    return deployed.one("AWS::ApiGatewayV2::Api")["Body"]["components"]["securitySchemes"]["Caller"]


def test_every_route_requires_authorization() -> None:
    assert len(operations(DEPLOYED)) >= 15
    assert {route: one["security"] for route, one in operations(DEPLOYED).items()} == {
        route: [{"Caller": []}] for route in operations(DEPLOYED)
    }


def test_every_function_has_a_route_except_ingest_and_compact() -> None:
    uris = {operation["x-amazon-apigateway-integration"]["uri"] for operation in operations(DEPLOYED).values()}
    called = {uri.split("/functions/")[1].split("Function")[0] + "Function" for uri in uris}
    assert sorted(called | {"IngestFunction", "CompactFunction"}) == FUNCTIONS


def test_requests_must_be_signed_by_default() -> None:
    assert scheme(DEPLOYED)["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_authorization_jwt_requires_a_token_of_the_issuer() -> None:
    parameters = {"Authorization": "JWT", "JwtIssuer": "https://issuer.example", "JwtAudience": "one,two"}
    deployed = Deployed(parameters)
    assert all(one["security"] == [{"Caller": []}] for one in operations(deployed).values())
    assert scheme(deployed)["x-amazon-apigateway-authorizer"] == {
        "type": "jwt",
        "identitySource": "$request.header.Authorization",
        "jwtConfiguration": {"issuer": "https://issuer.example", "audience": ["one", "two"]},
    }


def test_authorization_none_makes_the_api_public() -> None:
    deployed = Deployed({"Authorization": "NONE"})
    assert not any("security" in operation for operation in operations(deployed).values())


def test_requests_are_throttled() -> None:
    settings = DEPLOYED.one("AWS::ApiGatewayV2::Stage")["DefaultRouteSettings"]
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == ("500", "1000")


def test_queued_changes_expire_after_their_messages() -> None:
    rules = DEPLOYED.all("AWS::S3::Bucket")["Bucket"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == "_vectors/.changes/"]
    queues = DEPLOYED.all("AWS::SQS::Queue")
    for queue in ("Changes", "DeadChanges"):
        assert rule["ExpirationInDays"] * 86_400 > int(queues[queue]["MessageRetentionPeriod"])
    assert (rule["Status"], rule["NoncurrentVersionExpiration"]) == ("Enabled", {"NoncurrentDays": 1})
