"""Read an HTTP API event, payload format 2.0, as a request."""

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import structs

from vectord.edge import encoding, path_parameters, routes
from vectord.edge.access import Right, Rights
from vectord.edge.preconditions import Preconditions, read_idempotency_key, read_preconditions
from vectord.errors import MalformedJson, RequestInvalid, RequestTooLarge, RouteNotFound
from vectord.service.values.options import DEFAULT_STALENESS, MAX_STALENESS, Deadline, ReadOptions, WriteOptions

MAX_BODY: Final = 6 << 20  # bytes; Lambda's limit of a synchronous invocation

Event = Mapping[str, Any]


class Subject(msgspec.Struct):
    """What a request is about, for the log, if its path has no index: an operation sets it once it knows."""

    index: str | None = None


class Request(msgspec.Struct, frozen=True):
    """One request, the deadline for its response, and the event that it was read from."""

    route: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    deadline: Deadline
    event: Event
    rights: Rights | None = None  # None if every caller may do everything
    subject: Subject = msgspec.field(default_factory=Subject)
    identity: str | None = None  # of the index that a queued change is for

    def check_right(self, right: Right, index: str) -> None:
        """Raise AccessDenied if the caller lacks a right on an index that is not the one in the path."""
        if self.rights is not None:
            self.rights.check(right, index)

    def check_right_on_all(self, right: Right, prefix: str) -> None:
        """Raise AccessDenied if the caller lacks a right on some index whose name starts with `prefix`."""
        if self.rights is not None:
            self.rights.check_all(right, prefix)

    def check_path(self) -> None:
        """Raise RequestInvalid if the path parameters may differ from those that the client wrote."""
        written = self.route.partition(" ")[2].replace("+}", "}").format_map(self.path)
        vector_id = self.path["id"] if "{id+}" in self.route else None
        http = (self.event.get("requestContext") or {}).get("http") or {}
        paths = [path for path in (self.event.get("rawPath"), http.get("path")) if path]
        if vector_id is not None or any(path != written for path in paths):
            stage = (self.event.get("requestContext") or {}).get("stage")
            path_parameters.check(paths, written, vector_id, stage)

    @property
    def preconditions(self) -> Preconditions | None:
        """The preconditions in If-Match and If-None-Match; None without these headers."""
        has_any = "if-match" in self.headers or "if-none-match" in self.headers
        return read_preconditions(self.headers) if has_any else None

    @property
    def write_options(self) -> WriteOptions:
        """The options of a change of vectors: If-Match, If-None-Match and Idempotency-Key."""
        options = structs.replace(self.delete_options, identity=self.identity)
        if "idempotency-key" not in self.headers:
            return options
        key = read_idempotency_key(self.headers, self.route, self.path, self.body)
        if key is not None and self.identity is not None:
            key = structs.replace(key, queued=True)
        return structs.replace(options, key=key)

    @property
    def delete_options(self) -> WriteOptions:
        """The options of a write to an existing index: its preconditions, unless they allow every ETag."""
        preconditions = self.preconditions
        return WriteOptions(None if preconditions is None or preconditions.allow_all else preconditions)


def read(event: Event, known: Collection[str], deadline: Deadline) -> Request:
    """Return the request in `event` for one of the routes `known`, written as in API Gateway: `GET /indexes/{name}`.

    Raises:
        RouteNotFound: it is for another route, and `$default` is not among `known`.
        RequestTooLarge, MalformedJson: its body is too long, or not valid base64.
        UnsupportedEncoding, MalformedEncoding: see `encoding.decoded`.
    """
    route, path = _route(event, known)
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    body = b"" if route == routes.DEFAULT else _body(event, headers.get("content-encoding") or "")
    return Request(route, path, _query(event), headers, body, deadline, event)


def _route(event: Event, known: Collection[str]) -> tuple[str, Mapping[str, str]]:
    route, path = event.get("routeKey") or "", event.get("pathParameters") or {}
    if route != routes.DEFAULT and route in known and routes.parameter_names(route) <= path.keys():
        return route, path
    if found := routes.match(event, known):  # API Gateway forwarded the request by its $default route
        return found
    if route in known and route == routes.DEFAULT:
        return route, {}
    raise RouteNotFound(f"There is no such resource. {routes.LISTED}")


def _query(event: Event) -> Mapping[str, str]:
    query: Mapping[str, str] | None = event.get("queryStringParameters")
    if query:
        return query
    return dict(parse_qsl(text, keep_blank_values=True)) if (text := event.get("rawQueryString")) else {}


def _body(event: Event, coding: str) -> bytes:
    text = event.get("body") or ""
    if isinstance(text, bytes):  # in process: an event of Lambda is JSON, and has none
        return encoding.decoded(text, coding, is_text=False) if coding else text
    if len(text) > MAX_BODY * 4 // 3 + 4:
        raise _too_large(coding)
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MalformedJson("The body is marked as base64, but it is not valid base64.") from error
    else:
        body = text.encode("utf-8", "surrogatepass")
    if len(body) > MAX_BODY:
        raise _too_large(coding)
    return encoding.decoded(body, coding, is_text=not event.get("isBase64Encoded")) if coding else body


def _too_large(coding: str) -> RequestTooLarge:
    advice = "Send smaller batches."
    if not coding:
        advice = (
            "Send smaller batches, or compress them with gzip. In the native API, vectors as base64 are smaller too."
        )
    return RequestTooLarge(f"A request may have at most 6 MB. {advice} See 'What fits into 6 MB' in docs/limits.md.")


def read_options(consistency: str, max_staleness: float | None, as_of: str | None = None) -> ReadOptions:
    """Return the read options for the fields of a request.

    Raises:
        RequestInvalid: a value is out of range, or `max_staleness` is set for a strong read.
    """
    if consistency not in {"strong", "eventual"}:
        raise RequestInvalid(f"consistency must be 'strong' or 'eventual', not {consistency!r}.")
    if max_staleness is None:
        return ReadOptions(DEFAULT_STALENESS if consistency == "eventual" else None, as_of)
    if consistency == "strong":
        raise RequestInvalid("max_staleness needs a consistency of 'eventual'; a strong read is never stale.")
    if not 0 <= max_staleness <= MAX_STALENESS:
        raise RequestInvalid(f"max_staleness must be 0 to {MAX_STALENESS:,.0f} seconds, not {max_staleness}.")
    return ReadOptions(max_staleness, as_of)


def read_options_in(query: Mapping[str, str]) -> ReadOptions:
    """Return the read options in a query string; raise what `read_options` does."""
    text = query.get("max_staleness")
    return read_options(query.get("consistency", "strong"), None if text is None else _seconds(text))


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise RequestInvalid(f"max_staleness must be a number of seconds, not {text!r}.") from error
