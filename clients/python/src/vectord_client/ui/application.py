"""The application of `vectord ui` (PEP 3333): who may call it, the files of the page, and its requests."""

import hmac
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

import msgspec

from vectord_client.client import Client
from vectord_client.ui.calls import Calls, Options
from vectord_client.wire.request import Response

PAGE: Final = Path(__file__).parent / "page"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_TEXT: Final = {"content-type": "text/plain; charset=utf-8"}
_OPENING: Final = "/open/"
# The page loads nothing from another place, runs no inline script, and no other page can frame it, read it, or learn
# its address, which has the token.
_HEADERS: Final = (
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)

Environ = Mapping[str, Any]


class StartResponse(Protocol):
    """Begins a response, as PEP 3333 describes."""

    def __call__(self, status: str, headers: list[tuple[str, str]], /) -> object: ...


class File(msgspec.Struct, frozen=True):
    """A file of the page with its media type."""

    type: str
    body: bytes


def read_files() -> Mapping[str, File]:
    """Return all files of the page by their names. No request names a path, so none can leave the folder."""
    return {path.name: File(_TYPES[path.suffix], path.read_bytes()) for path in PAGE.iterdir() if path.suffix in _TYPES}


class Application:
    """Answers requests of the page. Its paths begin with a token, which only this process and its user know."""

    def __init__(self, client: Client, port: int, options: Options) -> None:
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._base = f"http://127.0.0.1:{port}"
        self._token = secrets.token_urlsafe(24)
        self._visits: set[str] = set()
        self._lock = Lock()
        self._files = read_files()
        self._calls = Calls(client, options)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"{self._base}/{self._token}/"

    @property
    def url_for_one_visit(self) -> str:
        """An address that redirects to the page once; each access makes another one."""
        visit = secrets.token_urlsafe(24)
        with self._lock:
            self._visits.add(visit)
        return f"{self._base}{_OPENING}{visit}"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request as PEP 3333 describes."""
        response = self._answer(environ)
        status = HTTPStatus(response.status)
        headers = [*response.headers.items(), *_HEADERS, ("content-length", str(len(response.body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [response.body]

    def _answer(self, environ: Environ) -> Response:
        method, path = environ["REQUEST_METHOD"], environ["REQUEST_URI"].partition("?")[0]
        if (refused := self._refusal(environ)) is not None:
            return refused
        if method == "GET" and path.startswith(_OPENING):
            return self._open(path.removeprefix(_OPENING))
        token, _, rest = path.removeprefix("/").partition("/")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return _message(403, "The address lacks this server's token: use the one that `vectord ui` printed.")
        if rest.startswith("call/"):
            body = environ["wsgi.input"].read()
            return self._calls.answer(method, rest.removeprefix("call"), environ.get("QUERY_STRING", ""), body)
        return self._file(method, rest or "index.html")

    def _file(self, method: str, name: str) -> Response:
        file = self._files.get(name)
        if file is None:
            return _message(404, "The page does not have this file.")
        if method != "GET":
            return _message(405, "The files of the page are for GET.", allow="GET")
        return Response(200, {"content-type": file.type}, file.body)

    def _refusal(self, environ: Environ) -> Response | None:
        """Refuse requests that a page of another site makes a browser send, also one whose name leads here."""
        host, origin = environ.get("HTTP_HOST", "").lower(), environ.get("HTTP_ORIGIN")
        if host not in self._hosts:
            return _message(421, "This server serves only the address that `vectord ui` printed.")
        if origin is not None and origin.lower() != f"http://{host}":
            return _message(403, "This server does not serve pages of other sites.")
        return None

    def _open(self, visit: str) -> Response:
        with self._lock:
            known = visit in self._visits
            self._visits.discard(visit)
        if not known:
            return _message(403, "This address was for one visit. Use the one that `vectord ui` printed.")
        return Response(303, {"location": self.url}, b"")


def _message(status: int, text: str, **headers: str) -> Response:
    return Response(status, {**_TEXT, **headers}, text.encode())
