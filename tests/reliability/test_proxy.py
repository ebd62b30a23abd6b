"""The proxy itself: what is settled stays as it is."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tools.proxy.server import proxy

REQUEST = b"PUT /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ndata"


@pytest.fixture
def done() -> Iterator[tuple[str, list[str]]]:
    """The URL of a server that accepts everything, and what it received."""
    taken: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(4)
            taken.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()
        thread.join()


def test_no_request_of_a_client_that_gave_up_arrives_after_the_proxy_is_settled(done: tuple[str, list[str]]) -> None:
    url, taken = done
    with proxy(url) as before:
        where = urlsplit(before.endpoint)
        for number in range(100):
            with socket.create_connection((where.hostname or "", where.port or 0)) as client:
                client.sendall(REQUEST % number)
            before.settle()
            assert len(taken) == number + 1
