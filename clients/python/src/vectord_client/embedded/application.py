"""The HTTP server's application (PEP 3333): the API as API Gateway serves it, and the links of uploads and exports."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from vectord.edge.request import MAX_BODY
from vectord.errors import ObjectNotFound, ObjectVersionNotFound
from vectord.storage.base import ObjectHead, Store
from vectord_client.embedded import dispatch, links
from vectord_client.embedded.dispatch import message
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.links import Links
from vectord_client.wire.request import Request, Response

MAX_PAYLOAD: Final = 10 << 20  # bytes of a request body; an HTTP API of API Gateway refuses more
SECONDS: Final = 20.0  # that a request may use storage, as in a function of the deployed stack
_CHUNK: Final = 4 << 20  # bytes of a download in memory at once

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Application:
    """Answers requests over HTTP."""

    def __init__(self, engine: Engine, signed: Links, hosts: frozenset[str] | None) -> None:
        """Refuse requests for other hosts than `hosts`, in lower case and without a port, unless that is None."""
        self._engine, self._links, self._hosts = engine, signed, hosts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request as PEP 3333 describes."""
        target = _Target.of(environ["REQUEST_URI"])
        if (refused := self._refusal(environ)) is not None:
            return _send(refused, environ, start_response)
        if target.path.startswith(links.DOWNLOADS):
            return self._download(target, environ, start_response)
        if target.path.startswith(links.UPLOADS):
            return _send(self._upload(target, environ), environ, start_response)
        response = self._call(target, environ)
        headers = {**response.headers, "apigw-requestid": secrets.token_urlsafe(12)}
        return _send(msgspec.structs.replace(response, headers=headers), environ, start_response)

    def _refusal(self, environ: Environ) -> Response | None:
        """Refuse a request that a web page of another site makes a browser send: nothing else protects a local server.

        A page can send one to any address, so its origin must be this server. It can also let its own name lead to
        this address, so the name must be one of this machine's.
        """
        if self._hosts is None:
            return None
        host = environ.get("HTTP_HOST", "")
        if _name_of(host) not in self._hosts:
            return message(421, f"This server does not serve the host {host!r}. Use its address as it is printed.")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return message(403, f"This server does not serve pages of {origin!r}.")
        return None

    def _call(self, target: "_Target", environ: Environ) -> Response:
        body = environ["wsgi.input"].read(MAX_PAYLOAD + 1)
        if len(body) > MAX_PAYLOAD:
            return message(413, "Request Entity Too Large")
        request = Request(environ["REQUEST_METHOD"], target.path, target.query, _headers(environ), body)
        return dispatch.answer(self._engine, request, SECONDS, MAX_BODY)

    def _upload(self, target: "_Target", environ: Environ) -> Response:
        method, path, query = environ["REQUEST_METHOD"], unquote(target.path), dict(target.query)
        if method not in {"PUT", "GET"}:
            return message(405, "A link for an upload is for one PUT, and GET of the report on it.", allow="PUT, GET")
        if not self._links.is_valid("PUT", path, query):
            return message(403, "The link is not valid, or no longer. Request another one.")
        if method == "GET":
            return dispatch.report(self._engine, path.removeprefix("/"))
        if environ.get("HTTP_IF_NONE_MATCH") != "*":
            return message(403, "The request lacks the header If-None-Match: *, which the link requires.")
        if environ.get("CONTENT_LENGTH") != query["bytes"]:
            return message(403, f"The link is for a file of {query['bytes']} bytes.")
        return dispatch.receive(self._engine, path.removeprefix("/"), environ["wsgi.input"])

    def _download(self, target: "_Target", environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method, path, query = environ["REQUEST_METHOD"], unquote(target.path), dict(target.query)
        if method not in {"GET", "HEAD"}:
            return _send(message(405, "A download is for GET.", allow="GET, HEAD"), environ, start_response)
        if not self._links.is_valid("GET", path, query):
            refused = message(403, "The link is not valid, or no longer. Export the index again.")
            return _send(refused, environ, start_response)
        try:
            file = _File.open(self._engine.store, query["name"], query.get("version"))
        except (ObjectNotFound, ObjectVersionNotFound):
            return _send(message(404, "The file is not there any more: export again."), environ, start_response)
        name = path.rpartition("/")[2]
        headers = {
            "content-type": "application/octet-stream",
            "content-disposition": f'attachment; filename="{name}"',
            "etag": file.etag,
        }
        return _stream(headers, file.size, () if method == "HEAD" else file.chunks(), start_response)


class _Target(msgspec.Struct, frozen=True):
    """The path of a request, as it was encoded, and its query, decoded."""

    path: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, uri: str) -> "_Target":
        path, _, query = uri.partition("?")
        if not path.startswith("/"):  # the absolute form, which clients send to a proxy
            path = "/" + path.partition("://")[2].partition("/")[2]
        return cls(path, tuple(parse_qsl(query, keep_blank_values=True, errors="replace")))


class _File(msgspec.Struct, frozen=True):
    """An object of the store that is sent piece by piece."""

    store: Store
    name: str
    version: str | None
    etag: str
    size: int

    @classmethod
    def open(cls, store: Store, name: str, version: str | None) -> "_File":
        head = store.head(name, 1, version=version)
        assert isinstance(head, ObjectHead), "a store may answer NotModified only to an ETag"
        return cls(store, name, version, head.etag, head.size)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes. An error ends the response early, so that the client sees an incomplete one."""
        for start in range(0, self.size, _CHUNK):
            stop = min(self.size, start + _CHUNK)
            [data] = self.store.read(self.name, self.etag, [(start, stop)], version=self.version)
            yield bytes(data)


def _headers(environ: Environ) -> Mapping[str, str]:
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if name in environ:
            headers[name.lower().replace("_", "-")] = environ[name]
    return headers


def _name_of(host: str) -> str:
    """Return the name or address in a Host header, in lower case, without the port and the brackets of IPv6."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _send(response: Response, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    body = () if environ["REQUEST_METHOD"] == "HEAD" else (response.body,)
    return _stream(response.headers, len(response.body), body, start_response, response.status)


def _stream(
    headers: Mapping[str, str], size: int, body: Iterable[bytes], start_response: StartResponse, status: int = 200
) -> Iterable[bytes]:
    lines = [(name, value) for name, value in headers.items() if name != "content-length"]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*lines, ("content-length", str(size))])
    return body
