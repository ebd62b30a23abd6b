"""Wrap a function's routes as its `lambda_handler`."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from itertools import accumulate, takewhile
from typing import Any, Final, Protocol

import msgspec
from msgspec import structs

from vectord.edge import access, encoding, problems, telemetry
from vectord.edge import request as events
from vectord.edge.problems import ErrorAnswer
from vectord.edge.request import Event, Request, Subject
from vectord.edge.route import Reply, Route
from vectord.edge.telemetry import BeginLog, RequestLog, Write
from vectord.errors import AccessDenied, AnswerTooLarge, IndexExists, VectordError
from vectord.service.values.environment import Commit, Environment
from vectord.service.values.options import MESSAGE_KEYS, Deadline

MAX_ANSWER: Final = 6_291_456  # bytes, with the JSON around the body: Lambda's 6 MB for a synchronous response
_ESCAPED: Final = (b'"', b"\\", b"\n", b"\r", b"\t")  # the characters of JSON text that a JSON string escapes
_TEXT_FILES: Final = frozenset(("application/jsonl",))  # media types of files that are worth compressing
_ENVELOPE: Final = 4_096  # bytes of status, headers and braces around the body
# Seconds of the function's time that are reserved for a last storage request, a read of its outcome, and the response.
MARGIN: Final = 9.0
_DEFAULT_TIME: Final = 20.0  # seconds, if the context does not say how much time is left

Response = dict[str, Any]


def max_answer(headers: Mapping[str, str]) -> int:
    """Return the most bytes of JSON that can answer a request with these headers: more of them if it accepts gzip."""
    accepted = headers.get("accept-encoding")
    return encoding.MAX_DECODED if accepted is not None and encoding.accepts_gzip(accepted) else MAX_ANSWER


def etag_header(value: str | None) -> dict[str, str]:
    """Return the ETag header; no header if the index as a whole has no ETag."""
    return {} if value is None else {"ETag": value}


def reply_or_not_modified(request: Request, reply: Reply) -> Reply:
    """Return the reply to a read, or status 304 if If-None-Match lists its ETag."""
    etag, preconditions = reply.headers.get("ETag"), request.preconditions
    known = preconditions and preconditions.if_none_match
    return Reply(None, 304, {"ETag": etag}) if etag and known and known.has(etag, weakly=True) else reply


class HasEnvironment(Protocol):
    """A service with an environment, for its clock and meter."""

    @property
    def environment(self) -> Environment: ...


type Handler = Callable[[Event, object], Any]


def handler[S: HasEnvironment](
    routes: Mapping[str, Route[S]],
    compose: Callable[[], S],
    access_claim: Callable[[], str | None],
    on_message: Callable[[Event, object], str] | None = None,
    *,
    on_records: Handler | None = None,
    answer_error: Callable[[VectordError], ErrorAnswer] = problems.answer,
    request_id_header: str | None = None,
    begin_log: BeginLog = telemetry.begin,
    first: Callable[[Event], AbstractContextManager[None]] | None = None,
) -> Handler:
    """Return the `lambda_handler` of a function that serves `routes`; it composes its service at the first request.

    If `access_claim` names a claim, that claim of a caller's token must hold the right that a route requires. This is
    checked before anything is read.

    The first event is handled inside the context `first`, which may import what is deferred. `answer_error` returns the
    answer to an error. `request_id_header` names a header of every response for the id that
    API Gateway gave the request; API Gateway itself sends it as `apigw-requestid`. `begin_log` returns the log of a
    request.

    With `on_message` it also answers messages from other functions. A message has two keys that no HTTP event has. An
    HTTP caller cannot forge one, because API Gateway puts all input of the caller below its own keys. So a message
    comes from a principal that IAM allows to invoke the function. The same holds for `on_records`, which handles the
    batches of a queue: they have the key `Records`.
    """
    cached_service, cached_claim = cache(compose), cache(access_claim)
    imported = cache(lambda name: routes[name].imported())
    before = [first] if first else []

    def lambda_handler(event: Event, context: object = None) -> Any:
        if before:
            with before.pop()(event):
                return lambda_handler(event, context)
        if on_message is not None and event.keys() == MESSAGE_KEYS:
            return on_message(event, context)
        if on_records is not None and "Records" in event:
            return on_records(event, context)
        request_id = _correlation_id(event)
        service, log = cached_service(), begin_log(context, request_id)
        start, accepted = service.environment.now(), _header(event, "accept-encoding")
        gzip = accepted is not None and encoding.accepts_gzip(accepted)
        route, reply, failure = routes.get(event.get("routeKey") or ""), Reply(), None
        subject = Subject()
        try:
            request = events.read(event, routes, Deadline(start + time_left(context)))
            route, subject = imported(request.route), request.subject
            if claim := cached_claim():
                rights = access.authorize(event, claim, route.right, request.path.get("name", ""))
                request = structs.replace(request, rights=rights)
            if "{name}" in request.route:
                request.check_path()
            queued = route.queue(request, service) if route.queue and "prefer" in request.headers else None
            reply = queued or route.run(request, service)
            response = _response(reply, gzip=gzip)
        except VectordError as error:
            _log_failure(error, log)
            failure, response = error, _error_response(answer_error(error), gzip=gzip)
        except BaseException:
            service.environment.meter.drain()  # else the line of the next request would have its counts
            raise
        if request_id_header is not None and request_id is not None:
            response["headers"][request_id_header] = request_id
        fields, write, meter = _fields(event, subject, response), None, service.environment.meter
        if route is not None and route.operation is not None:
            fields, write = _audited(event, route.operation, fields, meter.commits, failure or reply)
        failures = {} if failure is None else failure_metric(failure)
        latency = (service.environment.now() - start) * 1000
        log.info(fields, {"Latency": latency, **failures, **meter.drain()}, write)
        if failure is not None:
            _drop_tracebacks(failure)
        return response

    return lambda_handler


def _drop_tracebacks(failure: BaseException) -> None:
    """Remove the tracebacks of an error and of all errors behind it.

    Their frames refer to the error and to what the request decoded, up to 800 MB. Without this, these cycles would stay
    in memory until Python's garbage collector runs, perhaps many requests later. Errors can be behind each other: an
    error that is raised again while one that it caused is handled, or one that is raised from itself.
    """
    left: list[BaseException | None] = [failure]
    seen = set[int]()
    while left:
        error = left.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        error.__traceback__ = None
        left += [error.__cause__, error.__context__]


def failure_metric(error: BaseException) -> Mapping[str, float]:
    """Return the metric of an error that is answered or logged. Lambda counts only errors that are raised."""
    return {"Failures": 1} if problems.is_failure(error) else {}


def time_left(context: object) -> float:
    """Return the seconds that a request may take; some of the function's time is reserved for the response."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return _DEFAULT_TIME if remaining is None else max(1.0, remaining() / 1000 - MARGIN)


def _response(reply: Reply, *, gzip: bool) -> Response:
    if reply.body is None:
        vary = {"Vary": "Accept-Encoding"} if gzip and reply.status == 304 else {}
        headers = {**reply.headers, **vary}
        return {"statusCode": reply.status, "headers": headers, "body": "", "isBase64Encoded": False}
    if isinstance(reply.body, bytes):
        return _binary_response(reply.status, reply.headers, reply.body, gzip=gzip)
    body = msgspec.json.encode(reply.body)
    response = _text_response(reply.status, {"Content-Type": "application/json", **reply.headers}, body, gzip=gzip)
    if response is None:
        raise AnswerTooLarge(
            f"The answer would have {response_size(body):,} bytes, more than the {MAX_ANSWER:,} that can be sent. "
            f"{reply.to_shorten}"
        )
    return response


def _log_failure(error: VectordError, log: RequestLog) -> None:
    if problems.is_failure(error):
        log.error(error, str(error))


def _error_response(answer: ErrorAnswer, *, gzip: bool) -> Response:
    body = msgspec.json.encode(answer.body)
    response = _text_response(answer.status, answer.headers, body, gzip=gzip)
    if response is not None:
        return response
    if answer.shorter is None:
        raise AssertionError("the shortest answer to an error always fits")
    return _error_response(answer.shorter, gzip=gzip)


def _text_response(status: int, headers: Mapping[str, str], body: bytes, *, gzip: bool) -> Response | None:
    """Return a response with a body in UTF-8, compressed if the caller accepts it; None if it is too large to send."""
    if len(body) > encoding.LEAST_COMPRESSED:
        headers = {**headers, "Vary": "Accept-Encoding"}
        if gzip and (packed := encoding.compressed(body)) and 4 * len(packed) // 3 + _ENVELOPE <= MAX_ANSWER:
            return _base64_response(status, {**headers, "Content-Encoding": "gzip"}, packed)
    if response_size(body) > MAX_ANSWER:
        return None
    return {"statusCode": status, "headers": dict(headers), "body": body.decode(), "isBase64Encoded": False}


def _binary_response(status: int, headers: Mapping[str, str], body: bytes, *, gzip: bool) -> Response:
    """Return a response with the bytes of a file, which is compressed if it is text and the caller accepts it."""
    if headers.get("Content-Type") in _TEXT_FILES and len(body) > encoding.LEAST_COMPRESSED:
        headers = {**headers, "Vary": "Accept-Encoding"}
        if gzip and (packed := encoding.compressed(body)):
            return _base64_response(status, {**headers, "Content-Encoding": "gzip"}, packed)
    return _base64_response(status, headers, body)


def _base64_response(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    text = b64encode(body).decode()
    return {"statusCode": status, "headers": dict(headers), "body": text, "isBase64Encoded": True}


def response_size(body: bytes) -> int:
    """Return the bytes of the whole response: Lambda sends the body as a JSON string, which escapes some bytes."""
    return _escaped_size(body) + _ENVELOPE


def count_that_fits(items: Iterable[object], rest: bytes, encode: Callable[[Any], bytes] = msgspec.json.encode) -> int:
    """Return how many of `items`, from the first on, fit into a response whose body has `rest` besides them."""
    sizes = accumulate((_escaped_size(encode(item)) + 1 for item in items), initial=response_size(rest))
    return max(0, sum(1 for _ in takewhile(lambda size: size <= MAX_ANSWER, sizes)) - 1)


def _escaped_size(text: bytes) -> int:
    """Return the size of JSON text inside a JSON string, without the quotes around it."""
    return len(text) + sum(text.count(escaped) for escaped in _ESCAPED)


def _fields(event: Event, subject: Subject, response: Response) -> Mapping[str, Any]:
    return {
        "route": event.get("routeKey"),
        "index": (event.get("pathParameters") or {}).get("name", subject.index),
        "status": response["statusCode"],
    }


def _audited(
    event: Event, operation: str, fields: Mapping[str, Any], commits: Sequence[Commit], result: Reply | VectordError
) -> tuple[Mapping[str, Any], Write]:
    """Return the fields of the log line of a write, and the write."""
    index = fields["index"]
    if isinstance(result, VectordError):
        # It may be about another index than the path's.
        is_other = "name" in (event.get("pathParameters") or {}) and isinstance(result, AccessDenied | IndexExists)
        named = getattr(result, "name", None) if is_other or index is None else index
        more = {"index": index or named, "rows": None, "outcome": problems.slug_of(result)}
        more |= {"target": named} if named != more["index"] else {}
    else:
        index = index or (commits[-1].name if commits else None)
        more = {"index": index, "rows": None, "outcome": "committed" if commits else "unchanged"}
        more |= result.audit
        etag = result.headers.get("ETag")
        commits = commits or ([Commit(index, etag, etag)] if index and etag else [])
    return {**fields, **more}, Write(principal_of(event), operation, commits)


def principal_of(event: Event) -> str:
    """Return who sent a request: the ARN of an IAM principal, the subject of a token, or `anonymous`."""
    authorizer = (event.get("requestContext") or {}).get("authorizer")
    if not authorizer:
        return "anonymous"
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    found = (authorizer.get("iam") or {}).get("userArn") or claims.get("sub")
    return found if isinstance(found, str) else "unknown"


def _header(event: Event, name: str) -> str | None:
    return next((value for key, value in (event.get("headers") or {}).items() if key.lower() == name), None)


def _correlation_id(event: Event) -> str | None:
    """Return API Gateway's id of the request, which its access log and the response header `apigw-requestid` name."""
    return (event.get("requestContext") or {}).get("requestId")
