"""Answer requests with the functions of vectord, in this process."""

import io
import zlib
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import msgspec
from msgspec import structs

from vectord.edge import problems
from vectord.errors import ConditionFailed, FileRefused, StoreError
from vectord_client.embedded import events, routes
from vectord_client.embedded.engine import Engine
from vectord_client.embedded.inbox import Readable
from vectord_client.embedded.links import UPLOADS
from vectord_client.wire.request import Request, Response

_ANSWER_TOO_LARGE: Final = f"{problems.TYPE_PREFIX}answer-too-large"


class _Problem(msgspec.Struct):
    type: str = ""


def answer(engine: Engine, request: Request, timeout: float, max_body: int | None = None) -> Response:
    """Return the response to a request, which may use storage for `timeout` seconds.

    A body of more than `max_body` bytes is refused, as by a function of a deployed stack.
    """
    matched = routes.match(request.method, request.path)
    event = events.event_of(request, matched, max_body)
    return events.response_of(engine.handle(matched.function, event, events.Context(timeout)))


def answer_in_process(engine: Engine, request: Request, timeout: float) -> Response:
    """Return the response to a request of this process, never compressed.

    An answer that is too large for a function is requested again with compression, by which more of it fits: up to
    32 MB, as over HTTP. The request may also PUT a file to the path of a link for an upload.
    """
    if request.method == "PUT" and request.path.startswith(UPLOADS):
        return receive(engine, unquote(request.path).removeprefix("/"), io.BytesIO(request.body or b""))
    response = answer(engine, request, timeout)
    if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and _type_of(response) == _ANSWER_TOO_LARGE:
        compressing = structs.replace(request, headers={**request.headers, "accept-encoding": "gzip"})
        response = answer(engine, compressing, timeout)
    if response.headers.get("content-encoding") != "gzip":
        return response
    headers = {name: value for name, value in response.headers.items() if name != "content-encoding"}
    return Response(response.status, headers, zlib.decompress(response.body, zlib.MAX_WBITS | 16))


def _type_of(response: Response) -> str:
    return msgspec.json.decode(response.body, type=_Problem).type


def receive(engine: Engine, key: str, body: Readable) -> Response:
    """Write the file `key` of an upload, and return the response to its PUT, in which S3 says the same."""
    try:
        upload = engine.uploads.receive(key, body)
    except ConditionFailed:
        return message(412, "The file was uploaded already.")
    except (StoreError, FileRefused) as error:
        refused = problems.answer(error)
        headers = {name.lower(): value for name, value in refused.headers.items()}
        return Response(refused.status, headers, msgspec.json.encode(refused.body))
    return Response(200, {"etag": f'"{upload.etag}"'}, b"")


def report(engine: Engine, key: str) -> Response:
    """Return the report on the file `key` of an upload, 404 if it waits or was ingested."""
    found = engine.uploads.report(key)
    if found is None:
        return message(404, "This file has no report: it was ingested, or waits for that, or was never uploaded.")
    return Response(200, {"content-type": "application/json"}, found)


def message(status: int, text: str, **headers: str) -> Response:
    """Return an answer of the gateway itself, in the form of API Gateway's: it has no problem type."""
    body = msgspec.json.encode({"message": text})
    return Response(status, {"content-type": "application/json", **headers}, body)
