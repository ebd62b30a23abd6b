"""The exception hierarchy. The edge maps it to HTTP; no other package knows status codes.

VectordError
├── RequestInvalid             the caller must correct the request
│   ├── MalformedJson              the body is not JSON
│   ├── MalformedEncoding          the body is not what its Content-Encoding says
│   ├── UnsupportedEncoding        the Content-Encoding of the body is not supported
│   ├── FilterInvalid              a metadata filter is not valid; names the position in it
│   ├── TextInvalid                the words of a search; see index/query/text_errors.py
│   ├── CursorInvalid              a cursor was changed, or belongs to another listing
│   ├── IdempotencyKeyReused       an Idempotency-Key was used before, for another request
│   ├── BatchInvalid               some items of a batch are not valid; lists each of them
│   ├── FileRefused                an uploaded file cannot be ingested
│   ├── RequestTooLarge            the request is too large
│   └── AnswerTooLarge             the answer would be too large
├── NotFound
│   ├── RouteNotFound              no such resource in the API
│   ├── IndexNotFound
│   ├── VectorNotFound
│   ├── VectorsNotFound            some ids of a change do not exist; lists them
│   ├── VersionNotFound            no such state of an index, or it has been deleted
│   └── ChangeNotFound             no such queued change, or it has expired
├── MethodNotAllowed           the API has the resource, but not this method of it; lists its methods
├── AccessDenied               the caller's token does not hold the right that the request requires
├── IndexExists                an index of that name already exists
├── BucketError                a vector bucket does not allow the request; see service/buckets/errors.py
├── PreconditionFailed         the ETag of the index does not satisfy If-Match or If-None-Match
├── Unavailable                try again later
│   ├── StorageSilent              storage does not answer; nothing was changed
│   ├── Throttled                  too many functions run at once; nothing was changed
│   ├── DeadlineExceeded           the work takes longer than the request may; nothing was changed
│   ├── Contended                  every attempt met a conflict; nothing was changed
│   ├── OutcomeUnknown             the write may or may not have been applied
│   └── PartlyApplied              some shards applied their share of a batch, others did not
├── BlobError                  a stored object cannot be read
│   ├── BlobCorrupt                its bytes differ from those that were written
│   └── BlobUnsupported            it has an unknown format version, section or key
└── StoreError                 an error of a store, which the service translates into one of the above
    ├── ObjectNotFound             no such object
    ├── ObjectVersionNotFound      no such version of the object, or it is a deletion marker
    ├── ConditionFailed            the condition of a write did not hold: nothing was written
    ├── ObjectChanged              the object changed between two reads of ranges: start over
    ├── WriteConflict              another operation is in progress: nothing was written; see storage/base.py
    ├── StoreUnavailable           timeout, reset or 5xx: a write may or may not have happened
    ├── FunctionBusy               another function could not be invoked: it did not run
    │   └── FunctionThrottled          because too many functions run, or too many were invoked
    └── StoreRefused               access denied or bucket missing; fix the configuration
        └── FolderRefused              the store's folder: full, read-only, removed or damaged; its message may be shown
"""

from collections.abc import Sequence
from typing import Final

import msgspec

_MAX_IDS: Final = 10  # ids that an error message lists
MAX_BAD_ITEMS: Final = 5_000  # invalid items of a batch after which the rest of it is not looked at


class VectordError(Exception):
    """The base of all errors of this package. Its message says what is wrong and what the caller can do about it."""


class RequestInvalid(VectordError): ...


class MalformedJson(RequestInvalid): ...


class MalformedEncoding(RequestInvalid): ...


class UnsupportedEncoding(RequestInvalid):
    def __init__(self, coding: str) -> None:
        self.coding = coding
        super().__init__(f"Content-Encoding may be gzip or absent, not {coding!r}. Send the body so.")


class FilterInvalid(RequestInvalid):
    """`where` is the position, as in `filter.$and[1].year.$gtt`; `reason` continues the sentence."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where} {reason}")


class BadItem(msgspec.Struct, frozen=True):
    """One invalid item of a batch: its position from 0, its id if it has one, and the reason."""

    position: int
    id: str | None
    reason: str


class BatchInvalid(RequestInvalid):
    def __init__(self, items: Sequence[BadItem], *, complete: bool = True) -> None:  # else there may be more
        self.items = tuple(items)
        noun = "item is" if len(self.items) == 1 else "items are"
        count = f"{'' if complete else 'At least '}{len(self.items)} {noun}"
        super().__init__(f"{count} not valid; nothing was changed. Correct what 'errors' lists and send all again.")


class CursorInvalid(RequestInvalid):
    def __init__(self) -> None:
        super().__init__(
            "The cursor was changed, or belongs to another request. Send the 'next' of the previous page as it is, "
            "with everything else as in the request for that page; or start again without a cursor."
        )


class IdempotencyKeyReused(RequestInvalid):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"This Idempotency-Key was used for another request to index {name!r}; nothing was changed. "
            "Use a new key for each change, and repeat a change without altering it."
        )


class FileRefused(RequestInvalid): ...


class RequestTooLarge(RequestInvalid): ...


class AnswerTooLarge(RequestInvalid): ...


class NotFound(VectordError): ...


class RouteNotFound(NotFound): ...


class IndexNotFound(NotFound):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no index {name!r}. Create it with POST /indexes.")


class VectorNotFound(NotFound):
    def __init__(self, index: str, vector_id: str) -> None:
        self.index, self.vector_id = index, vector_id
        super().__init__(f"Index {index!r} does not contain vector {vector_id!r}.")


class VersionNotFound(NotFound):
    """`as_of` is a version id, an ETag or a time; `kept` the versions around it if those of that time were removed."""

    def __init__(self, index: str, as_of: str, kept: tuple[str, str] | None = None) -> None:
        self.index, self.as_of = index, as_of
        reason = "it did not exist then, or that version has been deleted"
        if kept:
            reason = f"its versions of that time were removed; those around them are {kept[0]!r} and {kept[1]!r}"
        listed = f"GET /indexes/{index}/versions lists the versions that exist."
        super().__init__(f"Index {index!r} has no state as of {as_of!r}: {reason}. {listed}")


class VectorsNotFound(NotFound):
    def __init__(self, index: str, ids: Sequence[str]) -> None:
        self.index, self.ids = index, tuple(ids)
        listed = ", ".join(map(repr, ids[:_MAX_IDS]))
        more = f" and {len(ids) - _MAX_IDS:,} more" if len(ids) > _MAX_IDS else ""
        super().__init__(f"Index {index!r} does not contain {listed}{more}; nothing was changed.")


class ChangeNotFound(NotFound):
    def __init__(self, index: str, token: str) -> None:
        super().__init__(f"Index {index!r} has no change {token!r}: it was never accepted, or it has expired.")


class MethodNotAllowed(VectordError):
    def __init__(self, method: str, path: str, allowed: Sequence[str]) -> None:
        self.method, self.path, self.allowed = method, path, tuple(allowed)
        super().__init__(f"The resource {path!r} does not have the method {method}, but {', '.join(allowed)}.")


class AccessDenied(VectordError):
    def __init__(self, right: str, name: str) -> None:
        self.right, self.name = right, name
        super().__init__(
            f"This request requires the right {right!r} on index {name!r}, which your token does not hold. "
            f"Ask the issuer of your tokens for '{right}:{name}' in the claim that this deployment reads."
        )


class IndexExists(VectordError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Index {name!r} already exists. Use it, delete it first, or choose another name.")


class BucketError(VectordError): ...


class PreconditionFailed(VectordError):
    def __init__(self, name: str) -> None:
        self.name = name
        advice = "Read the index again and repeat the change with its present ETag."
        reason = f"The ETag of index {name!r} does not satisfy If-Match or If-None-Match; nothing was changed."
        super().__init__(f"{reason} {advice}")


class Unavailable(VectordError): ...


class StorageSilent(Unavailable):
    def __init__(self) -> None:
        super().__init__("Storage does not answer; nothing was changed. Send the request again.")


class Throttled(Unavailable):
    def __init__(self) -> None:
        advice = "Send the request again later, fewer at once, or raise the concurrency of the function or account."
        super().__init__(f"Too many functions run at once to reach all shards in time; nothing was changed. {advice}")


class DeadlineExceeded(Unavailable):
    def __init__(self) -> None:
        super().__init__("The request reached its time limit; nothing was changed. Ask for less, or filter by less.")


class Contended(Unavailable):
    def __init__(self, name: str, what: str = "index") -> None:
        self.name = name
        super().__init__(f"Too many writers are changing {what} {name!r}; this change was not applied. Send it again.")


class OutcomeUnknown(Unavailable):
    def __init__(self, name: str, what: str = "index") -> None:
        self.name = name
        super().__init__(
            f"Storage did not confirm the change of {what} {name!r}: it may or may not have been applied. "
            f"Read the {what}, or send the same change again."
        )


class PartlyApplied(Unavailable):
    """`applied`, `missed` and `unknown` count the items; `reason` is the message of the first shard that failed."""

    def __init__(self, name: str, *, applied: int, missed: int, unknown: int, reason: str) -> None:
        self.name, self.applied, self.missed, self.unknown = name, applied, missed, unknown
        super().__init__(
            f"The batch for index {name!r} was applied in part: {applied} items were applied, {missed} were not, and "
            f"{unknown} may have been. Send the same batch again: applying an item twice is safe. "
            f"First failure: {reason}"
        )


class BlobError(VectordError):
    """A stored object cannot be read; `index` is its name, or None where the name is not known."""

    def __init__(self, reason: str, index: str | None = None) -> None:
        self.reason, self.index = reason, index
        where = "An index" if index is None else f"Index {index!r}"
        super().__init__(f"{where} cannot be read: {reason}")

    def with_index(self, index: str) -> "BlobError":
        """Return the same error for the index of this name."""
        return type(self)(self.reason, index)


class BlobCorrupt(BlobError): ...


class BlobUnsupported(BlobError): ...


class StoreError(VectordError): ...


class ObjectNotFound(StoreError): ...


class ObjectVersionNotFound(StoreError): ...


class ConditionFailed(StoreError): ...


class ObjectChanged(StoreError): ...


class WriteConflict(StoreError): ...


class StoreUnavailable(StoreError): ...


class FunctionBusy(StoreError): ...


class FunctionThrottled(FunctionBusy): ...


class StoreRefused(StoreError): ...


class FolderRefused(StoreRefused):
    """Its message says what to do and has no path, so that callers may see it."""
