"""A server on loopback with scripted responses, byte by byte."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread
from time import sleep

Answer = Callable[[BaseHTTPRequestHandler], None]


class ScriptedServer:
    """The address of the server and the requests that it received: `METHOD path`, headers and bodies.

    `clients` are the addresses from which they came: one for each connection.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.requests: list[str] = []
        self.headers: list[Message] = []
        self.bodies: list[bytes] = []
        self.clients: list[tuple[str, int]] = []
        self.answer: Answer = answers(200)
        self.takes_bodies = True
        self.done = Event()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # clients that connect at the same time; one that is rejected tries again after a second


@contextmanager
def scripted_server(tls: SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Serve inside the block, over TLS if a context is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            if scripted.takes_bodies:
                scripted.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            scripted.requests.append(f"{self.command} {self.path}")
            scripted.headers.append(self.headers)
            scripted.clients.append(self.client_address)
            scripted.answer(self)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names that the base class gives

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        scripted = ScriptedServer(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield scripted
        finally:
            scripted.done.set()
            server.shutdown()
            thread.join()


def answers(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, status, len(body), headers)
        if handler.command != "HEAD" and status != 304:
            handler.wfile.write(body)

    return answer


def in_turn(*several: Answer) -> Answer:
    """Respond with one after the other."""
    left = iter(several)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        next(left)(handler)

    return answer


def refuses(status: int, code: str, message: str = "in words that do not matter") -> Answer:
    """Refuse as S3 does."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return answers(status, body.encode(), **{"Content-Type": "application/xml"})


def ranged(body: bytes, **headers: str) -> Answer:
    """Respond with a range of `body` as S3 does, unless `headers` say otherwise."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        first, last = handler.headers["Range"].removeprefix("bytes=").split("-")
        part = body[int(first) : int(last) + 1]
        where = {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"}
        answers(206, part, **{**where, **{name.replace("_", "-"): value for name, value in headers.items()}})(handler)

    return answer


def truncates(body: bytes, missing: int, status: int = 200, **headers: str) -> Answer:
    """Announce more bytes than are sent before the connection ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, status, len(body) + missing, headers)
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def slowly(body: bytes, pieces: int, seconds: float) -> Answer:
    """Respond 200 at once, send `pieces` of white space `seconds` apart, as S3 does while it works, then the body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # the client gave up
            for piece in [b'<?xml version="1.0"?>', *[b" \n"] * pieces, body, b""]:
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                sleep(seconds if piece == b" \n" else 0)

    return answer


def resets(handler: BaseHTTPRequestHandler) -> None:
    """Reset the connection instead of a response."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def hangs(server: ScriptedServer) -> Answer:
    """Send nothing until the test is over."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        server.done.wait()
        handler.close_connection = True

    return answer


def _head(handler: BaseHTTPRequestHandler, status: int, length: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"ETag": '"e1"', **headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
