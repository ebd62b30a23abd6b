"""Wrap a function's routes as its `lambda_handler`."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, Protocol

import msgspec

from vectord.edge import problems, telemetry
from vectord.edge import request as events
from vectord.edge.request import Event, Request
from vectord.edge.telemetry import InvocationLog
from vectord.errors import AnswerTooLarge, Unavailable, VectordError
from vectord.service.environment import Environment

MAX_ANSWER: Final = 6_291_456  # Lambda's 6 MB for a synchronous answer, in bytes of the JSON around the body too
_ESCAPED: Final = (b'"', b"\\", b"\n", b"\r", b"\t")  # all that JSON text can hold and a JSON string escapes
_ENVELOPE: Final = 4_096  # what status, headers and braces may add to the body
# Seconds of the function's own time that are kept: for a last request to storage, one look at its outcome, the answer.
_MARGIN: Final = 9.0
_DEFAULT_TIME: Final = 20.0  # seconds, where nothing tells the time that is left

Response = dict[str, Any]


class Reply(msgspec.Struct, frozen=True):
    """What a route answers: bytes as they are or a body for msgspec to encode (None for none), status, and headers."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


def etag(value: str | None) -> dict[str, str]:
    """Return the header of a version, none where there is no version of the whole."""
    return {} if value is None else {"ETag": value}


def unless_held(request: Request, reply: Reply) -> Reply:
    """Return the reply of a read, or 304 if the caller has it: If-None-Match names its ETag."""
    tag, held = reply.headers.get("ETag"), request.preconditions and request.preconditions.if_none_match
    return Reply(None, 304, {"ETag": tag}) if tag and held and held.has(tag, weakly=True) else reply


class HasWorld(Protocol):
    """A use case's home, of which the edge itself needs the clock and the meter."""

    @property
    def environment(self) -> Environment: ...


type Route[S] = Callable[[Request, S], Reply]
Handler = Callable[[Event, object], Response]


def handler[S: HasWorld](routes: Mapping[str, Route[S]], compose: Callable[[], S]) -> Handler:
    """Return the `lambda_handler` of a function that serves `routes`; it composes its service at the first request."""
    composed = cache(compose)

    def lambda_handler(event: Event, context: object = None) -> Response:
        log, service = telemetry.begin(context, _correlation_id(event)), composed()
        start = service.environment.now()
        try:
            request = events.read(event, routes, start + time_left(context))
            response = _respond(routes[request.route](request, service))
        except VectordError as error:
            response = _refuse(error, log)
        latency = (service.environment.now() - start) * 1000
        log.info(_fields(event, response), {"Latency": latency, **service.environment.meter.drain()})
        return response

    return lambda_handler


def time_left(context: object) -> float:
    """Return the seconds that Lambda's context leaves for work, with some kept for the answer."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return _DEFAULT_TIME if remaining is None else max(1.0, remaining() / 1000 - _MARGIN)


def _respond(reply: Reply) -> Response:
    if reply.body is None:
        return {"statusCode": reply.status, "headers": dict(reply.headers), "body": "", "isBase64Encoded": False}
    if isinstance(reply.body, bytes):
        text = b64encode(reply.body).decode()
        return {"statusCode": reply.status, "headers": dict(reply.headers), "body": text, "isBase64Encoded": True}
    body = msgspec.json.encode(reply.body)
    size = sent(body)
    if size > MAX_ANSWER:
        raise AnswerTooLarge(
            f"The answer would have {size:,} bytes, more than the {MAX_ANSWER:,} that can be sent. "
            "Ask for a smaller k, or leave 'vector' or 'metadata' out of 'include'."
        )
    headers = {"Content-Type": "application/json", **reply.headers}
    return {"statusCode": reply.status, "headers": headers, "body": body.decode(), "isBase64Encoded": False}


def _refuse(error: VectordError, log: InvocationLog) -> Response:
    found = problems.problem(error)
    headers = {"Content-Type": problems.CONTENT_TYPE}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "1"
    if found.status >= 500:
        log.error(error, str(error))
    body = msgspec.json.encode(found)
    while sent(body) > MAX_ANSWER:
        found = found.with_half_the_items()
        body = msgspec.json.encode(found)
    return {"statusCode": found.status, "headers": headers, "body": body.decode(), "isBase64Encoded": False}


def sent(body: bytes) -> int:
    """Return the bytes of the whole response: Lambda sends the body as a JSON string, where some bytes take two."""
    return len(body) + sum(body.count(escaped) for escaped in _ESCAPED) + _ENVELOPE


def _fields(event: Event, response: Response) -> Mapping[str, Any]:
    return {
        "route": event.get("routeKey"),
        "index": (event.get("pathParameters") or {}).get("name"),
        "status": response["statusCode"],
    }


def _correlation_id(event: Event) -> str | None:
    """Return API Gateway's id of the request, which its access log and the response header `apigw-requestid` name."""
    return (event.get("requestContext") or {}).get("requestId")
