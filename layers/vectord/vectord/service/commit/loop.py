"""CommitLoop: one conditional PUT each, retried within bounds, the outcome known at the end wherever it can be.

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

import msgspec

from vectord.errors import (
    BlobError,
    ConditionFailed,
    Contended,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StorageSilent,
    StoreUnavailable,
    WriteConflict,
)
from vectord.index.codec import encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.service.maintenance.policy import BuildPolicy
from vectord.service.snapshots.cache import Snapshot
from vectord.service.snapshots.reader import SnapshotReader
from vectord.storage.base import CopySource, IfMatch

type Change[R] = Callable[[Index], tuple[Index, R]]


class Committed[R](msgspec.Struct, frozen=True):
    """What a change answered, and the state it led to."""

    result: R
    state: Snapshot


class Staged(msgspec.Struct, frozen=True):
    """An object of the store that holds a body, and its ETag; with `version`, that version of it."""

    name: str
    etag: str
    version: str | None = None


class PreparedCommit[R](msgspec.Struct):
    """A change applied to the state at `base`: what to write for it, and what to answer.

    `staged` holds what `encoded` keeps, where that is not the object at `base`; `unknown` once a write got no answer,
    `refused` once its condition failed, which may be the answer to a request of ours that arrived twice.
    """

    base: Snapshot
    encoded: PreparedBlob
    result: R
    staged: Staged | None = None
    unknown: bool = False
    refused: bool = False


type Prepare[R] = Callable[[Snapshot], PreparedCommit[R] | Committed[R]]


class CommitLoop:
    """Changes of indexes."""

    def __init__(
        self, reads: SnapshotReader, sizes: Thresholds | None = None, rebuilds: BuildPolicy | None = None
    ) -> None:
        self._reads, self._world = reads, reads.environment
        self._sizes, self._rebuilds = sizes or Thresholds(), rebuilds or BuildPolicy(reads.environment)

    def change[R](
        self,
        name: str,
        change: Change[R],
        until: float,
        expected: Container[str] | None = None,
        *,
        repeats: Callable[[Index], bool] = lambda _: False,
    ) -> Committed[R]:
        """Apply `change` to the present state and commit what it returns; nothing is written if it returns its input.

        `expected` holds the ETags that the caller allows as the state before, None for any; a state that `repeats`
        knows to come of this change is allowed as well.

        Raises:
            PreconditionFailed, whatever `change` raises, and as `commit` does
        """
        token, sizes, rebuilds = self._world.new_id(), self._sizes, self._rebuilds
        put_off = False

        def draw(state: Snapshot) -> PreparedCommit[R] | Committed[R]:
            nonlocal put_off
            changed, result = change(state.index)
            if changed is state.index:
                put_off = False
                return Committed(result, state)
            put_off = rebuilds.is_put_off(changed, sizes, until)
            encoded = encode.encode(changed, name, token, thresholds=sizes, rebuild=False if put_off else None)
            return PreparedCommit(state, encoded, result)

        done = self.commit(name, token, draw, until, expected, repeats=repeats)
        if put_off:
            rebuilds.hand_over(name)
        return done

    def commit[R](
        self,
        name: str,
        token: str,
        draw: Prepare[R],
        until: float,
        expected: Container[str] | None = None,
        *,
        repeats: Callable[[Index], bool] = lambda _: False,
    ) -> Committed[R]:
        """Commit, as `token`, what `draw` makes of the present state; it is drawn again for each state that is met.

        Nothing is written where that is `Committed` as it is.

        Raises:
            IndexNotFound, BlobError, PreconditionFailed, StoreRefused, whatever `draw` raises
            Contended: every attempt lost; nothing was changed.
            OutcomeUnknown: no answer to the last attempt, or to the read after one that was refused.
            StorageSilent: no answer to the first read.
        """
        draft: PreparedCommit[R] | None = None
        for _ in self._reads.retry_policy.attempts(self._world, until):
            state = self._state(name, until, draft)
            if draft and state.index.has_applied(token):
                return Committed(draft.result, state)
            if expected is not None and state.etag not in expected and not repeats(state.index):
                raise PreconditionFailed(name)
            if draft is None or draft.base.etag != state.etag:
                try:
                    drawn = draw(state)
                except (ObjectChanged, StoreUnavailable):
                    continue  # while ranges of the state were read
                except BlobError as error:
                    raise type(error)(error.reason, name) from error
                if isinstance(drawn, Committed):
                    return drawn
                draft = drawn
            if committed := self._write(name, token, draft):
                return Committed(draft.result, committed)
        return self._settle(name, token, draft, until)

    def _state[R](self, name: str, until: float, draft: PreparedCommit[R] | None) -> Snapshot:
        try:
            return self._reads.state(name, until)
        except StorageSilent as error:
            if draft and (draft.unknown or draft.refused):
                raise OutcomeUnknown(name) from error
            raise

    def _write[R](self, name: str, token: str, draft: PreparedCommit[R]) -> Snapshot | None:
        start = self._world.now()
        try:
            etag = self._put(name, draft, token)
        except ObjectNotFound as error:
            self._reads.warm.forget(name)
            raise IndexNotFound(name) from error
        except (ConditionFailed, WriteConflict) as error:
            self._world.meter.add("Conflicts")
            draft.refused |= isinstance(error, ConditionFailed)
            return None
        except StoreUnavailable:
            draft.unknown = True
            return None
        self._world.meter.add("Commits")
        return self._reads.warm.adopt(name, draft.encoded, etag, draft.base.index, since=start)

    def _put[R](self, name: str, draft: PreparedCommit[R], token: str) -> str:
        encoded, before = draft.encoded, draft.base.etag
        if encoded.copied is None:
            return self._reads.store.put(name, encoded.blob, IfMatch(before), token)
        held = draft.staged or Staged(name, before)
        source = CopySource(held.name, held.etag, *encoded.copied, held.version)
        return self._reads.store.splice(
            name, encoded.head, source, encoded.new_bytes, condition=IfMatch(before), commit=token
        )

    def _settle[R](self, name: str, token: str, draft: PreparedCommit[R] | None, until: float) -> Committed[R]:
        """Find out, after the last attempt, what became of it."""
        state = self._state(name, until, draft)
        if draft and state.index.has_applied(token):
            return Committed(draft.result, state)
        # A write without an answer may still arrive while the index is at its base.
        raise (OutcomeUnknown if draft and draft.unknown and state.etag == draft.base.etag else Contended)(name)
