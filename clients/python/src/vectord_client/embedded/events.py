"""What a function has in this process in place of Lambda: events of API Gateway (payload 2.0), a context, and a log.

The log is records of Python's `logging`, and nothing on stdout. The logger `vectord_client.embedded` gets one record
for each request at the level DEBUG, with the fields that the log line of a function has, and a failure of the engine or
of storage at the level ERROR. An application that does not configure logging sees none of them: a failure reaches it as
an error anyway.
"""

import base64
import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from vectord.edge.handler import MARGIN
from vectord.edge.telemetry import Write
from vectord_client.embedded.routes import Matched
from vectord_client.wire.request import Request, Response

LOGGER: Final = logging.getLogger("vectord_client.embedded")

LOGGER.addHandler(logging.NullHandler())


class Context(msgspec.Struct, frozen=True):
    """What a function asks Lambda's context object: the milliseconds that it has left."""

    seconds: float

    def get_remaining_time_in_millis(self) -> float:
        """Return the time of the request, and what a function keeps of its own time for the response."""
        return (self.seconds + MARGIN) * 1000


def event_of(request: Request, matched: Matched, max_body: int | None = None) -> dict[str, Any]:
    """Return the event of a request whose route is known.

    Its body stays bytes, which the function accepts in any size; one of more than `max_body` is text in base64, as in
    an event of API Gateway, so that the function checks its size.
    """
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": matched.route,
        "rawPath": matched.path,
        "rawQueryString": "",
        "headers": request.headers,
        "requestContext": {"http": {"method": request.method, "path": matched.path}},
        "isBase64Encoded": False,
    }
    if matched.parameters:
        event["pathParameters"] = matched.parameters
    if request.query:
        event["queryStringParameters"] = _joined(request.query)
    if (body := request.body) is not None:
        is_limited = max_body is not None and len(body) > max_body
        event |= {"body": base64.b64encode(body).decode() if is_limited else body, "isBase64Encoded": is_limited}
    return event


def _joined(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return the parameters of a query; the values of a repeated one are joined by a comma, as the gateway does."""
    query: dict[str, str] = {}
    for name, value in pairs:
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def response_of(answer: Mapping[str, Any]) -> Response:
    """Return the response that a function's answer describes."""
    text = answer["body"]
    body = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
    return Response(answer["statusCode"], {name.lower(): value for name, value in answer["headers"].items()}, body)


class RequestLog:
    """The log of one request, and of any other: it has no state."""

    def info(self, fields: Mapping[str, Any], metrics: Mapping[str, float], write: Write | None = None) -> None:
        """Record a request that was answered."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            operation = {} if write is None else {"operation": write.operation}
            LOGGER.debug("%s", {**operation, **fields, **metrics})

    def error(self, error: Exception, message: str) -> None:
        """Record the error of a request that failed."""
        LOGGER.error("%s: %s", type(error).__name__, message)


_LOG: Final = RequestLog()


def begin_log(_context: object, _correlation_id: str | None) -> RequestLog:
    """Return the log of a request, as `vectord.edge.handler` calls for one."""
    return _LOG
