"""Idempotent writes by Idempotency-Key: a repeat changes nothing and is answered as the first write was."""

from collections.abc import Callable

from msgspec import structs

from vectord.errors import IdempotencyKeyReused
from vectord.index import mutations
from vectord.index.state import Index
from vectord.service.values.options import IdempotencyKey

type Effect = tuple[int, ...]


def idempotent(
    name: str, key: IdempotencyKey, length: int, change: Callable[[Index], tuple[Index, Effect]]
) -> Callable[[Index], tuple[Index, Effect]]:
    """Return `change` of index `name` so that it is applied only to a state that no write with `key` led to.

    Its effect, `length` numbers, is stored in the index together with the change. It is stored also if nothing else
    changes, because a repeat could change something in a later state.
    """

    def apply(index: Index) -> tuple[Index, Effect]:
        if applied := mutations.answer_of(index.applied, _scoped(name, key)):
            request, effect = applied
            if request != key.request or len(effect) != length:
                raise IdempotencyKeyReused(name)
            return index, effect
        changed, effect = change(index)
        tokens = mutations.with_answer(changed.applied, _scoped(name, key), key.request, effect)
        return structs.replace(changed, applied=tokens), effect

    return apply


def is_repeat(name: str, key: IdempotencyKey, index: Index) -> bool:
    """Return True if a write with `key` led to this state of index `name`."""
    return mutations.answer_of(index.applied, _scoped(name, key)) is not None


def _scoped(name: str, key: IdempotencyKey) -> str:
    return f"{name}\n{key.text}"  # so that a copy of the index under another name does not know the key
