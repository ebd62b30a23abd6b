"""Policies of vector buckets: one that changes nothing is stored, and every other one is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.api import Api
from tests.support.s3vectors import ACCOUNT, client

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
STATEMENT = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "s3vectors:*", "Resource": "*"}


@pytest.fixture
def s3vectors(api: Api) -> Any:
    made = client(api)
    made.create_vector_bucket(vectorBucketName="films")
    return made


def put(s3vectors: Any, policy: Any) -> None:
    text = policy if isinstance(policy, str) else json.dumps(policy)
    s3vectors.put_vector_bucket_policy(vectorBucketName="films", policy=text)


def policy_of(s3vectors: Any) -> str:
    found: str = s3vectors.get_vector_bucket_policy(vectorBucketName="films")["policy"]
    return found


def error(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "policy",
    [
        {"Version": "2012-10-17", "Statement": [STATEMENT]},
        {"Version": "2012-10-17", "Id": "id", "Statement": STATEMENT},
        {"Statement": [{**STATEMENT, "Sid": "a", "Principal": {"AWS": ACCOUNT}}, STATEMENT]},
        {"Statement": [{**STATEMENT, "Principal": {"AWS": [ROOT, ACCOUNT]}}]},
        {"Statement": [{**STATEMENT, "Action": ["s3vectors:QueryVectors"], "Condition": {"Bool": {"a": "true"}}}]},
    ],
)
def test_a_policy_that_leaves_the_decision_to_the_account_is_stored(s3vectors: Any, policy: Any) -> None:
    text = json.dumps(policy, indent=1)
    put(s3vectors, text)
    assert policy_of(s3vectors) == text


@pytest.mark.parametrize(
    "changed",
    [
        {"Effect": "Deny"},
        {"Effect": "allow"},
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/reader"}},
        {"Principal": {"AWS": [ROOT, "arn:aws:iam::111111111111:root"]}},
        {"Principal": {"AWS": "111111111111"}},
        {"Principal": {"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}},
        {"Principal": {"AWS": []}},
        {"Principal": {}},
        {"Principal": {"AWS": ROOT, "Service": "bedrock.amazonaws.com"}},
        {"Principal": {"Service": "bedrock.amazonaws.com"}},
        {"Principal": None},
        {"NotPrincipal": {"AWS": ROOT}},
        {"NotAction": "s3vectors:QueryVectors"},
        {"NotResource": "*"},
        {"Action": None},
        {"Else": 1},
    ],
)
def test_every_other_policy_is_refused_with_what_to_do_instead(s3vectors: Any, changed: Any) -> None:
    put(s3vectors, {"Statement": [STATEMENT]})
    for statements in ([{**STATEMENT, **changed}], [STATEMENT, {**STATEMENT, **changed}], {**STATEMENT, **changed}):
        code, message = error(lambda statements=statements: put(s3vectors, {"Statement": statements}))  # type: ignore[misc]
        assert code == "ValidationException"
        assert "execute-api:Invoke" in message
    assert json.loads(policy_of(s3vectors)) == {"Statement": [STATEMENT]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"Statement":[]}',
        '{"Statement":1}',
        '{"Statement":[1]}',
        "[" * 9_999,
        "x" * 20_481,
    ],
)
def test_a_malformed_policy_is_refused(s3vectors: Any, text: str) -> None:
    assert error(lambda: put(s3vectors, text))[0] == "ValidationException"


def test_a_policy_may_have_20_kb(s3vectors: Any) -> None:
    text = json.dumps({"Statement": [STATEMENT]})
    put(s3vectors, text.ljust(20_480))
    assert len(policy_of(s3vectors)) == 20_480


def test_a_deleted_policy_is_not_found(s3vectors: Any) -> None:
    put(s3vectors, {"Statement": [STATEMENT]})
    for _ in range(2):
        s3vectors.delete_vector_bucket_policy(vectorBucketName="films")
        assert error(lambda: policy_of(s3vectors)) == (
            "NotFoundException",
            "The specified vector bucket policy could not be found",
        )
