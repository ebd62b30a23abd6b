"""A few lines of HTTP on the standard library: one connection, JSON in and out, each call timed."""

import base64
import http.client
import json
import time
from dataclasses import dataclass
from email.message import Message
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.errors import UnexpectedAnswer
from tools.signing import Signer

TIMEOUT_SECONDS = 60.0

type Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back, and how long it took to come."""

    status: int
    headers: Message
    body: Json
    milliseconds: float


class Client:
    """Calls an API under one base path, over one connection that stays open; signs what it sends, given a signer."""

    def __init__(self, host: str, port: int, path: str, signer: Signer | None = None) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        self._origin, self._path, self._signer = f"http://{host}:{port}", path, signer

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(self, method: str, path: str, body: Json | None = None, *, expect: int = 200) -> Answer:
        """Send one request; any other status than the expected one is an error that shows the answer."""
        sent = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        if self._signer is not None:
            headers = self._signer(method, self._origin + self._path + path, sent, headers)
        started = time.perf_counter()
        self._connection.request(method, self._path + path, sent, headers)
        response = self._connection.getresponse()
        raw = response.read()
        milliseconds = (time.perf_counter() - started) * 1000
        if response.status != expect:
            problem = raw.decode(errors="replace")[:2000]
            raise UnexpectedAnswer(f"{method} {path} answered {response.status}, not {expect}: {problem}")
        return Answer(response.status, response.headers, json.loads(raw) if raw else {}, milliseconds)


def encode(vector: npt.NDArray[np.float32]) -> str:
    """Write a vector as base64 of little-endian float32: a quarter of the size of its JSON numbers, and exact."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
