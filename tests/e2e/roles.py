"""S3 clients with the permissions of a function's role."""

from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tools.stack.stack import Stack, session


def as_role_of(stack: Stack, function: str) -> Any:
    """Give an S3 client with the rights of a function's role."""
    iam, sts = (session().client(name, endpoint_url=stack.endpoint) for name in ("iam", "sts"))
    arn = iam.get_role(RoleName=stack.physical(f"{function}Role"))["Role"]["Arn"]
    key = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    given = boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"], "us-east-1")
    return given.client("s3", endpoint_url=stack.endpoint)


def outcome(call: Callable[..., Any], **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"
