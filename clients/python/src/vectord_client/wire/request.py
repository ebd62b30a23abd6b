"""What a transport sends and receives."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class Request(msgspec.Struct, frozen=True):
    """One HTTP request. `path` is percent-encoded and begins with a slash; `query` has the decoded parameters.

    `rows`, a `Block`, are in place of a body in a request to add them; only a transport in this process accepts them.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    rows: Any = None


class Response(msgspec.Struct, frozen=True):
    """One complete HTTP response; the names of `headers` are in lower case, and `body` is not compressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends requests. It raises only the transport errors of `vectord_client.errors`."""

    def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request, whatever its status, within `timeout` seconds."""

    def close(self) -> None:
        """Release connections, threads and files."""


class AsyncTransport(Protocol):
    """Sends requests from coroutines. It raises only the transport errors of `vectord_client.errors`."""

    async def send(self, request: Request, timeout: float) -> Response:
        """Return the response to a request, whatever its status, within `timeout` seconds."""

    async def close(self) -> None:
        """Release connections, threads and files."""
