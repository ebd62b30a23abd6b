"""HTTP/1.1 to one host over connections that are kept, by Python's own client.

urllib3 would take 35 ms more of every cold start, a tenth of it, and over TLS read the machine's certificates for each
connection anew, 22 ms each, where a cold search opens thirty (docs/decisions/storage.md, decision 28).
"""

import select
import ssl
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

import msgspec

_LENGTHS: Final = ("content-length", "transfer-encoding")
_BODILESS: Final = (204, 304)

type Headers = Mapping[str, str]


class Unsent(Exception):
    """There was no connection: nothing was asked."""


class Broken(Exception):
    """No answer, or half of one: what was asked may have been done."""


class Answer(msgspec.Struct, frozen=True):
    """What was answered; the names of `headers` are in lower case."""

    status: int
    headers: Headers
    data: bytes


class Connections:
    """Connections to the host of `base`, a URL without a path, of which `keep` stay open when nobody uses them.

    `connect` is how many seconds to wait for a connection, and for each piece of a body to be taken. Each request is
    sent once, no redirect is followed, and an answer is taken as it was sent.
    """

    def __init__(self, base: str, keep: int, connect: float) -> None:
        url = urlsplit(base)
        self._tls, self._host, self._port = url.scheme == "https", url.hostname or "", url.port
        self._keep, self._connect = keep, connect
        self._idle: deque[HTTPConnection] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def ask(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: Iterable[memoryview] = (),
        *,
        read: float,
        until: float | None = None,
    ) -> Answer:
        """Send a request, whose headers tell the length of a body, and return the answer.

        Wait `read` seconds for each piece of it, and for the whole until `until` on the monotonic clock, if given.

        Raises:
            Unsent, Broken
        """
        with self._connection() as connection:
            _send(connection, method, target, headers, body)
            connection.sock.settimeout(read)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            # The client takes a head that ends early for a whole one.
            if response.status not in _BODILESS and not any(name in told for name in _LENGTHS):
                raise Broken("half the head of an answer")
            data = response.read() if until is None else _read_slowly(response, until)
            if response.will_close:
                connection.close()
            return Answer(response.status, told, data)

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        """Yield a connection, and keep it if it was used without an error.

        Raises:
            Unsent, Broken
        """
        connection = self._kept() or self._connected()
        sound = False
        try:
            yield connection
            sound = connection.sock is not None
        except (OSError, HTTPException) as error:
            raise Broken(type(error).__name__) from error
        finally:
            if sound and len(self._idle) < self._keep:
                self._idle.append(connection)
            else:
                connection.close()

    def _kept(self) -> HTTPConnection | None:
        """Return an open connection if there is one, the one used last."""
        while self._idle:
            with suppress(IndexError):  # another thread took it
                connection = self._idle.pop()
                if not _says_something(connection):
                    return connection
                connection.close()
        return None

    def _connected(self) -> HTTPConnection:
        if self._tls:
            connection: HTTPConnection = HTTPSConnection(
                self._host, self._port, timeout=self._connect, context=self._context
            )
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self._connect)
        try:
            connection.connect()
        except OSError as error:
            raise Unsent(type(error).__name__) from error
        return connection

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _send(connection: HTTPConnection, method: str, target: str, headers: Headers, body: Iterable[memoryview]) -> None:
    connection.sock.settimeout(connection.timeout)
    # Whoever refuses a body may answer before it is all there, and hang up: the answer is still to be read.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.request(method, target, body or None, dict(headers))


def _read_slowly(response: HTTPResponse, until: float) -> bytes:
    """Return a short body that may come byte by byte, if all of it is there by then."""
    pieces = []
    while piece := response.read(1):
        pieces.append(piece)
        if time.monotonic() > until:
            raise Broken("an answer that took too long")
    if response.length:
        raise Broken("half an answer")
    return b"".join(pieces)


def _says_something(connection: HTTPConnection) -> bool:
    """Tell whether the other side hung up, or sent what nobody asked for: neither is the answer to a next request."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _close_all(idle: deque[HTTPConnection]) -> None:
    for connection in idle:
        connection.close()
