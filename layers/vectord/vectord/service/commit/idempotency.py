"""A change that a caller may repeat: under the same key it is made once, and answered alike each time."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from vectord.errors import IdempotencyKeyReused
from vectord.index import dedup
from vectord.index.state import Index

if TYPE_CHECKING:
    from vectord.service.commit.loop import Change

type Effect = tuple[int, ...]


class IdempotencyKey(msgspec.Struct, frozen=True):
    """An Idempotency-Key, and a hash of the request that it came with: 8 hex digits."""

    text: str
    request: str


def idempotent(name: str, key: IdempotencyKey | None, numbers: int, change: "Change[Effect]") -> "Change[Effect]":
    """Return `change` of index `name` as one that a state to which it led answers and leaves alone.

    Its answer is so many numbers, which go into the index with the change; also where that changes nothing else, since
    what comes after might make it change something.
    """
    if key is None:
        return change

    def apply(index: Index) -> tuple[Index, Effect]:
        if before := dedup.answer_of(index.applied, _scoped(name, key)):
            request, effect = before
            if request != key.request or len(effect) != numbers:
                raise IdempotencyKeyReused(name)
            return index, effect
        changed, effect = change(index)
        tokens = dedup.with_answer(changed.applied, _scoped(name, key), key.request, effect)
        return structs.replace(changed, applied=tokens), effect

    return apply


def is_repeat(name: str, key: IdempotencyKey | None) -> Callable[[Index], bool]:
    """Return what tells whether a request with `key` has led to a state of index `name`."""
    return lambda index: key is not None and dedup.answer_of(index.applied, _scoped(name, key)) is not None


def _scoped(name: str, key: IdempotencyKey) -> str:
    return f"{name}\n{key.text}"  # so that a copy of the index under another name does not know it
