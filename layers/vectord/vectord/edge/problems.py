"""Errors as problem details (RFC 9457). `type` and `status` are stable; programs must not depend on anything else."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import structs

from vectord import errors
from vectord.errors import (
    MAX_BAD_ITEMS,
    BadItem,
    BatchInvalid,
    MethodNotAllowed,
    Throttled,
    Unavailable,
    UnsupportedEncoding,
    VectordError,
)

CONTENT_TYPE: Final = "application/problem+json"
# With these limits the problem for the largest batch fits into one answer. Lengths are in characters.
_MAX_ITEMS: Final = MAX_BAD_ITEMS
_MAX_ID: Final = 256
_MAX_DETAIL: Final = 1_000  # a detail may quote what the caller sent
_SERVER_ERROR: Final = 500  # the first status that says that the service failed, not the request
_RETRY_AFTER: Final = "1"  # seconds
_RETRY_AFTER_LIMIT: Final = "5"  # seconds: the request has waited all of its time, and so have others
TYPE_PREFIX: Final = "urn:vectord:problem:"


class Kind(msgspec.Struct, frozen=True):
    """A kind of problem; `detail` replaces the error's message if callers must not see it."""

    status: int
    slug: str
    title: str
    detail: str | None = None


# The first class that matches wins, so subclasses come before their base classes.
KINDS: Final[dict[type[VectordError], Kind]] = {
    errors.MalformedJson: Kind(400, "malformed-json", "The body is not JSON"),
    errors.AccessDenied: Kind(403, "access-denied", "Access denied"),
    errors.MalformedEncoding: Kind(400, "malformed-encoding", "The body is not what its Content-Encoding says"),
    errors.RouteNotFound: Kind(404, "route-not-found", "No such resource"),
    errors.IndexNotFound: Kind(404, "index-not-found", "No such index"),
    errors.VectorNotFound: Kind(404, "vector-not-found", "No such vector"),
    errors.VectorsNotFound: Kind(404, "vector-not-found", "No such vector"),
    errors.VersionNotFound: Kind(404, "version-not-found", "No such version of the index"),
    errors.ChangeNotFound: Kind(404, "change-not-found", "No such queued change"),
    errors.MethodNotAllowed: Kind(405, "method-not-allowed", "The resource does not have this method"),
    errors.IndexExists: Kind(409, "index-exists", "The index exists already"),
    errors.BucketError: Kind(409, "vector-bucket", "The vector bucket does not allow it"),
    errors.PreconditionFailed: Kind(412, "precondition-failed", "The precondition does not hold"),
    errors.RequestTooLarge: Kind(413, "request-too-large", "The request is too large"),
    errors.AnswerTooLarge: Kind(413, "answer-too-large", "The answer would be too large"),
    errors.UnsupportedEncoding: Kind(
        415, "unsupported-content-encoding", "The Content-Encoding of the body is not supported"
    ),
    errors.BatchInvalid: Kind(422, "batch-invalid", "Some items of the batch are not valid"),
    errors.FilterInvalid: Kind(422, "filter-invalid", "The filter is not valid"),
    errors.CursorInvalid: Kind(422, "cursor-invalid", "The cursor does not belong to this request"),
    errors.IdempotencyKeyReused: Kind(
        422, "idempotency-key-reused", "The Idempotency-Key was used for another request"
    ),
    errors.RequestInvalid: Kind(422, "request-invalid", "The request is not valid"),
    errors.OutcomeUnknown: Kind(503, "outcome-unknown", "The change may or may not be applied"),
    errors.PartlyApplied: Kind(503, "partly-applied", "The batch was applied on some shards only"),
    errors.Contended: Kind(503, "contended", "Too many concurrent writers"),
    errors.StorageSilent: Kind(503, "storage-silent", "Storage does not answer"),
    errors.Throttled: Kind(503, "throttled", "Too many functions run at once"),
    errors.DeadlineExceeded: Kind(503, "deadline-exceeded", "The request takes too long"),
    errors.BlobUnsupported: Kind(500, "index-unsupported", "The format version of the index is not supported"),
    errors.BlobCorrupt: Kind(500, "index-corrupt", "The index is corrupt"),
    errors.FolderRefused: Kind(500, "storage-refused", "Storage refused the request"),
    errors.StoreError: Kind(
        500,
        "storage-refused",
        "Storage refused the request",
        "Storage refused a request of the service. The reason is in the log of the function.",
    ),
}


class Problem(msgspec.Struct, omit_defaults=True):
    """A problem (RFC 9457, section 3.1).

    For a batch, `errors` lists the invalid items, except the last `errors_omitted` of them.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[BadItem, ...] = ()
    errors_omitted: int = 0

    def with_half_the_items(self) -> "Problem":
        """Return the problem with the second half of its items omitted, so that it fits into an answer."""
        listed = self.errors[: len(self.errors) // 2]
        omitted = self.errors_omitted + len(self.errors) - len(listed)
        return structs.replace(self, errors=listed, errors_omitted=omitted)


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The answer to an error; `shorter` replaces it if its body is larger than a response can be."""

    status: int
    headers: Mapping[str, str]
    body: msgspec.Struct
    shorter: "ErrorAnswer | None" = None


def slug_of(error: VectordError) -> str:
    """Return the problem type of an error without the prefix that all types have."""
    return _kind_of(error).slug


def _kind_of(error: VectordError) -> Kind:
    return next(kind for known, kind in KINDS.items() if isinstance(error, known))


def is_failure(error: BaseException) -> bool:
    """Return True if the metric Failures counts an error: its problem is a 5xx one, or it is a defect."""
    return not isinstance(error, VectordError) or _kind_of(error).status >= _SERVER_ERROR


def problem(error: VectordError) -> Problem:
    """Return the problem that reports `error` to the caller."""
    kind = _kind_of(error)
    items = error.items if isinstance(error, BatchInvalid) else ()
    listed = tuple(_shortened(item) for item in items[:_MAX_ITEMS])
    return Problem(
        TYPE_PREFIX + kind.slug,
        kind.title,
        kind.status,
        _truncated(kind.detail or str(error), _MAX_DETAIL),
        listed,
        len(items) - len(listed),
    )


def answer(error: VectordError) -> ErrorAnswer:
    """Return the answer to `error`: its problem, with fewer items if it would be too large."""
    found = problem(error)
    return _answer_of(found, headers(error))


def _answer_of(found: Problem, fields: Mapping[str, str]) -> ErrorAnswer:
    shorter = _answer_of(found.with_half_the_items(), fields) if found.errors else None
    return ErrorAnswer(found.status, fields, found, shorter)


def headers(error: VectordError) -> dict[str, str]:
    """Return the headers that go with the problem of `error`."""
    found = {"Content-Type": CONTENT_TYPE}
    if isinstance(error, Unavailable):
        found["Retry-After"] = _RETRY_AFTER_LIMIT if isinstance(error, Throttled) else _RETRY_AFTER
    if isinstance(error, MethodNotAllowed):
        found["Allow"] = ", ".join(error.allowed)  # RFC 9110, section 15.5.6
    if isinstance(error, UnsupportedEncoding):
        found["Accept-Encoding"] = "gzip"  # RFC 9110, section 15.5.16
    return found


def _shortened(item: BadItem) -> BadItem:
    return structs.replace(
        item, id=item.id and _truncated(item.id, _MAX_ID), reason=_truncated(item.reason, _MAX_DETAIL)
    )


def _truncated(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"
