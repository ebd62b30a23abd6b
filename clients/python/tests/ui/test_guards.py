"""Who may call the page's server: the page itself, and nothing else."""

import ipaddress
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.raw_server import answer, raw_server
from tests.ui.conftest import Browser, browsing

from vectord_client import Client
from vectord_client.ui.server import Server

OPENAPI = json.loads((Path(__file__).parents[4] / "docs/openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path) for path, item in OPENAPI["paths"].items() for method in item if method != "parameters"
]
READS = {
    ("GET", "/indexes"),
    ("GET", "/indexes/{name}"),
    ("GET", "/indexes/{name}/vectors"),
    ("POST", "/indexes/{name}/search"),
    ("POST", "/indexes/{name}/recall"),
    ("POST", "/indexes/{name}/vectors/get"),
    ("POST", "/indexes/{name}/vectors/count"),
    ("POST", "/indexes/{name}/vectors/facets"),
}


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Browser]:
    """The page of an empty folder."""
    with Client(tmp_path / "data") as client, browsing(client) as browser:
        yield browser


def test_it_listens_on_an_address_of_this_machine(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client, Server(client) as server:
        assert ipaddress.ip_address(urlsplit(server.url).hostname or "").is_loopback
        assert ipaddress.ip_address(server._socket.getsockname()[0]).is_loopback


@pytest.mark.parametrize("path", ["", "app.js", "call/about", "call/api/indexes"])
def test_an_address_without_the_token_shows_nothing(lone: Browser, path: str) -> None:
    token = lone.base.strip("/")
    for wrong in ("", "x/", f"{token[:-1]}/", f"{token}x/", f"{token.swapcase()}/", f"%20{token}/", "%C3%A9/"):
        response = lone.send("GET", f"/{wrong}{path}")
        assert (response.status, b"token" in lone.data) == (403, True), wrong
    assert lone.send("GET", lone.base + path).status == 200


def test_every_server_has_a_token_of_its_own_that_cannot_be_guessed(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client, Server(client) as one, Server(client) as other:
        tokens = [urlsplit(server.url).path.strip("/") for server in (one, other)]
    assert tokens[0] != tokens[1]
    assert all(re.fullmatch(r"[\w-]{32,}", token) for token in tokens)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_a_name_that_leads_here_is_not_served(lone: Browser, host: str) -> None:
    port = lone.host.rpartition(":")[2]
    assert lone.send("GET", lone.base, Host=host.format(port=port)).status == 421
    assert lone.send("GET", f"{lone.base}call/api/indexes", Host=host.format(port=port)).status == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://{host}", "http://127.0.0.1:1", "http://{host}.evil.example"]
)
def test_a_page_of_another_site_is_refused(lone: Browser, origin: str) -> None:
    assert lone.send("POST", f"{lone.base}call/map", {}, Origin=origin.format(host=lone.host)).status == 403


def test_the_page_itself_is_served_under_both_names(lone: Browser) -> None:
    port = lone.host.rpartition(":")[2]
    for host in (lone.host, f"localhost:{port}"):
        response = lone.send("GET", f"{lone.base}call/api/indexes", Host=host, Origin=f"http://{host}")
        assert response.status == 200


@pytest.mark.parametrize("path", ["", "app.js", "style.css", "call/about", "call/api/indexes/none", "call/no", "no.js"])
def test_every_answer_keeps_the_page_apart_from_others(lone: Browser, path: str) -> None:
    headers = lone.send("GET", lone.base + path).headers
    policy = dict(part.split(maxsplit=1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["access-control-allow-origin"] is None


def test_an_address_for_one_visit_leads_to_the_page_once(tmp_path: Path) -> None:
    with Client(tmp_path / "data") as client, Server(client) as server:
        application = server._application
        path, host = urlsplit(server.url_for_one_visit).path, urlsplit(server.url).netloc
        answers: list[tuple[str, dict[str, str]]] = []
        for _ in range(2):
            environ = {"REQUEST_METHOD": "GET", "REQUEST_URI": path, "HTTP_HOST": host}
            list(application(environ, lambda status, headers: answers.append((status, dict(headers)))))
        assert server.url.partition("/")[2] not in path
    assert [status for status, _ in answers] == ["303 See Other", "403 Forbidden"]
    assert answers[0][1]["location"] == server.url


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_only_reads_are_passed_on(method: str, path: str) -> None:
    with raw_server(answer(200, {})) as service, Client(service.url) as client, browsing(client) as browser:
        concrete = path.replace("{name}", "films").replace("{id+}", "a").replace("{id}", "a")
        status, _ = browser.call(method, f"/api{concrete}", {} if method != "GET" else None)
        sent = [(request.method, request.target) for request in service.requests]
    assert (status, sent) == ((200, [(method, concrete)]) if (method, path) in READS else (403, []))


def test_the_documents_operations_include_all_reads() -> None:
    assert set(OPERATIONS) >= READS


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/indexes",
        "/indexes/../x",
        "/indexes/%2e%2e/x",
        "/indexes/a%2Fb",
        "/indexes/a/vectors/x",
        "/indexes/.a",
    ],
)
def test_a_path_cannot_leave_the_api(path: str) -> None:
    with raw_server(answer(200, {})) as service, Client(service.url) as client, browsing(client) as browser:
        assert browser.call("GET", f"/api{path}")[0] == 403
        assert service.requests == []


def test_the_browser_never_sees_the_credentials() -> None:
    secret = "secret-of-the-service"
    with (
        raw_server(answer(200, {"indexes": [], "next": None})) as service,
        Client(service.url, auth=secret) as client,
        browsing(client) as browser,
    ):
        response = browser.send(
            "GET", f"{browser.base}call/api/indexes", None, Authorization="Bearer other", Cookie="a=b"
        )
        [request] = service.requests
        assert request.headers["authorization"] == f"Bearer {secret}"
        assert "cookie" not in request.headers
        assert secret not in browser.data.decode() + str(response.headers)


@pytest.mark.parametrize(
    "path", ["../server.py", "..%2fserver.py", "%2e%2e/server.py", "/etc/passwd", "page/app.js", "app.js/"]
)
def test_no_other_file_is_served(lone: Browser, path: str) -> None:
    assert lone.send("GET", lone.base + path).status == 404


def test_files_are_for_get(lone: Browser) -> None:
    response: Any = lone.send("POST", f"{lone.base}app.js", {})
    assert (response.status, response.headers["allow"]) == (405, "GET")
