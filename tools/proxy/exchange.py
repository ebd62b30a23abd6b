"""One HTTP request on its way through the proxy, and the response to it.

A handler of exchanges decides what reaches the server and what reaches the client: `relay` streams both unchanged,
`forward` and `answer` handle them whole, so that the handler can change, drop or repeat them.
"""

import http.client
import select
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

SECONDS = 60.0  # until a server that does not answer is given up
PIECE = 1 << 18  # bytes that `relay` moves at a time
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_NO_BODY = (204, 304)

type Flow = Callable[[int], None]  # called with the number of bytes before they are sent on


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of the server. `length` is the Content-Length, which may differ from the size of `body`."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    length: int

    def header(self, name: str) -> str:
        """Return the value of a header by its lower-case name, or an empty string."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    def having(self, name: str, value: str) -> "Reply":
        """Return a copy with another value for a header that is present."""
        return replace(
            self, headers=tuple((known, value if known.lower() == name else old) for known, old in self.headers)
        )

    @property
    def wire(self) -> bytes:
        """The bytes to send."""
        length = (("Content-Length", str(self.length)),) if self.status not in _NO_BODY else ()
        return _head(self.status, self.reason, self.headers + length) + self.body


class Upstream:
    """The server behind one client connection, whose requests `relay` sends over one connection too."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._kept: http.client.HTTPConnection | None = None

    def fresh(self) -> http.client.HTTPConnection:
        """Return a new connection, not yet connected."""
        return http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)

    def kept(self) -> http.client.HTTPConnection:
        """Return the connection of the last request, or a new one if the server has closed it."""
        if self._kept is None or self._kept.sock is None or is_readable(self._kept.sock):
            self.close()
            self._kept = self.fresh()
            self._kept.connect()
            self._kept.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._kept

    def close(self) -> None:
        """Close the connection that is kept."""
        if self._kept is not None:
            self._kept.close()


class Exchange:
    """One request: `arrived` is when its first byte did, `size` its Content-Length, `operation` what it asks of S3."""

    def __init__(self, connection: BaseHTTPRequestHandler, upstream: Upstream, arrived: float) -> None:
        self._connection, self._upstream, self.arrived = connection, upstream, arrived
        self.method, self.target, self.headers = connection.command, connection.path, connection.headers
        self.size = int(self.headers.get("Content-Length", 0))
        self.operation = operation_of(self.method, self.target, self.headers)
        self._body: bytes | None = None

    def body(self) -> bytes:
        """Read the whole body, so that the client has sent all of its request."""
        if self._body is None:
            self._body = b"".join(self._pieces())
        return self._body

    def flip_bit(self, at: int) -> None:
        """Flip one bit of the body's byte at offset `at`."""
        changed = bytearray(self.body())
        changed[at] ^= 1
        self._body = bytes(changed)

    def pass_through(self) -> None:
        """Forward the request and answer with the server's response."""
        self.answer(self.forward())

    def forward(self) -> Reply:
        """Send the request to the server on a new connection and return its response."""
        with self._sent(self.body()) as upstream:
            response = upstream.getresponse()
            body = response.read()
            kept = tuple((name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP)
            length = int(response.getheader("Content-Length") or 0) if self.method == "HEAD" else len(body)
            return Reply(response.status, response.reason, kept, body, length)

    def forward_some(self, size: int) -> None:
        """Send the server the first `size` bytes of the body, then close the connection to it."""
        with self._sent(self._connection.rfile.read(min(size, self.size))):
            pass

    def answer(self, reply: Reply, most: int | None = None) -> None:
        """Send the client a response, or its first `most` bytes and then the end of the connection."""
        self.body()
        with suppress(OSError):  # the client may have given up
            self._connection.wfile.write(reply.wire[:most])
        if most is not None:
            self._connection.close_connection = True

    def refuse(self, status: int, code: str) -> None:
        """Answer with an S3 error, without the server."""
        body = b"" if self.method == "HEAD" else f"<Error><Code>{code}</Code><Message/></Error>".encode()
        self.answer(Reply(status, "No", (("Content-Type", "application/xml"),), body, len(body)))

    def reset(self) -> None:
        """Reset the client's connection (RST instead of FIN)."""
        client = self._connection.connection
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close_connection = True
        client.close()

    def relay(self, up: Flow, down: Flow) -> None:
        """Stream the request to the server and the response to the client, calling `up` and `down` before each send."""
        upstream = self._upstream.kept()
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        up(len(f"{self._connection.requestline}\r\n{head}\r\n"))
        self._send_head(upstream)
        for piece in self._pieces():
            up(len(piece))
            upstream.send(piece)
        response = upstream.getresponse()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
        length, pieces = response.getheader("Content-Length"), iter(lambda: response.read1(PIECE), b"")
        if response.length is None:  # chunked: http.client has no size for it, so read it whole
            length, pieces = str(len(body := response.read())), iter([body])
        if length is not None and response.status not in _NO_BODY:
            headers.append(("Content-Length", length))
        self._send(_head(response.status, response.reason, headers), down)
        for piece in pieces:
            self._send(piece, down)
        if response.length:  # the server closed the connection early
            self._connection.close_connection = True
        response.close()

    def _send(self, data: bytes, down: Flow) -> None:
        down(len(data))
        self._connection.wfile.write(data)

    def _pieces(self) -> Iterator[bytes]:
        """Yield the body as it was sent, chunk sizes included."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._read(self.size)
            return
        size = -1
        while size:
            line = self._connection.rfile.readline()
            size = int(line.partition(b";")[0], 16)
            yield line
            yield from self._read(size + 2 if size else 0)
        while line := self._connection.rfile.readline():  # the trailers, and the empty line after them
            yield line
            if line == b"\r\n":
                return

    def _read(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._connection.rfile.read1(min(size, PIECE))
            if not piece:
                raise ConnectionAbortedError("the client closed the connection")
            size -= len(piece)
            yield piece

    @contextmanager
    def _sent(self, body: bytes) -> Iterator[http.client.HTTPConnection]:
        upstream = self._upstream.fresh()
        try:
            self._send_head(upstream, ("Connection", "close"))
            upstream.send(body)
            yield upstream
        finally:
            upstream.close()

    def _send_head(self, upstream: http.client.HTTPConnection, *more: tuple[str, str]) -> None:
        upstream.putrequest(self.method, self.target, skip_host=True, skip_accept_encoding=True)
        sent = [(name, value) for name, value in self.headers.items() if name.lower() not in ("connection", "expect")]
        for name, value in (*sent, *more):
            upstream.putheader(name, value)
        upstream.endheaders()


def is_readable(connection: socket.socket) -> bool:
    """Return True if a socket has bytes, a connection or its end to read."""
    if connection.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def operation_of(method: str, target: str, headers: Message) -> str:
    """Return a short name of the S3 operation that a request asks for."""
    query = parse_qs(urlsplit(target).query, keep_blank_values=True)
    if "uploads" in query:
        return "upload"
    if "uploadId" in query:
        if method == "PUT":
            return "copy" if "x-amz-copy-source" in headers else "part"
        return {"POST": "complete", "DELETE": "abort"}.get(method, "list")
    if method == "GET" and ("list-type" in query or "versions" in query):
        return "list"
    if method == "PUT" and headers.get("If-None-Match"):
        return "create"
    return "range" if method == "GET" and headers.get("Range") else method.lower()


def _head(status: int, reason: str, headers: Sequence[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
