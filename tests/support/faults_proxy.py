"""A proxy before S3, where a fault decides what of each request gets there, and what of the answer comes back."""

import http.client
import select
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

_PIECE = 1 << 16
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of S3; `length` is what its head promises of the body."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    length: int

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known.lower() == name), "")

    def having(self, name: str, value: str) -> "Reply":
        """Return the reply with another value of a header that it has."""
        return replace(
            self, headers=tuple((known, value if known.lower() == name else old) for known, old in self.headers)
        )

    @property
    def wire(self) -> bytes:
        """The bytes that travel."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
        if self.status not in (204, 304):
            lines.append(f"Content-Length: {self.length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Exchange:
    """One request on its way: a fault decides what of it reaches S3, and what of the answer reaches the client."""

    def __init__(self, handler: BaseHTTPRequestHandler, upstream: tuple[str, int]) -> None:
        self._handler, self._upstream = handler, upstream
        self.size = int(handler.headers.get("Content-Length", 0))
        self.method, self.target = handler.command, handler.path
        self.step = step_of(self.method, self.target, handler.headers)
        self._body: bytes | None = None

    def body(self) -> bytes:
        """Take in the whole body, so that the client has sent all of its request."""
        if self._body is None:
            taken = self._handler.rfile.read(self.size)
            if len(taken) < self.size:
                raise ConnectionAbortedError("the client is gone")
            self._body = taken
        return self._body

    def spoil(self, at: int) -> None:
        """Change one bit of the body."""
        spoiled = bytearray(self.body())
        spoiled[at] ^= 1
        self._body = bytes(spoiled)

    def forward(self) -> Reply:
        """Have S3 do what is asked, and return its answer."""
        with self._sent(self.body()) as connection:
            got = connection.getresponse()
            body = got.read()
            kept = tuple((name, value) for name, value in got.getheaders() if name.lower() not in _HOP)
            promised = int(got.getheader("Content-Length") or 0) if self._handler.command == "HEAD" else len(body)
            return Reply(got.status, got.reason, kept, body, promised)

    def forward_some(self, size: int) -> None:
        """Have S3 see so many bytes of the body, and then the end of the connection."""
        some = self._handler.rfile.read(min(size, self.size))
        with self._sent(some):
            pass

    def answer(self, reply: Reply, most: int | None = None) -> None:
        """Send the answer, or so many of its bytes and then the end of the connection."""
        self.body()
        with suppress(OSError):  # the client may wait no longer
            self._handler.wfile.write(reply.wire[:most])
        if most is not None:
            self._handler.close_connection = True

    def refuse(self, status: int, code: str) -> None:
        """Answer as S3 refuses, and do nothing."""
        body = b"" if self._handler.command == "HEAD" else f"<Error><Code>{code}</Code><Message/></Error>".encode()
        self.answer(Reply(status, "No", (("Content-Type", "application/xml"),), body, len(body)))

    def reset(self) -> None:
        """Reset the client's connection."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.close_connection = True
        self._handler.connection.close()

    @contextmanager
    def _sent(self, body: bytes) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        try:
            connection.putrequest(self._handler.command, self._handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self._handler.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.putheader("Connection", "close")
            connection.endheaders(body)
            yield connection
        finally:
            connection.close()


type Fault = Callable[[Exchange], None]
type Deal = Callable[[Exchange], Fault]


class Proxy:
    """The proxy's address, and how often it dealt out which fault to which step of the protocol."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.deal: Deal = lambda _: lambda exchange: exchange.answer(exchange.forward())
        self.steps: Counter[str] = Counter()
        self._busy, self._lock = 0, Lock()
        self._open: set[socket.socket] = set()

    def is_quiet(self) -> bool:
        """Tell whether no request is on its way: held back, or sent and not read yet by a thread that had no turn."""
        with self._lock:
            return self._busy == 0 and not any(map(_has_something, self._open))

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until no request is on its way."""
        until = monotonic() + seconds
        while not self.is_quiet():
            assert monotonic() < until, "a request never came to its end"
            sleep(0.001)

    @contextmanager
    def _serving(self) -> Iterator[None]:
        """Count one request of a connection from before its first byte is read."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _count(self, step: str) -> None:
        with self._lock:
            self.steps[step] += 1


def _has_something(connection: socket.socket) -> bool:
    """Tell whether bytes, a connection or the end of one are there to be taken."""
    if connection.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _wait(connection: socket.socket) -> None:
    """Wait for bytes or the end; select() would know descriptors below 1,024 only."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.poll()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True
    proxied: Proxy

    def get_request(self) -> tuple[socket.socket, Any]:
        with self.proxied._lock:  # a connection is in the queue or in the set
            connection, address = super().get_request()
            self.proxied._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self.proxied._lock:
            self.proxied._open.discard(request)
        super().shutdown_request(request)


@contextmanager
def proxy(upstream: str) -> Iterator[Proxy]:
    """Stand before the S3 at `upstream` until the block is left; `deal` of what it gives decides each request."""
    where = urlsplit(upstream)
    behind = (where.hostname or "", where.port or 80)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            _wait(self.connection)
            with proxied._serving():
                super().handle_one_request()

        def handle_any(self) -> None:
            exchange = Exchange(self, behind)
            proxied._count(exchange.step)
            proxied.deal(exchange)(exchange)

        do_GET = do_PUT = do_POST = do_PATCH = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names that the base class gives

        def handle(self) -> None:
            with suppress(OSError, ValueError):  # of a connection that a fault closed
                super().handle()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        server.proxied = proxied = Proxy(f"http://127.0.0.1:{server.server_port}")
        proxied._open.add(server.socket)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxied
        finally:
            server.shutdown()
            thread.join()


def step_of(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Name the step of the protocol that a request is."""
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
