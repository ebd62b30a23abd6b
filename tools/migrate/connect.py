"""Clients of the source and of the destination, signed as each of them checks it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from tools.command.errors import MigrationFailed
from tools.migrate.rows import Send, Unreachable

READ_SECONDS = 60.0
API_GATEWAY, S3_VECTORS = "execute-api", "s3vectors"
DEFAULT_REGION = "us-east-1"

type Authorization = Literal["iam", "jwt", "none"]


def session(profile: str | None, region: str | None) -> boto3.session.Session:
    """Return a session of boto3.

    Raises:
        MigrationFailed: the profile does not exist.
    """
    try:
        return boto3.session.Session(profile_name=profile, region_name=region)
    except BotoCoreError as error:
        raise MigrationFailed(str(error)) from error


def region_of(url: str) -> str | None:
    """Return the region in the name of an endpoint of API Gateway; None for another name."""
    found = re.search(r"\.execute-api\.([a-z0-9-]+)\.", f".{urlsplit(url).hostname or ''}.")
    return found[1] if found else None


def vectors_client(
    made: boto3.session.Session, endpoint: str | None, service: str, *, token: str | None = None, unsigned: bool = False
) -> Any:
    """Return a client of S3 Vectors that signs for `service`, whatever files of a model are installed.

    With `token` it sends that instead of a signature.

    Raises:
        MigrationFailed: the endpoint is not a URL, or no region is configured.
    """
    more: dict[str, Any] = {"signature_version": UNSIGNED} if unsigned else {}
    if endpoint is None and made.region_name is None:
        raise MigrationFailed("no region is configured for the source; name it with --region")
    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": 10},
        read_timeout=READ_SECONDS,
        max_pool_connections=32,
        disable_request_compression=True,
        **more,
    )
    try:
        client = made.client(
            "s3vectors", endpoint_url=endpoint, region_name=made.region_name or DEFAULT_REGION, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise MigrationFailed(str(error)) from error
    client.meta.events.register("before-call.s3vectors", _signing(service))
    if token:
        client.meta.events.register("before-send.s3vectors", _bearer(token))
    return client


def _signing(service: str) -> Callable[..., None]:
    def sign(context: dict[str, Any], **_: object) -> None:
        context.setdefault("signing", {})["signing_name"] = service

    return sign


def _bearer(token: str) -> Callable[..., None]:
    def add(request: Any, **_: object) -> None:
        request.headers["Authorization"] = f"Bearer {token}"

    return add


def sender(made: boto3.session.Session, url: str, authorization: Authorization, token: str | None = None) -> Send:
    """Return a function that sends requests to the API at `url`, below its path."""
    pool = urllib3.PoolManager(timeout=READ_SECONDS, retries=False, maxsize=32)

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        request = AWSRequest(method, url.rstrip("/") + path, headers=dict(headers), data=body)
        if authorization == "iam":
            credentials = made.get_credentials()
            if credentials is None:
                raise MigrationFailed("there are no credentials to sign with; set a profile, or --authorization none")
            SigV4Auth(credentials, API_GATEWAY, region_of(url) or made.region_name or DEFAULT_REGION).add_auth(request)
        elif authorization == "jwt":
            request.headers["Authorization"] = f"Bearer {token}"
        try:
            answer = pool.request(method, url.rstrip("/") + path, body=body, headers=dict(request.headers.items()))
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(str(error)) from error
        return answer.status, answer.data

    return send
