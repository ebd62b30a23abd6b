"""A deployment in this process behind a server on loopback, so that clients reach it over HTTP."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from tests.support.api import Api

TEXT = ("text/", "application/json", "application/xml", "application/javascript")


class Served:
    """The URL of the API, and the requests that it answered: `METHOD path`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[str] = []


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True


@contextmanager
def served(api: Api) -> Iterator[Served]:
    """Serve inside the block. Requests are handled one at a time, as an instance of a function handles them."""
    one = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with one:
                found.requests.append(f"{self.command} {self.path}")
                status, headers, data = answered(api, self.command, self.path, dict(self.headers.items()), body)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = handle_any  # noqa: N815 - names that the base class gives

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        found = Served(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def answered(
    api: Api, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    """Pass a request on as an HTTP API does: bodies of a textual type as text, which damages other bytes."""
    parts = urlsplit(target)
    query = {name: ",".join(values) for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    kind = {name.lower(): value for name, value in headers.items()}.get("content-type", "")
    sent = body.decode(errors="replace") if kind.startswith(TEXT) else body
    answer = api.send(method, parts.path, sent or None, headers=headers, query=query)
    data = base64.b64decode(answer.text) if answer.packed else answer.text.encode()
    return answer.status, answer.headers, data
