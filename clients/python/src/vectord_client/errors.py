"""The errors that the client raises.

`Problem` has one class for each problem type of the API. `TransportError` means that the answer is incomplete, and
`UsageError` that nothing was sent. `gateway_errors` has the errors of answers that do not come from vectord.
"""

from typing import ClassVar, Final

import msgspec

TYPE_PREFIX: Final = "urn:vectord:problem:"


class BadItem(msgspec.Struct, frozen=True):
    """An item of a batch that was refused: its position in the batch, its id if it has one, and the reason."""

    position: int
    id: str | None = None
    reason: str = ""


class VectordError(Exception):
    """An error of the client.

    Attributes are the same for all errors, so that a handler can read them without knowing the class: `status` is the
    HTTP status (None if there was no answer), `type` the problem type, `errors` the refused items of a batch,
    `retry_after` the seconds that the service asks to wait, and `request_id` the request's name in the service's log.
    `attempts` is the number of requests that were sent. If `maybe_applied` is True, the change may have been applied.
    `detail` says what is wrong. `advice` says what to do in terms of the Python interface; other front ends, such as
    the command line, print their own advice in its place.
    """

    advice = ""

    def __init__(
        self,
        detail: str = "",
        *,
        status: int | None = None,
        type: str | None = None,
        title: str = "",
        errors: tuple[BadItem, ...] = (),
        errors_omitted: int = 0,
        retry_after: float | None = None,
        request_id: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(detail)
        if advice is not None:
            self.advice = advice
        self.detail = detail
        self.status, self.type, self.title = status, type, title
        self.errors, self.errors_omitted = errors, errors_omitted
        self.retry_after = retry_after
        self.request_id = request_id
        self.attempts = 1
        self.maybe_applied = False

    def __str__(self) -> str:
        parts = [self.detail or self.title, *([self.advice] if self.advice else [])]
        parts += [f"  item {item.position}, id {item.id!r}: {item.reason}" for item in self.errors[:_SHOWN_ITEMS]]
        if (hidden := len(self.errors) + self.errors_omitted - _SHOWN_ITEMS) > 0:
            parts.append(f"  and {hidden:,} more")
        parts += self.circumstances
        return "\n".join(parts) if self.errors else " ".join(parts)

    @property
    def circumstances(self) -> list[str]:
        """The last sentences of the message: whether a change may have been applied, status, request and attempts."""
        notes = [f"status {self.status}"] if self.status is not None else []
        if self.request_id:
            notes.append(f"request {self.request_id}")
        if self.attempts > 1:
            notes.append(f"{self.attempts} attempts")
        sentences = [_MAYBE_APPLIED] if self.maybe_applied else []
        return [*sentences, f"({', '.join(notes)})"] if notes else sentences


_SHOWN_ITEMS: Final = 3
_MAYBE_APPLIED: Final = "The change may have been applied: read the index before you repeat it."


class UsageError(VectordError):
    """Nothing was sent, because the call or the configuration cannot work."""


class ArgumentInvalid(UsageError, ValueError):
    """An argument has a value that no request can have."""


class NoTarget(UsageError, ValueError):
    """No target was given, and VECTORD_URL is not set."""


class TargetInvalid(UsageError, ValueError):
    """The target is neither a URL of an API nor a folder."""


class FolderMissing(TargetInvalid):
    """The folder of an embedded target does not exist, and the command does not create it."""


class MissingExtra(UsageError, ImportError):
    """A feature needs packages that are not installed; the message has the command that installs them."""


class CredentialsMissing(UsageError):
    """No AWS credentials were found to sign requests with, or no region."""


class NoEmbedder(UsageError):
    """Text was given to an index for which no embedder is known."""


class EmbedderMismatch(UsageError):
    """The embedder is not the one whose vectors the index stores."""


class AddressUnusable(UsageError):
    """A server cannot listen on an address, or may not, because other machines reach it."""


class ClientClosed(UsageError):
    """The client was closed."""


class EmbeddingFailed(VectordError):
    """The embedding model did not return vectors for the texts."""


class TransportError(VectordError):
    """The answer is missing or incomplete."""

    sent: ClassVar[bool] = True  # False: the request cannot have been executed
    lasting: bool = False  # True: a repeat fails in the same way


class ConnectionFailed(TransportError):
    """No connection to the service could be made. Nothing was sent."""

    sent = False


class HostNotFound(ConnectionFailed):
    """The name of the host does not resolve."""

    lasting = True


class CertificateInvalid(ConnectionFailed):
    """The certificate of the server was not accepted."""

    lasting = True


class ConnectionLost(TransportError):
    """The connection ended before the answer began."""


class AnswerTruncated(TransportError):
    """The answer ended before it was complete, or its compression is damaged."""


class TimedOut(TransportError):
    """The answer did not arrive in time."""


class Problem(VectordError):
    """An answer of vectord that reports an error. A type that this version does not know is a plain `Problem`."""


class NotFound(Problem):
    """Something that the request names does not exist."""


class Unavailable(Problem):
    """The service could not finish the request now (503)."""


class MalformedJson(Problem):
    """The body is not JSON."""


class MalformedEncoding(Problem):
    """The body is not what its Content-Encoding says."""


class AccessDenied(Problem):
    """The token does not hold the right that the request needs."""


_URL_ADVICE: Final = (
    "Check that the URL ends with the host, or with the name of the API's stage; a deployment that is older than the "
    "client may lack the route."
)


class RouteNotFound(NotFound):
    """The API does not have this path."""

    advice = _URL_ADVICE


class IndexNotFound(NotFound):
    """The index does not exist."""


class VectorNotFound(NotFound, KeyError):
    """The index has no vector with this id."""


class VersionNotFound(NotFound):
    """The index has no such version."""


class MethodNotAllowed(Problem):
    """The path does not have this method."""

    advice = _URL_ADVICE


class IndexExists(Problem):
    """An index of this name exists."""


class VectorBucket(Problem):
    """A vector bucket does not allow the request."""


class PreconditionFailed(Problem):
    """The index changed: its ETag is not the one in `if_match`. Nothing was changed."""


class RequestTooLarge(Problem):
    """The request is too large; send it in parts."""


class AnswerTooLarge(Problem):
    """The answer would be too large; the detail says what to leave out."""


class UnsupportedContentEncoding(Problem):
    """The Content-Encoding of the body is not supported."""


class RequestInvalid(Problem):
    """A field or parameter is not valid; the detail names it."""


class FilterInvalid(Problem):
    """The filter is not valid; the detail names the place."""


class CursorInvalid(Problem):
    """The cursor does not belong to this request."""


class IdempotencyKeyReused(Problem):
    """The Idempotency-Key was used for another request."""


class BatchInvalid(Problem):
    """Some items of the batch are not valid: see `errors`. Nothing was changed."""


class IndexCorrupt(Problem):
    """The stored object is damaged; restore a version."""


class IndexUnsupported(Problem):
    """The stored object was written by an unknown version of vectord."""


class StorageRefused(Problem):
    """Storage refused a request of the service; the reason is in the log of the function."""


class Contended(Unavailable):
    """Too many concurrent writers. Nothing was changed."""


class StorageSilent(Unavailable):
    """Storage does not answer. Nothing was changed."""


class Throttled(Unavailable):
    """Too many functions run at once, or more requests arrive than the deployment allows. Nothing was changed."""


class DeadlineExceeded(Unavailable):
    """The request takes longer than the function may. Nothing was changed."""


class OutcomeUnknown(Unavailable):
    """Storage did not confirm the write: it may have been applied."""


class PartlyApplied(Unavailable):
    """Some items of a batch over shards are applied and others are not. It is safe to send the batch again."""
