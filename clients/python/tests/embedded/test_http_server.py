"""The end of a server: answers that are ready soon are sent as a whole, and nothing delays it for long."""

import logging
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from http.client import HTTPResponse
from threading import Event, Thread

import pytest

from vectord_client.embedded.http_server import HttpServer, listen

LARGE = b"x" * (20 << 20)


class Served:
    """A server in a thread whose application waits for `released` and then answers with `body`."""

    def __init__(self, body: bytes = b"done") -> None:
        self.asked, self.released, self.body = Event(), Event(), body
        listening = listen("127.0.0.1", 0)
        self.port = listening.getsockname()[1]
        self.http = HttpServer(self._answer, listening)
        self._thread = Thread(target=self.http.run)
        self._thread.start()

    def _answer(self, environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
        self.asked.set()
        self.released.wait(60)
        start_response("200 OK", [("content-length", str(len(self.body)))])
        return [self.body]

    def ask(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert self.asked.wait(30)
        return connection

    def close(self, seconds: float) -> float:
        """Close the server; return the seconds that this took."""
        start = time.monotonic()
        self.http.close(seconds)
        self._thread.join()
        return time.monotonic() - start


def received(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("body", [b"done", LARGE], ids=["short", "long"])
def test_an_answer_that_is_ready_soon_after_the_end_is_sent_as_a_whole(body: bytes) -> None:
    served = Served(body)
    with closing(served.ask()) as connection:
        answers: list[bytes] = []
        reader = Thread(target=lambda: answers.append(received(connection)))
        reader.start()
        ending = Thread(target=served.close, args=(20,))
        ending.start()
        time.sleep(0.2)
        served.released.set()
        ending.join()
        reader.join()
    assert answers[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("body", [b"done", LARGE], ids=["the application", "a client that does not read"])
def test_what_is_slow_does_not_delay_the_end_and_no_warning_is_logged(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    served = Served(body)
    if body is LARGE:
        served.released.set()
    with closing(served.ask()), caplog.at_level(logging.WARNING):
        assert 0.3 <= served.close(0.3) < 10
    served.released.set()
    assert caplog.records == []


def test_an_idle_connection_does_not_delay_the_end() -> None:
    served = Served()
    served.released.set()
    with closing(served.ask()) as connection:
        with HTTPResponse(connection) as answer:
            answer.begin()
            assert answer.read() == b"done"
        assert served.close(20) < 10
        assert connection.recv(1) == b""
