"""Authentication and authorization of the default deployment: signatures are checked and policies enforced.

The account's own key ("test") is taken on trust by the stand-in, so the callers here are users with keys of their own.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from email.message import Message
from http.client import HTTPConnection

import pytest

from tests.e2e.roles import as_role_of, outcome
from tools.command import interrupts
from tools.command.run import scratch_folder
from tools.stack.client import Client, Signer, signer
from tools.stack.ministack import HOST
from tools.stack.stack import OPEN, Stack, running_stack, session

ORIGIN = "https://app.example"
BLOB = "_vectors/kept.lhv1"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Stack]:
    interrupts.install()
    by_default = {name: value for name, value in OPEN.items() if name != "Authorization"} | {"AllowedOrigins": ORIGIN}
    with scratch_folder() as folder, running_stack(folder, by_default, enforce=True) as started:
        yield started


def connect(stack: Stack, sign: Signer | None) -> Client:
    return Client(HOST, stack.port, stack.path, sign)


def key_of_a_user(stack: Stack, name: str, route: str) -> dict[str, str]:
    """Make a user who may call the routes of a pattern, and give the user's access key."""
    iam = session().client("iam", endpoint_url=stack.endpoint)
    iam.create_user(UserName=name)
    resource = f"arn:aws:execute-api:us-east-1:*:{stack.api_id}/$default/{route}"
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
    return dict(iam.create_access_key(UserName=name)["AccessKey"])


@pytest.fixture(scope="module")
def caller(guarded: Stack) -> dict[str, str]:
    return key_of_a_user(guarded, "caller", "*")


def test_an_unsigned_request_is_refused(guarded: Stack) -> None:
    with closing(connect(guarded, None)) as api:
        api.call("GET", "/indexes", expect=403)


def test_an_unknown_access_key_is_refused(guarded: Stack) -> None:
    with closing(connect(guarded, signer("AKIAIOSFODNN7EXAMPLE", "secret"))) as api:
        api.call("GET", "/indexes", expect=403)


def test_a_signature_with_another_secret_is_refused(guarded: Stack, caller: dict[str, str]) -> None:
    with closing(connect(guarded, signer(caller["AccessKeyId"], "secret"))) as api:
        api.call("GET", "/indexes", expect=403)


def test_a_signature_for_another_body_is_refused(guarded: Stack, caller: dict[str, str]) -> None:
    right = signer(caller["AccessKeyId"], caller["SecretAccessKey"])
    with closing(connect(guarded, lambda method, url, _body, headers: right(method, url, "{}", headers))) as api:
        api.call("POST", "/indexes", {"name": "forged", "dimension": 3}, expect=403)


def test_a_signed_request_is_served(guarded: Stack, caller: dict[str, str]) -> None:
    with closing(connect(guarded, signer(caller["AccessKeyId"], caller["SecretAccessKey"]))) as api:
        api.call("POST", "/indexes", {"name": "signed", "dimension": 3}, expect=201)
        api.call("POST", "/indexes/signed/vectors", {"vectors": [{"id": "a/b ü", "vector": [1, 2, 3]}]})
        assert api.call("GET", "/indexes/signed/vectors/a%2Fb%20%C3%BC").body["id"] == "a/b ü"


def test_a_caller_may_only_use_the_routes_of_its_policy(guarded: Stack) -> None:
    key = key_of_a_user(guarded, "reader", "POST/indexes/*/search")
    with closing(connect(guarded, signer(key["AccessKeyId"], key["SecretAccessKey"]))) as api:
        api.call("POST", "/indexes/absent/search", {"vector": [1, 0, 0]}, expect=404)
        api.call("POST", "/indexes", {"name": "mine", "dimension": 3}, expect=403)
        api.call("DELETE", "/indexes/absent", expect=403)


@pytest.fixture(scope="module")
def files(guarded: Stack) -> Stack:
    owner = session().client("s3", endpoint_url=guarded.endpoint)
    for bucket, key in [(guarded.bucket, BLOB), (guarded.bucket, "other/kept"), (guarded.inbox, "uploads/i/kept")]:
        owner.put_object(Bucket=bucket, Key=key, Body=b"x")
    return guarded


@pytest.mark.parametrize(
    ("function", "reads", "writes", "deletes"),
    [
        ("SearchFunction", "done", "AccessDenied", "AccessDenied"),
        ("DescribeFunction", "done", "AccessDenied", "AccessDenied"),
        ("UploadFunction", "done", "AccessDenied", "AccessDenied"),
        ("ExportFunction", "done", "AccessDenied", "AccessDenied"),
        ("CreateFunction", "done", "done", "AccessDenied"),
        ("AddFunction", "done", "done", "AccessDenied"),
        ("IngestFunction", "done", "done", "AccessDenied"),
        ("CompactFunction", "done", "done", "AccessDenied"),
        ("DeleteFunction", "done", "done", "done"),
    ],
)
def test_a_role_allows_what_its_function_does(
    files: Stack, function: str, reads: str, writes: str, deletes: str
) -> None:
    s3, key = as_role_of(files, function), f"_vectors/{function}.lhv1"
    assert outcome(s3.get_object, Bucket=files.bucket, Key=BLOB) == reads
    assert outcome(s3.put_object, Bucket=files.bucket, Key=key, Body=b"x") == writes
    assert outcome(s3.delete_object, Bucket=files.bucket, Key=key) == deletes


FUNCTIONS = ["Search", "Describe", "Upload", "Export", "Create", "Add", "Ingest", "Compact", "Delete"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_role_has_access_outside_the_prefix_of_the_indexes(files: Stack, function: str) -> None:
    s3 = as_role_of(files, f"{function}Function")
    assert outcome(s3.get_object, Bucket=files.bucket, Key="other/kept") == "AccessDenied"
    assert outcome(s3.put_object, Bucket=files.bucket, Key="other/new", Body=b"x") == "AccessDenied"
    assert outcome(s3.list_objects_v2, Bucket=files.bucket, Prefix="other/") == "AccessDenied"
    assert outcome(s3.list_objects_v2, Bucket=files.bucket) == "AccessDenied"
    assert outcome(s3.list_objects_v2, Bucket=files.bucket, Prefix="_vectors/") == "done"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_missing_object_is_reported_as_missing_and_not_as_denied(files: Stack, function: str) -> None:
    s3 = as_role_of(files, f"{function}Function")
    assert outcome(s3.get_object, Bucket=files.bucket, Key="_vectors/absent.lhv1") == "NoSuchKey"


@pytest.mark.parametrize(
    ("function", "reads", "uploads", "reports"),
    [
        ("SearchFunction", "AccessDenied", "AccessDenied", "AccessDenied"),
        ("AddFunction", "AccessDenied", "AccessDenied", "AccessDenied"),
        ("UploadFunction", "AccessDenied", "done", "AccessDenied"),
        ("IngestFunction", "done", "AccessDenied", "done"),
    ],
)
def test_only_the_functions_of_the_inbox_have_access_to_it(
    files: Stack, function: str, reads: str, uploads: str, reports: str
) -> None:
    s3 = as_role_of(files, function)
    assert outcome(s3.get_object, Bucket=files.inbox, Key="uploads/i/kept") == reads
    assert outcome(s3.put_object, Bucket=files.inbox, Key="uploads/i/new", Body=b"x") == uploads
    assert outcome(s3.put_object, Bucket=files.inbox, Key="rejected/i/new", Body=b"x") == reports


def preflight(stack: Stack, path: str, method: str, origin: str = ORIGIN) -> tuple[int, Message]:
    """Send what a browser sends before a request of a page, without credentials."""
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    connection = HTTPConnection(HOST, stack.port, timeout=60)
    try:
        connection.request("OPTIONS", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers
    finally:
        connection.close()


def test_a_preflight_of_an_allowed_origin_is_answered_without_a_signature(guarded: Stack) -> None:
    status, headers = preflight(guarded, f"{guarded.path}/indexes/films/search", "POST")
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert "authorization" in headers["Access-Control-Allow-Headers"]


def test_a_preflight_of_another_origin_is_not_allowed(guarded: Stack) -> None:
    _, headers = preflight(guarded, f"{guarded.path}/indexes", "GET", "https://other.example")
    assert "Access-Control-Allow-Origin" not in headers


def test_a_page_may_put_to_the_inbox_and_to_no_other_bucket(guarded: Stack) -> None:
    status, headers = preflight(guarded, f"/{guarded.inbox}/uploads/i/rows.jsonl", "PUT")
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert preflight(guarded, f"/{guarded.inbox}/uploads/i/rows.jsonl", "DELETE")[0] == 403
    assert preflight(guarded, f"/{guarded.bucket}/{BLOB}", "PUT")[0] == 403
