"""What a transport sends and receives."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Request(msgspec.Struct, frozen=True):
    """One HTTP request. `path` is percent-encoded and begins with a slash; `query` has the decoded parameters."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None


class Response(msgspec.Struct, frozen=True):
    """One HTTP response; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends requests. It raises only the transport errors of `vectord_client.errors`."""

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request, within `timeout` seconds."""

    def close(self) -> None:
        """Release connections, threads and files."""
