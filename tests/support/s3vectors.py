"""A boto3 client of S3 Vectors whose requests reach the handlers in this process."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from tests.support.api import Answer, Api

ACCOUNT = "000000000000"
ARN_PREFIX = f"arn:aws:s3vectors:us-east-1:{ACCOUNT}"


class _Raw:
    """The body of a response, as urllib3 would stream it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data


def client(api: Api, **config: Any) -> Any:
    """Return a boto3 client whose requests `api` answers; `config` is botocore's, as `parameter_validation=False`."""
    options = Config(retries={"total_max_attempts": 1, **config.pop("retries", {})}, **config)
    made = _session().client("s3vectors", endpoint_url="http://localhost", config=options)

    def answered(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        return _response(request, send(api, request))

    made.meta.events.register("before-send.s3vectors", answered)
    return made


@cache
def _session() -> boto3.session.Session:
    """Return a session that all clients share: a new one reads the model of the service again, for 55 ms."""
    return boto3.session.Session("test", "test", region_name="us-east-1")


def send(api: Api, request: AWSPreparedRequest) -> Answer:
    """Send a request of botocore through the handlers."""
    url, body = urlsplit(request.url), request.body
    headers = {
        name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()
    }
    packed = "gzip" in headers.get("Content-Encoding", "")
    sent = bytes(body) if packed else None if body is None else _text(body)
    return api.send(request.method, url.path, sent, headers=headers, query=_query(url.query))


def _text(value: str | bytes | bytearray) -> str:
    return value if isinstance(value, str) else value.decode()


def _query(text: str) -> dict[str, str] | None:
    """Return a query string as an HTTP API passes it: values of one name with commas between."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found or None


def _response(request: AWSPreparedRequest, answer: Answer) -> AWSResponse:
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Encoding"}
    return AWSResponse(request.url, answer.status, headers, _Raw(answer.data))
