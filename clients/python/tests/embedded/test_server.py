"""`vectord serve`: the HTTP API over a folder, its links, its limits, and its defences."""

import gzip
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.embedded.support import running

from vectord_client.embedded.listening import Server
from vectord_client.embedded.requirements import Options
from vectord_client.errors import AddressUnusable, TargetInvalid

SERVE = """
import sys
from pathlib import Path
from vectord_client.embedded.entry import serve
serve(Path(sys.argv[1]), port=0, announce=lambda url, text: print(text, flush=True))
"""


class Browser:
    """A connection to a server, and the answer to its last request."""

    def __init__(self, server: Server) -> None:
        self.host = urlsplit(server.url).netloc
        self.connection = http.client.HTTPConnection(self.host, timeout=30)

    def send(self, method: str, target: str, body: Any = None, **headers: str) -> http.client.HTTPResponse:
        data = json.dumps(body) if isinstance(body, dict) else body
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, target, data, sent)
        response = self.connection.getresponse()
        self.data = response.read()
        return response

    def close(self) -> None:
        self.connection.close()

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@contextmanager
def serving(folder: Path, options: Options) -> Iterator[Server]:
    with Server(folder, "127.0.0.1", 0, open_to_network=False, options=options) as listening:
        thread = Thread(target=listening.run)
        thread.start()
        try:
            yield listening
        finally:
            listening.stop()
            thread.join()


@pytest.fixture
def server(tmp_path: Path, options: Options) -> Iterator[Server]:
    with serving(tmp_path / "data", options) as listening:
        yield listening


@pytest.fixture
def browser(server: Server) -> Iterator[Browser]:
    with closing(Browser(server)) as opened:
        assert opened.send("POST", "/indexes", {"name": "films", "dimension": 2}).status == 201
        yield opened


def test_requests_are_answered_on_one_connection(browser: Browser) -> None:
    browser.send("GET", "/indexes")
    before = browser.connection.sock
    added = browser.send("POST", "/indexes/films/vectors", {"vectors": [{"id": "a/b", "vector": [1, 0]}]})
    assert (added.status, browser.json["added"], added.headers["ETag"][0]) == (200, 1, '"')
    assert browser.send("GET", "/indexes/films/vectors/a%2Fb").status == 200
    etag = browser.send("GET", "/indexes/films").headers["ETag"]
    assert browser.send("GET", "/indexes/films", if_none_match=etag).status == 304
    assert browser.send("DELETE", "/indexes/films").status == 204
    assert browser.connection.sock is before


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/", 404),
        ("HEAD", "/indexes", 405),
        ("OPTIONS", "/indexes", 405),
        ("PATCH", "/indexes", 405),
        ("GET", "/openapi.json", 200),
        ("GET", "/indexes/films/vectors/%ff", 422),
        ("GET", "http://127.0.0.1/indexes", 200),
        ("GET", "//indexes", 404),
        ("POST", "/ListVectorBuckets", 200),
    ],
)
def test_other_requests_are_answered_as_by_api_gateway(browser: Browser, method: str, target: str, status: int) -> None:
    response = browser.send(method, target)
    assert response.status == status
    assert response.headers["apigw-requestid"]
    assert (method == "HEAD") == (browser.data == b"")
    assert browser.send("GET", "/indexes").status == 200


def test_answers_and_bodies_are_compressed_with_gzip(browser: Browser) -> None:
    response = browser.send("GET", "/openapi.json", accept_encoding="gzip")
    assert response.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(browser.data))["openapi"].startswith("3.")
    body = gzip.compress(b'{"vectors": [{"id": "a", "vector": [1, 0]}]}')
    assert browser.send("POST", "/indexes/films/vectors", body, content_encoding="gzip").status == 200


def test_a_body_may_be_sent_in_chunks(browser: Browser) -> None:
    body = b'{"vectors": [{"id": "a", "vector": [1, 0]}]}'
    browser.connection.request("POST", "/indexes/films/vectors", iter([body[:10], body[10:]]), encode_chunked=True)
    assert browser.connection.getresponse().read() == b'{"added":1,"replaced":0,"count":1}'


@pytest.mark.parametrize(
    ("size", "type_or_message"),
    [((6 << 20) + 1, "urn:vectord:problem:request-too-large"), ((10 << 20) + 1, "Request Entity Too Large")],
)
def test_a_body_has_the_limits_of_the_deployed_api(browser: Browser, size: int, type_or_message: str) -> None:
    assert browser.send("POST", "/indexes/films/vectors", b" " * size).status == 413
    assert type_or_message in browser.json.values()


def test_a_damaged_request_does_not_stop_the_server(server: Server, browser: Browser) -> None:
    address = urlsplit(server.url)
    for data in (b"\x16\x03\x01\x00\n\n", b"GET /indexes HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"POST /indexes HT"):
        with socket.create_connection((str(address.hostname), address.port or 0)) as raw:
            raw.sendall(data)
    assert browser.send("GET", "/indexes").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "evil.example:80"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"host": "["}, 421),
        ({"host": "localhost:1"}, 200),
    ],
)
def test_a_page_of_another_site_is_refused(browser: Browser, headers: dict[str, str], status: int) -> None:
    assert browser.send("GET", "/indexes", **headers).status == status


def test_a_page_of_the_server_itself_is_served(browser: Browser) -> None:
    assert browser.send("GET", "/indexes", origin=f"http://{browser.host}").status == 200


def test_an_export_is_downloaded_by_its_link(browser: Browser) -> None:
    browser.send("POST", "/indexes/films/vectors", {"vectors": [{"id": "a", "vector": [1, 0]}]})
    browser.send("GET", "/indexes/films/export?format=jsonl&link=true")
    link = urlsplit(browser.json["url"])
    target = f"{link.path}?{link.query}"
    response = browser.send("GET", target)
    assert json.loads(browser.data) == {"id": "a", "vector": [1.0, 0.0]}
    assert response.headers["Content-Disposition"] == 'attachment; filename="films.jsonl"'
    assert (browser.send("HEAD", target).headers["Content-Length"], browser.data) == ("30", b"")
    assert browser.send("POST", target).status == 405
    assert browser.send("GET", target.replace("name=", "name=x")).status == 403


@pytest.mark.parametrize("path", ["/downloads/films.jsonl?name=films", "/uploads/films/x/f.jsonl?bytes=1&signature=1"])
def test_a_link_that_was_not_issued_is_refused(browser: Browser, path: str) -> None:
    assert browser.send("GET" if "downloads" in path else "PUT", path, if_none_match="*").status == 403


def upload(browser: Browser, data: bytes, file: str = "rows.jsonl") -> tuple[str, str]:
    """Return the path, and the key, of a link for a file."""
    browser.send("POST", "/indexes/films/uploads", {"file": file, "bytes": len(data)})
    link = urlsplit(browser.json["url"])
    assert (browser.json["method"], browser.json["headers"]) == ("PUT", {"if-none-match": "*"})
    return f"{link.path}?{link.query}", browser.json["key"]


def test_an_uploaded_file_is_ingested(server: Server, browser: Browser, tmp_path: Path) -> None:
    data = b"".join(b'{"id": "%d", "vector": [1, %d]}\n' % (row, row) for row in range(100))
    target, _ = upload(browser, data)
    assert browser.send("PUT", target, data, if_none_match="*").status == 200
    assert server.wait(30)
    browser.send("GET", "/indexes/films")
    assert browser.json["count"] == 100
    assert not [path for path in (tmp_path / "data" / ".inbox").rglob("*") if path.is_file()]


def test_a_file_that_is_refused_gets_a_report(server: Server, browser: Browser, tmp_path: Path) -> None:
    data = b'{"id": "a", "vector": [1, 0]}\n{"id": "b", "vector": [1]}\n'
    target, key = upload(browser, data, "ä/b c.jsonl")
    assert browser.send("PUT", target, data, if_none_match="*").status == 200
    assert server.wait(30)
    report = tmp_path / "data" / ".inbox" / f"{key.replace('uploads', 'rejected', 1)}.json"
    assert json.loads(report.read_text())["rows"][0]["line"] == 2
    browser.send("GET", "/indexes/films")
    assert browser.json["count"] == 0


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [(b"12", {"if_none_match": "*"}, 403), (b"1", {}, 403), (b"1", {"if_none_match": "*"}, 200)],
)
def test_a_link_is_for_one_file_of_its_size(
    browser: Browser, data: bytes, headers: dict[str, str], status: int
) -> None:
    target, _ = upload(browser, b"1")
    assert browser.send("PUT", target, data, **headers).status == status


def test_a_file_is_ingested_by_the_next_server_if_the_first_one_ended(tmp_path: Path, options: Options) -> None:
    data = b'{"id": "a", "vector": [1, 0]}\n'
    with serving(tmp_path / "data", options) as first, closing(Browser(first)) as browser:
        browser.send("POST", "/indexes", {"name": "films", "dimension": 2})
        first._engine.uploads.close(0)
        target, _ = upload(browser, data)
        assert browser.send("PUT", target, data, if_none_match="*").status == 200
    with serving(tmp_path / "data", options) as second, closing(Browser(second)) as browser:
        browser.send("GET", "/indexes/films")  # answered once the server runs
        assert second.wait(30)
        browser.send("GET", "/indexes/films")
        assert browser.json["count"] == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com"])
def test_the_network_is_refused_without_a_flag(tmp_path: Path, options: Options, host: str) -> None:
    with pytest.raises(AddressUnusable, match="--open-to-network"):
        Server(tmp_path, host, 0, open_to_network=False, options=options)


def test_a_port_in_use_is_refused(server: Server, tmp_path: Path, options: Options) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    with pytest.raises(AddressUnusable, match="--port"):
        Server(tmp_path / "data", "127.0.0.1", port, open_to_network=False, options=options)


def test_a_file_is_not_served(tmp_path: Path, options: Options) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(TargetInvalid):
        Server(tmp_path / "file", "127.0.0.1", 0, open_to_network=False, options=options)


def test_a_download_that_is_not_read_delays_the_end_by_two_seconds_at_most(
    tmp_path: Path, options: Options, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path / "data", options) as server:
        server._engine.store.stage(".staging/export", [bytes(64 << 20)])
        link = urlsplit(server._download(".staging/export", 60, "films.parquet", None))
        with socket.create_connection((str(link.hostname), link.port or 0)) as client:
            client.sendall(f"GET {link.path}?{link.query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert client.recv(15, socket.MSG_WAITALL) == b"HTTP/1.1 200 OK"
            time.sleep(0.5)
            start = time.monotonic()
            server.stop()
            server.close()
            assert time.monotonic() - start < 4
    assert caplog.records == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(tmp_path: Path, number: int) -> None:
    with running(SERVE, tmp_path / "data") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        greeting = process.stdout.readline()
        assert greeting.startswith(f"vectord serves {(tmp_path / 'data').resolve()} (0 indexes) at http://127.0.0.1:")
        url = urlsplit(greeting.split()[-1])
        with closing(http.client.HTTPConnection(url.netloc)) as connection:
            connection.request("GET", "/indexes")
            assert connection.getresponse().status == 200
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
