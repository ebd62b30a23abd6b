"""Writes that are queued (`Prefer: respond-async`, RFC 7240), and the state of a queued change."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import structs

from vectord.edge.handler import principal_of
from vectord.edge.preconditions import read_idempotency_key
from vectord.edge.request import Request
from vectord.edge.route import Reply, Route
from vectord.edge.schemas.change_answers import Change
from vectord.edge.write_routes import WRITES, VectorWrite
from vectord.errors import VectordError
from vectord.service.queued import Message, QueuedChanges, token_of
from vectord.service.service import Service
from vectord.service.write_checks import identity_of

RESPOND_ASYNC: Final = "respond-async"
_KEY: Final = "idempotency-key"
# The request headers that a worker needs to apply the change as it was sent.
_KEPT: Final = ("content-encoding", "if-match", "if-none-match", _KEY)
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'


class StoredRequest(msgspec.Struct, frozen=True):
    """An accepted request, without its body, who sent it, and the identity of its index.

    The identity is None in requests that an earlier vectord accepted: they are applied to any index of the name.
    """

    route: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    principal: str
    identity: str | None = None


class _Result(msgspec.Struct, frozen=True):
    """What is stored of an applied change: the answer, and the ETag that it would have had."""

    answer: msgspec.Raw
    etag: str | None


def route(key: str) -> Route[Service]:
    """Return the route of a change of vectors, which is queued if the caller prefers that and there is a queue."""
    write = WRITES[key]

    def queue(request: Request, service: Service) -> Reply | None:
        if service.queue is None or not prefers_async(request.headers):
            return None
        return _queue(write, request, service)

    return Route(write.apply, "write", write.operation, queue)


def prefers_async(headers: Mapping[str, str]) -> bool:
    """Return True if the header Prefer has the preference `respond-async`; its parameters are ignored."""
    preferences = re.sub(_QUOTED, "", headers.get("prefer", "")).split(",")
    return any(one.partition(";")[0].strip().lower() == RESPOND_ASYNC for one in preferences)


def changes_of(service: Service) -> QueuedChanges:
    """Return the queued changes of a service."""
    reader = service.reader
    return QueuedChanges(reader.store, service.environment, reader.retry_policy, service.queue)


def _queue(write: VectorWrite, request: Request, service: Service) -> Reply | None:
    """Check and queue a request; return None if it changes nothing, so that it needs no queue."""
    name, changes = request.path["name"], changes_of(service)
    headers = {header: request.headers[header] for header in _KEPT if header in request.headers}
    headers.setdefault(_KEY, f"change-{service.environment.new_id()}")
    key = read_idempotency_key(headers, request.route, request.path, request.body)
    if key is None:
        raise AssertionError("the header was set above")
    try:
        identity = write.check(request, service)
        if identity is None:
            return None
    except VectordError:
        # A repeat of what was accepted is not refused, although the change has perhaps made its condition false.
        identity = identity_of(service, name, request.deadline)
        if not changes.accepted(Message(name, token_of(name, identity, key)), key, request.deadline):
            raise
    message = Message(name, token_of(name, identity, key))
    changes.accept(message, key, _stored(request, headers, identity), request.deadline)
    return _accepted(name, message.token)


def _accepted(name: str, token: str) -> Reply:
    headers = {"Location": f"/indexes/{name}/changes/{token}", "Preference-Applied": RESPOND_ASYNC}
    return Reply(Change(token, "queued"), 202, headers, audit={"outcome": "queued", "token": token})


def _stored(request: Request, headers: Mapping[str, str], identity: str) -> bytes:
    """Return the request as bytes: a line of JSON, and the body as it was sent."""
    head = StoredRequest(request.route, request.path, headers, principal_of(request.event), identity)
    body = request.event.get("body") or ""
    if isinstance(body, str):
        is_base64 = request.event.get("isBase64Encoded")
        body = base64.b64decode(body) if is_base64 else body.encode("utf-8", "surrogatepass")
    return msgspec.json.encode(head) + b"\n" + body


def read_stored(data: bytes) -> tuple[StoredRequest, dict[str, Any]]:
    """Return a stored request, and the event from which `edge.request.read` reads it again."""
    line, _, body = data.partition(b"\n")
    stored = msgspec.json.decode(line, type=StoredRequest)
    event = {"routeKey": stored.route, "pathParameters": stored.path, "headers": stored.headers, "body": body}
    return stored, event


def result_of(reply: Reply) -> bytes:
    """Return the answer of an applied change as bytes to store."""
    answer = msgspec.Raw(msgspec.json.encode(reply.body))
    return msgspec.json.encode(_Result(answer, reply.headers.get("ETag")))


def change(request: Request, service: Service) -> Reply:
    """Return the state of a queued change."""
    name, token = request.path["name"], request.path["token"]
    found = changes_of(service).find(name, token, request.deadline)
    answer = Change(token, found.state)
    if found.state == "applied":
        result = msgspec.json.decode(found.rest, type=_Result)
        answer = structs.replace(answer, result=result.answer, etag=result.etag or msgspec.UNSET)
    if found.state == "failed":
        answer = structs.replace(answer, problem=msgspec.Raw(found.rest))
    return Reply(answer)
