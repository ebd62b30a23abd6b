"""Unsuccessful responses to errors."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

from vectord_client import errors
from vectord_client.change_errors import ChangeNotFound
from vectord_client.errors import BadItem, Problem, VectordError
from vectord_client.gateway_errors import (
    AccessRefused,
    ClockSkewed,
    GatewayFailed,
    GatewayThrottled,
    NotVectord,
    RequestRefused,
)
from vectord_client.wire.answers import excerpt, request_id
from vectord_client.wire.request import Response

# AWS refuses a signature whose time differs by more than five minutes. The header Date has whole seconds.
_ALLOWED_SKEW: Final = 290.0


PROBLEMS: Final[Mapping[str, type[Problem]]] = {
    "malformed-json": errors.MalformedJson,
    "malformed-encoding": errors.MalformedEncoding,
    "access-denied": errors.AccessDenied,
    "route-not-found": errors.RouteNotFound,
    "index-not-found": errors.IndexNotFound,
    "vector-not-found": errors.VectorNotFound,
    "version-not-found": errors.VersionNotFound,
    "change-not-found": ChangeNotFound,
    "method-not-allowed": errors.MethodNotAllowed,
    "index-exists": errors.IndexExists,
    "vector-bucket": errors.VectorBucket,
    "precondition-failed": errors.PreconditionFailed,
    "request-too-large": errors.RequestTooLarge,
    "answer-too-large": errors.AnswerTooLarge,
    "unsupported-content-encoding": errors.UnsupportedContentEncoding,
    "request-invalid": errors.RequestInvalid,
    "filter-invalid": errors.FilterInvalid,
    "cursor-invalid": errors.CursorInvalid,
    "idempotency-key-reused": errors.IdempotencyKeyReused,
    "batch-invalid": errors.BatchInvalid,
    "index-corrupt": errors.IndexCorrupt,
    "index-unsupported": errors.IndexUnsupported,
    "storage-refused": errors.StorageRefused,
    "contended": errors.Contended,
    "storage-silent": errors.StorageSilent,
    "throttled": errors.Throttled,
    "deadline-exceeded": errors.DeadlineExceeded,
    "outcome-unknown": errors.OutcomeUnknown,
    "partly-applied": errors.PartlyApplied,
}


class _Body(msgspec.Struct, frozen=True):
    """The members of a problem, and `message`, which API Gateway sends alone."""

    type: str | None = None
    title: str = ""
    detail: str = ""
    errors: tuple[BadItem, ...] = ()
    errors_omitted: int = 0
    message: str | None = None
    Message: str | None = None


_decoder: Final = msgspec.json.Decoder(_Body)


def error_of(response: Response, now: float) -> VectordError:
    """Return the error that an unsuccessful response reports; `now` is the local time in seconds since 1970."""
    body = _body_of(response)
    if body is not None and body.type is not None and body.type.startswith(errors.TYPE_PREFIX):
        return _problem(response, body)
    return _answer_of_another(response, _said(response, body), now)


def _body_of(response: Response) -> _Body | None:
    try:
        return _decoder.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _problem(response: Response, body: _Body) -> Problem:
    kind = PROBLEMS.get(str(body.type).removeprefix(errors.TYPE_PREFIX), Problem)
    return kind(
        body.detail,
        status=response.status,
        type=body.type,
        title=body.title,
        errors=body.errors,
        errors_omitted=body.errors_omitted,
        retry_after=retry_after(response),
        request_id=request_id(response),
    )


def _said(response: Response, body: _Body | None) -> str:
    """Return what the answer says, for people: its message, or the start of its body."""
    if body is not None and (message := body.message or body.Message):
        return repr(message)
    return excerpt(response.body) if response.body else "nothing"


def _answer_of_another(response: Response, said: str, now: float) -> VectordError:
    """Return the error for an answer without a problem type, by its status alone: texts may change."""
    status = response.status
    if status in (401, 403):
        return _access_refused(response, said, now)
    kind, detail = _kind_and_detail(response, said)
    wait = retry_after(response)
    if wait:
        detail += f" It asks to wait {_duration(wait)}."
    return kind(detail, status=status, retry_after=wait, request_id=request_id(response))


def _kind_and_detail(response: Response, said: str) -> tuple[type[VectordError], str]:
    status = response.status
    if 300 <= status < 400:
        location = response.headers.get("location", "an address that it does not name")
        return (
            NotVectord,
            f"The URL redirects to {location}. Redirects are not followed: use that URL itself.",
        )
    if status in (404, 405):
        return NotVectord, (
            f"The server at this URL is not a vectord API; the answer is {said}. Check host and path: "
            "the path is empty, or the name of the stage, as in https://ID.execute-api.REGION.amazonaws.com/STAGE."
        )
    if status == 413:
        return errors.RequestTooLarge, f"The request is too large for API Gateway: send it in parts. It says {said}."
    if status == 429:
        return (
            GatewayThrottled,
            f"The deployment has more requests than it allows (ThrottleRate): send fewer. {said}",
        )
    if status >= 500:
        return GatewayFailed, (
            f"The service, or a proxy before it, failed without an answer of vectord. It says {said}."
        )
    advice = " A filter or a cursor in a query string may be too long." if status in (400, 414, 431) else ""
    return (
        RequestRefused,
        f"The request was refused before it reached vectord.{advice} The answer says {said}.",
    )


def _access_refused(response: Response, said: str, now: float) -> VectordError:
    skew = clock_skew(response, now)
    said = f"The answer says {said}" + (f" ({reason})" if (reason := response.headers.get("www-authenticate")) else "")
    status, request = response.status, request_id(response)
    if skew is not None and abs(skew) > _ALLOWED_SKEW:
        direction = "ahead of" if skew > 0 else "behind"
        error = ClockSkewed(
            f"The credentials were refused, and the local clock is {_duration(abs(skew))} {direction} the server's: "
            f"set it, because a signature is valid for 5 minutes and a token has a time too. {said}.",
            status=status,
            request_id=request,
        )
        error.seconds = skew
        return error
    reason, advice = _REFUSED if status == 403 else _NOT_AUTHENTICATED
    detail = f"The credentials were refused: {reason} {said}."
    return AccessRefused(detail, status=status, request_id=request, advice=advice)


# Why credentials were refused (401, 403), and the advice for a program.
_NOT_AUTHENTICATED: Final = (
    "the token is missing, or it is not valid any more.",
    "Renew the token, or give `auth` a callable that does.",
)
_REFUSED: Final = (
    "the request is not signed, its credentials have expired or are wrong, or its policy or scopes do not allow this "
    "operation; see docs/access.md.",
    "For IAM, use auth='iam'.",
)


def clock_skew(response: Response, now: float) -> float | None:
    """Return by how many seconds the local clock is ahead of the server's, None if the response has no date."""
    try:
        date = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return now - date.timestamp()


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 48 * 3600 else f"{seconds / 86_400:.0f} days"


def retry_after(response: Response) -> float | None:
    """Return the seconds in the header Retry-After, which may also be a date (RFC 9110, section 10.2.3)."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
