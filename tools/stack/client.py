"""An HTTP client of the API: one kept connection, JSON in and out, every call timed, signed with SigV4 on request."""

import base64
import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

import numpy as np
import numpy.typing as npt
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tools.command.errors import UnexpectedAnswer

REGION = "us-east-1"
TIMEOUT_SECONDS = 60.0

type Json = dict[str, Any]
type Signer = Callable[[str, str, str | None, Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True)
class Answer:
    """A response, and the milliseconds from the request to its last byte."""

    status: int
    headers: Message
    body: Json
    milliseconds: float


class Client:
    """Calls an API below a base path; signs each request if it has a signer."""

    def __init__(self, host: str, port: int, path: str, signer: Signer | None = None) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        self._origin, self._path, self._signer = f"http://{host}:{port}", path, signer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        *,
        expect: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; a text is sent as it is.

        Raises:
            UnexpectedAnswer: the status is not `expect`; the message has the response's body.
        """
        started = time.perf_counter()
        response, raw = self._send(method, path, body, headers or {})
        milliseconds = (time.perf_counter() - started) * 1000
        if response.status != expect:
            problem = raw.decode(errors="replace")[:2000]
            raise UnexpectedAnswer(f"{method} {path} answered {response.status}, not {expect}: {problem}")
        return Answer(response.status, response.headers, json.loads(raw) if raw else {}, milliseconds)

    def exchange(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Send one request and return the status and the body of its response, whatever they are."""
        response, raw = self._send(method, path, body, {})
        return response.status, json.loads(raw) if raw.startswith(b"{") else {}

    def look_up(self, index: str, vector_id: str, *, expect: int = 200) -> Answer:
        """Look up one vector. The id travels in a body: a gateway can change it in a path."""
        return self.call("POST", f"/indexes/{index}/vectors/get", {"ids": [vector_id]}, expect=expect)

    def delete(self, index: str, vector_id: str, *, expect: int = 200) -> Answer:
        """Delete one vector. The id travels in a body, as for `look_up`."""
        return self.call("POST", f"/indexes/{index}/vectors/delete", {"ids": [vector_id]}, expect=expect)

    def _send(
        self, method: str, path: str, body: Json | str | None, more: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        sent = body if body is None or isinstance(body, str) else json.dumps(body)
        headers = {**({} if body is None else {"Content-Type": "application/json"}), **more}
        if self._signer is not None:
            headers = self._signer(method, self._origin + self._path + path, sent, headers)
        self._connection.request(method, self._path + path, sent, headers)
        response = self._connection.getresponse()
        return response, response.read()


def signer(access_key: str, secret_key: str, token: str | None = None) -> Signer:
    """Return a function (method, URL, body, headers) -> headers that adds a SigV4 signature for API Gateway."""
    sigv4 = SigV4Auth(Credentials(access_key, secret_key, token), "execute-api", REGION)

    def sign(method: str, url: str, body: str | None, headers: Mapping[str, str]) -> dict[str, str]:
        request = AWSRequest(method, url, headers=dict(headers), data=body)
        sigv4.add_auth(request)
        return dict(request.headers.items())

    return sign


def encode(vector: npt.NDArray[np.float32]) -> str:
    """Return a vector as base64 of little-endian float32: exact, and a quarter of the size of JSON numbers."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
