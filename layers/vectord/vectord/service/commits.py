"""Commits: one conditional PUT each, retried within bounds, the outcome known at the end wherever it can be.

| storage answers           | it means                        | what happens                                      |
|---------------------------|---------------------------------|---------------------------------------------------|
| an ETag                   | committed                       | done                                              |
| the condition failed      | another writer won, or our own  | read again: ours if our commit is in it, else     |
|                           | earlier try did, its reply lost | apply the change to the new state and write again |
| a conflict                | an operation is in progress     | wait, read again, write again                     |
| no object on If-Match     | the index was deleted meanwhile | not found; never created again                    |
| nothing, a reset or a 5xx | unknown                         | read again, look for our commit before any retry  |
"""

from collections.abc import Callable, Container
from dataclasses import dataclass

from vectord import index as ix
from vectord import params
from vectord.errors import (
    BlobError,
    ConditionFailed,
    Contended,
    IndexExists,
    IndexNotFound,
    ObjectMissing,
    OutcomeUnknown,
    PreconditionFailed,
    StorageSilent,
    StoreUnavailable,
    WriteConflict,
)
from vectord.index import Index
from vectord.service.warm import Versioned, WarmIndexes
from vectord.service.world import Patience, World
from vectord.stores import IfAbsent, IfMatch, Store

type Change[R] = Callable[[Index], tuple[Index, R]]


@dataclass(frozen=True, slots=True)
class Committed[R]:
    """What a change answered, and the state it led to."""

    result: R
    state: Versioned


@dataclass(slots=True)
class _Draft[R]:
    """A change applied to the state at `base`, ready to be written; `unknown` once a write of it got no answer."""

    base: str
    blob: bytes
    index: Index
    result: R
    unknown: bool = False


class Commits:
    """Reads and commits of indexes in one store."""

    def __init__(self, store: Store, warm: WarmIndexes, world: World, patience: Patience) -> None:
        self._store, self._warm, self._world, self._patience = store, warm, world, patience

    def read(self, name: str, until: float) -> Versioned:
        """Return the present state of index `name`; give up at `until` on the world's clock.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused
        """
        if not params.is_name(name):
            raise IndexNotFound(name)
        try:
            return self._patience.insist(self._world, until, lambda: self._warm.read(name))
        except ObjectMissing as error:
            self._warm.forget(name)
            raise IndexNotFound(name) from error

    def require(self, name: str, until: float) -> None:
        """Make sure that index `name` exists, without reading it.

        Raises:
            IndexNotFound, StorageSilent, StoreRefused
        """
        try:
            self._patience.insist(self._world, until, lambda: self._store.etag(name))
        except ObjectMissing as error:
            raise IndexNotFound(name) from error

    def create(self, index: Index, until: float) -> Versioned:
        """Write a new index.

        Raises:
            IndexExists: another one of that name is there.
            Contended, OutcomeUnknown, StoreRefused
        """
        name, token = index.params.name, self._world.new_id()
        blob, sealed = ix.encode(index, name, token)
        unknown = False
        for more in self._patience.tries(self._world, until):
            try:
                return self._warm.keep(name, Versioned(sealed, self._store.put(name, blob, IfAbsent(), token)))
            except ConditionFailed as error:
                if unknown and (ours := self._ours(name, token, until)):
                    return ours
                raise IndexExists(name) from error
            except WriteConflict as error:
                if not more:
                    raise (OutcomeUnknown if unknown else Contended)(name) from error
            except StoreUnavailable as error:
                unknown = True
                if not more:
                    raise OutcomeUnknown(name) from error
        raise AssertionError("there is always a last try")

    def change[R](
        self, name: str, change: Change[R], until: float, expected: Container[str] | None = None
    ) -> Committed[R]:
        """Apply `change` to the present state and commit what it returns; nothing is written if it returns its input.

        `expected` holds the ETags that the caller allows as the state before, None for any.

        Raises:
            IndexNotFound, BlobError, PreconditionFailed, StoreRefused, whatever `change` raises
            Contended: every attempt lost; nothing was changed.
            OutcomeUnknown: no answer to the last attempt.
            StorageSilent: no answer to the first read.
        """
        token = self._world.new_id()
        draft: _Draft[R] | None = None
        for more in self._patience.tries(self._world, until):
            state = self._read_again(name, until, draft)
            if draft and state.index.has_applied(token):
                return Committed(draft.result, state)
            if expected is not None and state.etag not in expected:
                raise PreconditionFailed(name)
            if draft is None or draft.base != state.etag:
                changed, result = change(state.index)
                if changed is state.index:
                    return Committed(result, state)
                draft = _Draft(state.etag, *ix.encode(changed, name, token), result)
            if committed := self._write(name, token, draft):
                return Committed(draft.result, committed)
            if not more:
                return self._settle(name, token, draft, until)
        raise AssertionError("there is always a last try")

    def delete(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete index `name`, readable or not.

        Raises:
            IndexNotFound, PreconditionFailed, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        if not params.is_name(name):
            raise IndexNotFound(name)
        unknown = False
        for more in self._patience.tries(self._world, until):
            try:
                etag = self._store.etag(name)
                if expected is not None and etag not in expected:
                    raise PreconditionFailed(name)
                self._store.delete(name, IfMatch(etag))
            except ObjectMissing as error:
                self._warm.forget(name)
                if not unknown:
                    raise IndexNotFound(name) from error
            except (ConditionFailed, WriteConflict) as error:
                if not more:
                    raise Contended(name) from error
                continue
            except StoreUnavailable as error:
                unknown = True
                if not more:
                    raise OutcomeUnknown(name) from error
                continue
            self._warm.forget(name)
            return

    def _read_again[R](self, name: str, until: float, draft: _Draft[R] | None) -> Versioned:
        try:
            return self.read(name, until)
        except StorageSilent as error:
            if draft and draft.unknown:
                raise OutcomeUnknown(name) from error
            raise

    def _write[R](self, name: str, token: str, draft: _Draft[R]) -> Versioned | None:
        try:
            etag = self._store.put(name, draft.blob, IfMatch(draft.base), token)
        except ObjectMissing as error:
            self._warm.forget(name)
            raise IndexNotFound(name) from error
        except (ConditionFailed, WriteConflict):
            self._world.meter.add("Conflicts")
            return None
        except StoreUnavailable:
            draft.unknown = True
            return None
        self._world.meter.add("Commits")
        return self._warm.keep(name, Versioned(draft.index, etag))

    def _settle[R](self, name: str, token: str, draft: _Draft[R], until: float) -> Committed[R]:
        """Find out, after the last attempt, what became of it."""
        state = self._read_again(name, until, draft)
        if state.index.has_applied(token):
            return Committed(draft.result, state)
        # A write without an answer may still arrive while the index is at its base.
        raise (OutcomeUnknown if draft.unknown and state.etag == draft.base else Contended)(name)

    def _ours(self, name: str, token: str, until: float) -> Versioned | None:
        try:
            state = self.read(name, until)
        except (BlobError, IndexNotFound):
            return None
        return state if state.index.has_applied(token) else None
