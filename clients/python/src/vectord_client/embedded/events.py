"""Requests as events of API Gateway, payload format 2.0, and responses of a function as responses of HTTP."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from vectord.edge.handler import MARGIN
from vectord_client.embedded.routes import Matched
from vectord_client.wire.request import Request, Response


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
