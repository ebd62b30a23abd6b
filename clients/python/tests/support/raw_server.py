"""A server that sends exactly the bytes of a script, so that damaged and foreign answers can be tested."""

import gzip
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Any

import msgspec

_TLS = b"\x16"  # the first byte of a handshake


class Received(msgspec.Struct):
    """A request as it arrived; names of headers are lower-case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class RawServer:
    """Answers each connection with the next item of the script, the last one forever.

    `None` closes the connection without an answer.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.requests: list[Received] = []
        self.script: list[bytes | None] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            if stream.peek(1)[:1] == _TLS:
                connection.sendall(self.script[0] or b"")
                return
            line = stream.readline().decode().split()
            if not line:
                return
            headers = {}
            while (field := stream.readline().strip()) != b"":
                name, _, value = field.decode().partition(":")
                headers[name.lower()] = value.strip()
            body = stream.read(int(headers.get("content-length", 0)))
            self.requests.append(Received(line[0], line[1], headers, body))
            answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if answer is not None:
                connection.sendall(answer)


@contextmanager
def raw_server(*script: bytes | None) -> Iterator[RawServer]:
    """Serve a script inside the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RawServer(listener)
        server.script = list(script)
        thread = Thread(target=server.run)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def answer(status: int, body: Any = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole response; a body that is not bytes is JSON. A length in `headers` replaces the true one."""
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    kind = "text/html" if data.startswith(b"<") else "application/json"
    fields = {"content-type": kind, "content-length": str(len(data)), "connection": "close", **(headers or {})}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def problem(status: int, kind: str, detail: str = "detail", headers: Mapping[str, str] | None = None) -> bytes:
    """Return a response that is a problem of vectord."""
    body = {"type": f"urn:vectord:problem:{kind}", "title": "Title", "status": status, "detail": detail}
    return answer(status, body, {"content-type": "application/problem+json", **(headers or {})})


def packed(body: bytes) -> bytes:
    """Return `body` as gzip."""
    return gzip.compress(body)
