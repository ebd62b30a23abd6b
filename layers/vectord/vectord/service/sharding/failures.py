"""Errors as data: what a shard's part of a request met, and what the caller of the index is told of it."""

from collections.abc import Callable
from typing import Final

import msgspec

from vectord.errors import (
    AnswerTooLarge,
    BlobCorrupt,
    BlobError,
    BlobUnsupported,
    Contended,
    IdempotencyKeyReused,
    IndexNotFound,
    OutcomeUnknown,
    StorageSilent,
    StoreRefused,
    VectordError,
    VectorsNotFound,
)


class Failed(msgspec.Struct, tag="failed", frozen=True):
    """The error that a part met, by the name of its class."""

    error: str
    words: str = ""
    ids: list[str] = msgspec.field(default_factory=list)


# What a part may meet, by name; whatever else is silence.
_OF_BLOB: Final = {kind.__name__: kind for kind in (BlobCorrupt, BlobUnsupported)}
_OF_INDEX: Final = {kind.__name__: kind for kind in (IndexNotFound, Contended, OutcomeUnknown, IdempotencyKeyReused)}
_OTHERS: Final[dict[str, Callable[[str], VectordError]]] = {
    kind.__name__: kind for kind in (AnswerTooLarge, StoreRefused)
}


def failed(error: VectordError) -> Failed:
    words = error.reason if isinstance(error, BlobError) else str(error)
    return Failed(type(error).__name__, words, list(error.ids) if isinstance(error, VectorsNotFound) else [])


def error_of(outcome: Failed, shard: str, index: str) -> VectordError:
    """Return the error of a part as the caller of `index` should meet it."""
    if outcome.error in _OF_BLOB:
        return _OF_BLOB[outcome.error](outcome.words, shard)
    if outcome.error in _OF_INDEX:
        return _OF_INDEX[outcome.error](index)
    if outcome.error == VectorsNotFound.__name__:
        return VectorsNotFound(index, outcome.ids)
    if outcome.error in _OTHERS:
        return _OTHERS[outcome.error](outcome.words)
    return StorageSilent()
