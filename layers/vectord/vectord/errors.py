"""What can go wrong, as one tree. The edge maps it to HTTP; nothing below the edge knows a status code.

VectordError
├── RequestInvalid             the caller must change the request
│   ├── MalformedJson              the body is not JSON
│   ├── FilterInvalid              a filter on metadata is not one; names the place in it
│   ├── CursorInvalid              a cursor is not one of ours, or of another listing
│   ├── IdempotencyKeyReused                  an Idempotency-Key came before, with another request
│   ├── BatchInvalid               some items of a batch are bad; lists each of them
│   ├── FileRefused                a file as a whole cannot be ingested
│   ├── RequestTooLarge            more than one request may carry
│   └── AnswerTooLarge             more than one answer may carry
├── NotFound
│   ├── RouteNotFound              no such resource in the API
│   ├── IndexNotFound
│   ├── VectorNotFound
│   ├── VectorsNotFound            some ids of a change that needs all of them; lists them
│   └── VersionNotFound            no such state of an index, or it is no longer kept
├── IndexExists                create met an index of that name
├── PreconditionFailed         the caller's If-Match or If-None-Match does not let the index's version through
├── Unavailable                repeat later
│   ├── StorageSilent              storage does not answer; nothing was changed
│   ├── Contended                  other writers won every attempt; nothing was changed
│   ├── OutcomeUnknown             the write may or may not have been applied
│   └── PartlyApplied              some shards took their part of a batch, others did not
├── BlobError                  the stored object cannot be read
│   ├── BlobCorrupt                its bytes are not what was written
│   └── BlobUnsupported            written by a version that this one does not know
└── StoreError                 what a store answers; the service turns it into one of the above
    ├── ObjectNotFound              no object under that name
    ├── ObjectVersionNotFound             no such version of the object, or it was a deletion
    ├── ConditionFailed            the write condition did not hold: certainly not written
    ├── ObjectChanged                the object changed while ranges of it were read: start over
    ├── WriteConflict              another operation is in progress on the object: certainly not written
    ├── StoreUnavailable           timeout, reset or 5xx: a write may or may not have happened
    ├── FunctionBusy               another function could not be called: certainly not run
    └── StoreRefused               no access, no bucket: somebody must mend the set-up
"""

from collections.abc import Sequence
from typing import Final

import msgspec

_SHOWN: Final = 10  # ids that a message names


class VectordError(Exception):
    """Say what is wrong and what to do about it, in words fit for the caller."""


class RequestInvalid(VectordError):
    pass


class MalformedJson(RequestInvalid):
    pass


class FilterInvalid(RequestInvalid):
    """`where` names the place, as in `filter.$and[1].year.$gtt`; `reason` goes on from there."""

    def __init__(self, where: str, reason: str) -> None:
        self.where, self.reason = where, reason
        super().__init__(f"{where} {reason}")


class BadItem(msgspec.Struct, frozen=True):
    """One refused item of a batch: its position from 0, its id if it has one, and the reason."""

    position: int
    id: str | None
    reason: str


class BatchInvalid(RequestInvalid):
    def __init__(self, items: Sequence[BadItem]) -> None:
        self.items = tuple(items)
        noun = "item is" if len(self.items) == 1 else "items are"
        super().__init__(
            f"{len(self.items)} {noun} not valid; nothing was changed. Correct them and send the batch again."
        )


class CursorInvalid(RequestInvalid):
    def __init__(self) -> None:
        super().__init__(
            "cursor is not one of this listing; pass 'next' of the page before as it is, "
            "with the index, filter, prefix and segment of that page."
        )


class IdempotencyKeyReused(RequestInvalid):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"This Idempotency-Key came with another request to index {name!r}; nothing was changed. "
            "Take a new key for each change, and repeat one as it was."
        )


class FileRefused(RequestInvalid):
    pass


class RequestTooLarge(RequestInvalid):
    pass


class AnswerTooLarge(RequestInvalid):
    pass


class NotFound(VectordError):
    pass


class RouteNotFound(NotFound):
    pass


class IndexNotFound(NotFound):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no index {name!r}. Create it with POST /indexes.")


class VectorNotFound(NotFound):
    def __init__(self, index: str, vector_id: str) -> None:
        self.index, self.vector_id = index, vector_id
        super().__init__(f"Index {index!r} holds no vector {vector_id!r}.")


class VersionNotFound(NotFound):
    """`as_of` is what the caller asked for: a version id, an ETag, or a time."""

    def __init__(self, index: str, as_of: str) -> None:
        self.index, self.as_of = index, as_of
        super().__init__(
            f"Index {index!r} has no state as of {as_of!r}: it was not there then, or its old version is gone. "
            f"GET /indexes/{index}/versions lists those that are kept."
        )


class VectorsNotFound(NotFound):
    def __init__(self, index: str, ids: Sequence[str]) -> None:
        self.index, self.ids = index, tuple(ids)
        shown = ", ".join(map(repr, ids[:_SHOWN])) + (f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else "")
        super().__init__(f"Index {index!r} does not hold {shown}; nothing was changed.")


class IndexExists(VectordError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"An index {name!r} exists already. Use it, delete it first, or choose another name.")


class PreconditionFailed(VectordError):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"Index {name!r} is not at a version that If-Match and If-None-Match let through; nothing was changed. "
            "Read the index again and repeat the change with its present ETag."
        )


class Unavailable(VectordError):
    pass


class StorageSilent(Unavailable):
    def __init__(self) -> None:
        super().__init__("Storage does not answer at the moment; nothing was changed. Send the request again.")


class Contended(Unavailable):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Index {name!r} is being changed by others; this change was not applied. Send it again.")


class OutcomeUnknown(Unavailable):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"Storage did not confirm the change of index {name!r}: it may or may not be applied. "
            "Read the index, or send the same change again."
        )


class PartlyApplied(Unavailable):
    """How many items of a batch over shards are in, are not, and may be, and why the first part failed."""

    def __init__(self, name: str, *, applied: int, missed: int, unknown: int, why: str) -> None:
        self.name, self.applied, self.missed, self.unknown = name, applied, missed, unknown
        super().__init__(
            f"Of the batch for index {name!r}, {applied} items are applied, {missed} are not, and of {unknown} it is "
            f"not known. Send the same batch again: it is safe to apply an item twice. The first failure: {why}"
        )


class BlobError(VectordError):
    """A stored object that cannot be read; `index` names it once the service knows the name."""

    def __init__(self, reason: str, index: str | None = None) -> None:
        self.reason, self.index = reason, index
        where = "An index" if index is None else f"Index {index!r}"
        super().__init__(f"{where} cannot be read: {reason}")


class BlobCorrupt(BlobError):
    pass


class BlobUnsupported(BlobError):
    pass


class StoreError(VectordError):
    pass


class ObjectNotFound(StoreError):
    pass


class ObjectVersionNotFound(StoreError):
    pass


class ConditionFailed(StoreError):
    pass


class ObjectChanged(StoreError):
    pass


class WriteConflict(StoreError):
    pass


class StoreUnavailable(StoreError):
    pass


class FunctionBusy(StoreError):
    pass


class StoreRefused(StoreError):
    pass
