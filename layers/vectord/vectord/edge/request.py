"""Read an HTTP API event, payload format 2.0, as a request."""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from vectord.edge.preconditions import Preconditions, read_idempotency_key, read_preconditions
from vectord.errors import MalformedJson, RequestTooLarge, RouteNotFound
from vectord.service.commit.idempotency import IdempotencyKey

MAX_BODY: Final = 6 << 20  # what Lambda takes in one synchronous invocation

Event = Mapping[str, Any]


class Request(msgspec.Struct, frozen=True):
    """One request. `until` is the moment on the service's clock by which it must be answered."""

    route: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    until: float

    @property
    def preconditions(self) -> Preconditions | None:
        """The preconditions in If-Match and If-None-Match; None without these headers."""
        return read_preconditions(self.headers)

    @property
    def expected(self) -> Preconditions | None:
        """The preconditions of a write to an existing index; None if it may proceed at any ETag."""
        preconditions = self.preconditions
        return None if preconditions is None or preconditions.allow_all else preconditions

    @property
    def idempotency_key(self) -> IdempotencyKey | None:
        """The Idempotency-Key with a hash of this request; None without this header."""
        return read_idempotency_key(self.headers, self.route, self.path, self.body)


def read(event: Event, routes: Collection[str], until: float) -> Request:
    """Return the request in `event` if it is for one of `routes`, spelled as API Gateway does: `GET /indexes/{name}`.

    Raises:
        RouteNotFound: it is for none of them.
        RequestTooLarge, MalformedJson: its body is too long, or not the base64 that it claims to be.
    """
    route, path = _route(event, routes)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return Request(route, path, event.get("queryStringParameters") or {}, headers, _body(event), until)


def _route(event: Event, routes: Collection[str]) -> tuple[str, Mapping[str, str]]:
    route, path = event.get("routeKey", ""), event.get("pathParameters") or {}
    if route in routes and all(name in path for name in _names(route)):
        # An HTTP API decodes each escape of a path but %25, for `rawPath` and `pathParameters` alike.
        return route, {name: value.replace("%25", "%") for name, value in path.items()}
    http = event.get("requestContext", {}).get("http", {})
    line = f"{http.get('method', '')} {event.get('rawPath', '')}"
    for route in routes:  # behind a $default route
        if match := _pattern(route).fullmatch(line):
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    raise RouteNotFound("There is no such resource here; docs/api.md lists the routes.")


@cache
def _names(route: str) -> list[str]:
    return re.findall(r"{(\w+)\+?}", route)


@cache
def _pattern(route: str) -> re.Pattern[str]:
    greedy = re.sub(r"{(\w+)\+}", r"(?P<\1>.+)", route)
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", greedy), re.DOTALL)


def _body(event: Event) -> bytes:
    text = event.get("body") or ""
    if len(text) > MAX_BODY * 4 // 3 + 4:
        raise _too_large()
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedJson("The body is marked as base64, but it is not valid base64.") from error
    else:
        body = text.encode("utf-8", "surrogatepass")
    if len(body) > MAX_BODY:
        raise _too_large()
    return body


def _too_large() -> RequestTooLarge:
    return RequestTooLarge("A request may have at most 6 MB. Divide the batch, or send vectors as base64.")
