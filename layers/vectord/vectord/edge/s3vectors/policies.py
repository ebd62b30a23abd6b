"""Operations on the policies of vector buckets. vectord accepts only policies that change nothing.

A bucket's policy grants access beside the policies of IAM. vectord does not evaluate it: IAM or an authorizer decides
about each request at the API before it reaches vectord. A statement that allows something to the root of the same
account leaves the decision to the account's policies of IAM, which is what happens anyway. So such a policy is stored
and returned. Every other policy is refused, because it would not be enforced.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.s3vectors import management_shapes as shapes
from vectord.edge.s3vectors.buckets import written
from vectord.edge.s3vectors.decoding import decode
from vectord.edge.s3vectors.endpoint import Endpoint, check_bucket_right
from vectord.edge.s3vectors.names import Arns
from vectord.edge.s3vectors.shapes import EmptyOutput
from vectord.errors import RequestInvalid
from vectord.service.buckets.errors import BucketPolicyNotFound
from vectord.service.buckets.values import MAX_POLICY, VectorBucket

_INSTEAD: Final = (
    "vectord would not enforce this policy, so it is refused. Instead, allow or deny execute-api:Invoke on the routes "
    "of this API, such as …/POST/QueryVectors, in IAM policies of the callers; see docs/s3vectors.md. A policy whose "
    "statements only allow actions to the root of this account is accepted, because it leaves the decision to IAM."
)


class _Statement(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    effect: str
    principal: msgspec.Raw
    action: str | list[str]
    resource: str | list[str]
    sid: str = ""
    condition: dict[str, Any] = msgspec.field(default_factory=dict)


class _OnlyAws(msgspec.Struct, rename={"aws": "AWS"}, forbid_unknown_fields=True):
    aws: str | list[str]


class _Policy(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    statement: msgspec.Raw
    version: str = ""
    id: str = ""


def put_policy(request: Request, endpoint: Endpoint) -> Reply:
    body = decode(request.body, shapes.PutVectorBucketPolicyInput)
    name = endpoint.arns.bucket_name(body)
    check_bucket_right(request, "admin", name)
    check_changes_nothing(body.policy, endpoint.arns)
    return _changed(request, endpoint, name, body.policy)


def get_policy(request: Request, endpoint: Endpoint) -> Reply:
    name = endpoint.arns.bucket_name(decode(request.body, shapes.GetVectorBucketPolicyInput))
    check_bucket_right(request, "read", name)
    policy = endpoint.service.buckets.get(name, request.deadline).policy
    if policy is None:
        raise BucketPolicyNotFound(name)
    return Reply(shapes.GetVectorBucketPolicyOutput(policy=policy))


def delete_policy(request: Request, endpoint: Endpoint) -> Reply:
    name = endpoint.arns.bucket_name(decode(request.body, shapes.DeleteVectorBucketPolicyInput))
    check_bucket_right(request, "admin", name)
    return _changed(request, endpoint, name, None)


def check_changes_nothing(policy: str, arns: Arns) -> None:
    """Raise RequestInvalid unless each statement of a policy only allows something to the root of this account."""
    if len(policy.encode()) > MAX_POLICY:
        raise RequestInvalid(f"A policy may have at most {MAX_POLICY:,} bytes")
    for statement in _statements(policy):
        if statement.effect != "Allow" or not all(_is_root(one, arns) for one in _principals(statement)):
            raise RequestInvalid(_INSTEAD)


def _statements(policy: str) -> Sequence[_Statement]:
    try:
        found = msgspec.json.decode(policy, type=_Policy).statement
        is_one = bytes(found).lstrip().startswith(b"{")  # IAM accepts one statement without an array
        statements = msgspec.json.decode(b"[%b]" % bytes(found) if is_one else found, type=list[_Statement])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"The policy is malformed, or has an element that is not supported ({error})."
        raise RequestInvalid(f"{reason} {_INSTEAD}") from error
    if not statements:
        raise RequestInvalid("The policy is malformed: it has no statement")
    return statements


def _principals(statement: _Statement) -> Sequence[str]:
    """Return the principals of AWS; an empty one, which is never the root, if there are others."""
    try:
        found = msgspec.json.decode(statement.principal, type=_OnlyAws).aws
    except msgspec.DecodeError:
        return [""]
    return ([found] if isinstance(found, str) else found) or [""]


def _is_root(principal: str, arns: Arns) -> bool:
    partition = arns.prefix.split(":")[1]
    return principal in {arns.account, f"arn:{partition}:iam::{arns.account}:root"}


def _changed(request: Request, endpoint: Endpoint, name: str, policy: str | None) -> Reply:
    def change(bucket: VectorBucket) -> VectorBucket:
        return structs.replace(bucket, policy=policy)

    endpoint.service.buckets.change(name, change, request.deadline)
    return written(name, EmptyOutput())
