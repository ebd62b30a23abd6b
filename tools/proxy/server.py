"""The proxy's listener on loopback: one thread per client connection, and a count of the requests by S3 operation."""

import select
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from tools.proxy.exchange import Exchange, Upstream, is_readable

type Behaviour = Callable[[Exchange], None]


class Proxy:
    """The proxy's `endpoint`; `choose` returns for each exchange the behaviour that carries it out."""

    def __init__(self, endpoint: str, clock: Callable[[], float]) -> None:
        self.endpoint, self.clock = endpoint, clock
        self.choose: Callable[[Exchange], Behaviour] = lambda _: Exchange.pass_through
        self.operations: Counter[str] = Counter()
        self._busy, self._lock = 0, Lock()
        self._open: set[socket.socket] = set()

    def is_quiet(self) -> bool:
        """Return True if no request is on its way: neither in progress nor sent and not yet read."""
        with self._lock:
            return self._busy == 0 and not any(map(is_readable, self._open))

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until no request is on its way.

        Raises:
            TimeoutError: one still is after `seconds`.
        """
        until = monotonic() + seconds
        while not self.is_quiet():
            if monotonic() > until:
                raise TimeoutError(f"a request is still on its way after {seconds} s")
            sleep(0.001)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Count one request as in progress; to be entered before its first byte is read."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    @contextmanager
    def accepting(self) -> Iterator[set[socket.socket]]:
        """Lock the set of open sockets, so that each connection is in the listener's queue or in the set."""
        with self._lock:
            yield self._open

    def carry_out(self, exchange: Exchange) -> None:
        """Count an exchange and let the chosen behaviour carry it out."""
        with self._lock:
            self.operations[exchange.operation] += 1
        self.choose(exchange)(exchange)


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    proxied: Proxy
    upstream: tuple[str, int]

    def get_request(self) -> tuple[socket.socket, Any]:
        with self.proxied.accepting() as sockets:
            connection, address = super().get_request()
            sockets.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self.proxied.accepting() as sockets:
            sockets.discard(request)
        super().shutdown_request(request)


class _Connection(BaseHTTPRequestHandler):
    """Reads the requests of one client connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream = Upstream(*self.server.upstream)

    def handle_one_request(self) -> None:
        _wait(self.connection)
        self._arrived = self.server.proxied.clock()
        with self.server.proxied.serving():
            super().handle_one_request()

    def handle_any(self) -> None:
        self.server.proxied.carry_out(Exchange(self, self._upstream, self._arrived))

    do_GET = do_PUT = do_POST = do_PATCH = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names of the base class

    def handle(self) -> None:
        try:
            with suppress(OSError, ValueError):  # of a connection that the client or a behaviour closed
                super().handle()
        finally:
            self._upstream.close()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _wait(connection: socket.socket) -> None:
    """Wait for bytes or the end; select() cannot wait for descriptors above 1,023."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.poll()


@contextmanager
def proxy(upstream: str, clock: Callable[[], float] = monotonic) -> Iterator[Proxy]:
    """Run a proxy in front of the server at the URL `upstream` until the block is left; `clock` times arrivals."""
    where = urlsplit(upstream)

    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.upstream = where.hostname or "", where.port or 80
        server.proxied = proxied = Proxy(f"http://127.0.0.1:{server.server_port}", clock)
        with proxied.accepting() as sockets:
            sockets.add(server.socket)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxied
        finally:
            server.shutdown()
            thread.join()
