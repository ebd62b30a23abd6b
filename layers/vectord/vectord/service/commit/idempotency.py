"""Idempotent writes by Idempotency-Key: a repeat changes nothing and is answered as the first write was."""

from msgspec import structs

from vectord.deadline import DeadlineCheck
from vectord.errors import IdempotencyKeyReused
from vectord.index import mutations
from vectord.index.state import Index
from vectord.service.commit.prepared import Effect, Wrapped
from vectord.service.values.options import IdempotencyKey


class Keyed(Wrapped, frozen=True):
    """An operation that is applied once for its key; a repeat changes nothing and has the first effect.

    The effect is stored in the index together with the change. It is stored even if nothing else changes, because a
    repeat could change something in a later state.
    """

    key: IdempotencyKey

    def apply(self, index: Index, name: str, check: DeadlineCheck) -> tuple[Index, Effect]:
        """Return the changed index and the effect; raise what the operation raises.

        Raises:
            IdempotencyKeyReused: the key was used for another request.
        """
        key = self.key
        if applied := mutations.answer_of(index.applied, _scoped_key(name, key)):
            request, effect = applied
            if request != key.request or len(effect) != self.effect_length:
                raise IdempotencyKeyReused(name)
            return index, effect
        changed, effect = self.operation.apply(index, name, check)
        scoped, before = _scoped_key(name, key), changed.applied
        recorded = mutations.with_answer(before, scoped, key.request, effect, queued=key.queued)
        return structs.replace(changed, applied=recorded), effect


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
