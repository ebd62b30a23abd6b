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
    """Wrap `change` of index `name`, so that it is applied once for each `key` and repeats return the first effect.

    The effect, `length` numbers, is stored in the index together with the change. It is stored even if nothing else
    changes, because a repeat could change something in a later state.
    """

    def apply(index: Index) -> tuple[Index, Effect]:
        if applied := mutations.answer_of(index.applied, _scoped_key(name, key)):
            request, effect = applied
            if request != key.request or len(effect) != length:
                raise IdempotencyKeyReused(name)
            return index, effect
        changed, effect = change(index)
        recorded = mutations.with_answer(changed.applied, _scoped_key(name, key), key.request, effect)
        return structs.replace(changed, applied=recorded), effect

    return apply


def is_repeat(name: str, key: IdempotencyKey, index: Index) -> bool:
    """Return True if this state of index `name` records a write with `key`.

    Raises:
        IdempotencyKeyReused: it was the write of another request.
    """
    recorded = mutations.answer_of(index.applied, _scoped_key(name, key))
    if recorded and recorded[0] != key.request:
        raise IdempotencyKeyReused(name)
    return recorded is not None


def _scoped_key(name: str, key: IdempotencyKey) -> str:
    return f"{name}\n{key.text}"  # so that a copy of the index under another name does not know the key
