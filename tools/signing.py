"""Signatures for the API, as an AWS account's callers make them."""

from collections.abc import Callable, Mapping

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "us-east-1"

type Signer = Callable[[str, str, str | None, Mapping[str, str]], dict[str, str]]


def signer(access_key: str, secret_key: str, token: str | None = None) -> Signer:
    """Give a function that adds to the headers of a request (method, URL, body, headers) what proves who sends it."""
    sigv4 = SigV4Auth(Credentials(access_key, secret_key, token), "execute-api", REGION)

    def sign(method: str, url: str, body: str | None, headers: Mapping[str, str]) -> dict[str, str]:
        request = AWSRequest(method, url, headers=dict(headers), data=body)
        sigv4.add_auth(request)
        return dict(request.headers.items())

    return sign
