"""The errors of requests to shards, as a part of messages between functions."""

from collections.abc import Callable
from typing import Final

import msgspec

from vectord.errors import (
    AnswerTooLarge,
    BlobCorrupt,
    BlobError,
    BlobUnsupported,
    Contended,
    CursorInvalid,
    DeadlineExceeded,
    FilterInvalid,
    FolderRefused,
    IdempotencyKeyReused,
    IndexNotFound,
    OutcomeUnknown,
    RequestTooLarge,
    StorageSilent,
    StoreRefused,
    Throttled,
    VectordError,
    VectorsNotFound,
)
from vectord.index.query.text_errors import TextInvalid


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """The error of a request: the name of its class, its message, the ids of a VectorsNotFound.

    `where` is the place of a FilterInvalid, whose reason is the message.
    """

    error: str
    message: str = ""
    ids: list[str] = msgspec.field(default_factory=list)
    where: str = ""


_BLOB_ERRORS: Final = {kind.__name__: kind for kind in (BlobCorrupt, BlobUnsupported)}
_INDEX_ERRORS: Final = {
    kind.__name__: kind for kind in (IndexNotFound, Contended, OutcomeUnknown, IdempotencyKeyReused)
}
_OTHER_ERRORS: Final[dict[str, Callable[[str], VectordError]]] = {
    kind.__name__: kind for kind in (AnswerTooLarge, RequestTooLarge, StoreRefused, FolderRefused, TextInvalid)
}
_CONSTANT_ERRORS: Final[dict[str, Callable[[], VectordError]]] = {
    kind.__name__: kind for kind in (Throttled, DeadlineExceeded, CursorInvalid)
}


def failed_result(error: VectordError) -> Failed:
    """Return an error as a result."""
    if isinstance(error, FilterInvalid):
        return Failed(type(error).__name__, error.reason, where=error.where)
    if isinstance(error, TextInvalid):
        return Failed(TextInvalid.__name__, str(error))  # the message says what the subclass does
    message = error.reason if isinstance(error, BlobError) else str(error)
    return Failed(type(error).__name__, message, list(error.ids) if isinstance(error, VectorsNotFound) else [])


def error_of(failed: Failed, shard: str, index: str) -> VectordError:
    """Return the error of a shard's request as an error of `index`; an unknown error becomes StorageSilent."""
    if failed.error in _BLOB_ERRORS:
        return _BLOB_ERRORS[failed.error](failed.message, shard)
    if failed.error in _INDEX_ERRORS:
        return _INDEX_ERRORS[failed.error](index)
    if failed.error == VectorsNotFound.__name__:
        return VectorsNotFound(index, failed.ids)
    if failed.error == FilterInvalid.__name__:
        return FilterInvalid(failed.where, failed.message)
    if failed.error in _OTHER_ERRORS:
        return _OTHER_ERRORS[failed.error](failed.message)
    return _CONSTANT_ERRORS.get(failed.error, StorageSilent)()
