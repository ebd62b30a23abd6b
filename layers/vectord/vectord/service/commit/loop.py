"""The commit loop: one conditional PUT for each attempt, retried within a deadline, with a known outcome if possible.

An operation that lost a race is stored, and committed together with those of other writers (turns.py).

| storage answers           | it means                        | what happens                                      |
|---------------------------|---------------------------------|---------------------------------------------------|
| an ETag                   | committed                       | done                                              |
| the condition failed      | another writer won, or our own  | read again: done if the state has our commit,     |
|                           | write won and its reply is lost | else apply the change to the new state and repeat |
| a conflict                | an operation is in progress     | wait, read again, write again                     |
| no object on If-Match     | the index was deleted meanwhile | not found; never created again                    |
| nothing, a reset or a 5xx | unknown                         | read again, look for our commit before any retry  |
"""

import zlib
from functools import partial
from typing import Final

from vectord.errors import (
    BlobError,
    ConditionFailed,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StorageSilent,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    Unavailable,
    WriteConflict,
)
from vectord.index import mutations
from vectord.index.codec import encode
from vectord.index.codec.reads import read_ahead
from vectord.index.thresholds import Thresholds
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.idempotency import Keyed, is_repeat
from vectord.service.commit.operations import OfIndex
from vectord.service.commit.pending import PendingChanges
from vectord.service.commit.prepared import Change, Committed, Effect, Operation, Prepare, PreparedCommit, Wait, cause
from vectord.service.commit.turns import ToCommit, Work
from vectord.service.snapshots.cache import Snapshot, SnapshotReader
from vectord.service.values.environment import Commit
from vectord.service.values.options import UNCONDITIONAL, Deadline, WriteOptions
from vectord.storage.base import IfMatch, WriteInProgress, local_files

_STREAK_SECONDS: Final = 10.0  # between two changes of a streak
_FIRST_LOOKS: Final = 2  # changes of a streak that look for others, after its first one
_LOOK_SECONDS: Final = 2.0  # between two looks of the later ones


class CommitLoop:
    """Commits changes of the indexes in one store."""

    def __init__(
        self,
        reader: SnapshotReader,
        thresholds: Thresholds | None = None,
        build_policy: BuildPolicy | None = None,
    ) -> None:
        self._reader, self._environment = reader, reader.environment
        self._thresholds, self._build_policy = thresholds or Thresholds(), build_policy
        self._local_files = local_files(reader.store)
        self._pending = PendingChanges(reader.store, reader.environment)
        self._streak, self._looked = ("", 0.0, 0), 0.0  # of its last change: index, time, changes before it
        self._written: dict[str, float] = {}  # by index, the time of the last change

    def apply(
        self, base: Snapshot, operation: Operation, deadline: Deadline, write: WriteOptions = UNCONDITIONAL
    ) -> Committed[Effect]:
        """Apply `operation` to the present state of an index and commit the result; write nothing if it is the same.

        `base` is the present state that the caller has just opened. A repeated write satisfies every precondition.
        Without a precondition, an operation that lost a race is committed together with those of other writers.

        Raises:
            PreconditionFailed, IndexReplaced, and what the operation and `commit` raise
            DeadlineExceeded: applying ended after the deadline; nothing was written.
        """
        name, commit_id = base.name, self._environment.new_id()
        check = partial(self._environment.check, deadline)
        operation = operation if write.key is None else Keyed(operation, write.key)
        operation = operation if write.identity is None else OfIndex(operation, write.identity)
        work = Work(commit_id, partial(operation.apply, name=name, check=check), operation.adds, check)
        work.operation = operation if write.precondition is None else None
        try:
            prepare = partial(self._prepare, work, deadline)
            committed = self.commit(name, commit_id, prepare, deadline, write, snapshot=base)
        except (Unavailable, StoreRefused) as error:
            if work.turn and work.turn.is_stored:
                raise OutcomeUnknown(name) from error
            raise
        finally:
            if work.turn:
                work.turn.end()
        return self._requested(name, work.turn.result(committed) if work.turn else committed)

    def change(self, name: str, change: Change, deadline: Deadline, *, adds: int = 0) -> Committed[Effect]:
        """Do the same as `apply` with a function, which this process alone can call: a lost race repeats it."""
        commit_id = self._environment.new_id()
        work = Work(commit_id, change, adds, partial(self._environment.check, deadline))
        return self._requested(name, self.commit(name, commit_id, partial(self._prepare, work, deadline), deadline))

    def _requested(self, name: str, committed: Committed[Effect]) -> Committed[Effect]:
        """Remember the change, and request a compaction if the commit left a build to it."""
        self._written[name] = self._environment.now()
        if committed.build_deferred and self._build_policy:
            self._build_policy.request_compaction(name, committed.state.index)
        return committed

    def _prepare(
        self, work: Work, deadline: Deadline, state: Snapshot, lost: int
    ) -> PreparedCommit[Effect] | Committed[Effect] | Wait:
        name, change, adds, waited = state.name, work.change, work.adds, lost > 0
        gave_way = work.first is not None and work.first.gave_way
        if work.operation and (work.turn or lost or gave_way or self._others_wait(state)):
            turn = work.turn or work.begin_turn(self._pending, self._environment, name, deadline)
            found = turn.next(state, lost, work.check)
            if not isinstance(found, ToCommit):
                return found
            change, adds, waited = found.change, found.adds, True
        index, base = state.index, state.index.base
        if adds and base and base.parts:
            index = read_ahead(index, base, adds, self._thresholds)
        changed, effect = change(index)
        work.check()
        if changed is index:
            return Committed(effect, state)
        policy, thresholds = self._build_policy, self._thresholds
        deferred = policy is not None and policy.is_deferred(changed, thresholds, deadline)
        encoded = encode.encode(
            changed,
            name,
            work.commit_id,
            thresholds=thresholds,
            rebuild=False if deferred or waited else None,  # a build would lose the next race
            codes_before_build=self._local_files is None,
            crc32=self._local_files.crc32 if self._local_files else zlib.crc32,
        )
        if self._local_files and encoded.copied is None:
            missing = self._local_files.missing_bytes(encoded.parts)
            encoded = encoded.with_longer_head(missing) if missing else encoded
        prepared = PreparedCommit(state, encoded, effect, build_deferred=deferred, can_wait=work.operation is not None)
        prepared.gives_way = prepared.can_wait and work.first is None and not waited and not self._has_written(name)
        work.first = work.first or prepared
        return prepared

    def _others_wait(self, state: Snapshot) -> bool:
        """Return True if other writers of the index probably wait for their turns; call it once for each change."""
        if mutations.following_race(state.index.applied, state.index.commit):
            return True
        # The index does not tell if one fast writer wins every race. So in a streak it looks, first at each change.
        (name, last, before), now = self._streak, self._environment.now()
        before = before + 1 if name == state.name and now - last < _STREAK_SECONDS else 0
        self._streak = (state.name, now, before)
        if not before or (before > _FIRST_LOOKS and now - self._looked < _LOOK_SECONDS):
            return False
        self._looked = now
        return self._pending.someone_waits(state.name)

    def _has_written(self, name: str) -> bool:
        """Return True if this process has changed the index just before, so that it knows of other writers."""
        since = self._environment.now() - _STREAK_SECONDS
        self._written = {one: at for one, at in list(self._written.items()) if at > since}
        return name in self._written

    def commit[R](
        self,
        name: str,
        commit_id: str,
        prepare: Prepare[R],
        deadline: Deadline,
        write: WriteOptions = UNCONDITIONAL,
        *,
        snapshot: Snapshot | None = None,
    ) -> Committed[R]:
        """Call `prepare` with the present state and commit the result as `commit_id`; repeat both for each new state.

        `prepare` also gets the number of conditional writes that were lost. Nothing is written if it returns
        `Committed`, or `Wait`. The first attempt uses `snapshot`, if given. Attempts that met a new state of the index
        are bounded by the deadline alone.

        Raises:
            IndexNotFound, BlobError, PreconditionFailed, StoreRefused, and what `prepare` raises
            ObjectChanged: the index of `snapshot` was replaced by a sharded one; open it again.
            Contended: every attempt met a conflict; nothing was changed.
            OutcomeUnknown: the last attempt got no answer, or the read after a refused one got none.
            StorageSilent: the first read, or the last one for `prepare`, got no answer; nothing was changed.
        """
        prepared: PreparedCommit[R] | None = None
        failure: StoreError | None = None
        failed, lost = 0, 0  # failed: attempts since the index last changed
        state = snapshot or self._present(name, deadline, None)
        while True:
            if prepared and state.index.has_applied(commit_id):
                return self._found(prepared, state)
            _check(state, name, write, snapshot)
            outcome: PreparedCommit[R] | Committed[R] | Wait | None = prepared
            failure = None
            if prepared is None or prepared.base.etag != state.etag or prepared.is_void:
                try:
                    outcome = prepare(state, lost)
                except (ObjectChanged, StoreUnavailable, WriteConflict) as error:
                    outcome, failure = None, error
                except BlobError as error:
                    raise error.with_index(name) from error
            if isinstance(outcome, Committed):
                return outcome
            if isinstance(outcome, PreparedCommit):
                prepared = outcome
                if committed := self._write(name, commit_id, prepared):
                    return Committed(prepared.result, committed, prepared.build_deferred)
            if not self._pause(outcome, failed + 1, deadline):
                break
            before, state = state, self._present(name, deadline, prepared)
            failed = 0 if state.etag != before.etag else failed + (not isinstance(outcome, Wait))
            if isinstance(outcome, PreparedCommit):
                lost += not outcome.gave_way and (state.etag != before.etag or outcome.is_void)
        return self._resolve_outcome(name, commit_id, prepared, failure, deadline)

    def _pause(self, outcome: object, attempt: int, deadline: Deadline) -> bool:
        """Wait before the next attempt; return False if there is none before the deadline."""
        if isinstance(outcome, Wait):
            return self._environment.pause(outcome.seconds, deadline)
        policy = self._reader.retry_policy
        return attempt < policy.max_attempts and policy.wait(attempt, self._environment, deadline)

    def _present[R](self, name: str, deadline: Deadline, prepared: PreparedCommit[R] | None) -> Snapshot:
        try:
            return self._reader.present(name, deadline)
        except StorageSilent as error:
            if prepared and (prepared.unknown or prepared.refused):
                raise OutcomeUnknown(name) from error
            raise

    def _write[R](self, name: str, commit_id: str, prepared: PreparedCommit[R]) -> Snapshot | None:
        """Return the committed state, None if the write was refused or got no answer."""
        sent_at = self._environment.now()
        try:
            etag = self._put(name, prepared, commit_id)
        except ObjectNotFound as error:
            self._reader.cache.forget(name)
            raise IndexNotFound(name) from error
        except WriteInProgress:
            prepared.conflict = prepared.gave_way = True
            return None
        except (ConditionFailed, WriteConflict) as error:
            self._environment.meter.add("Conflicts")
            prepared.refused |= isinstance(error, ConditionFailed)
            prepared.conflict |= isinstance(error, WriteConflict)
            return None
        except StoreUnavailable:
            prepared.unknown = True
            return None
        meter = self._environment.meter
        meter.add("Commits")
        meter.commits.append(Commit(name, prepared.base.etag, etag))
        cache = self._reader.cache
        committed = cache.opener.open_committed(name, prepared.encoded, etag, prepared.base.index)
        return cache.keep(committed, sent_at)

    def _found[R](self, prepared: PreparedCommit[R], state: Snapshot) -> Committed[R]:
        """Return the result of a commit whose reply was lost, with the state that was read since."""
        self._environment.meter.commits.append(Commit(state.name, prepared.base.etag, state.etag))
        return Committed(prepared.result, state, prepared.build_deferred)

    def _put[R](self, name: str, prepared: PreparedCommit[R], commit_id: str) -> str:
        encoded, condition = prepared.encoded, IfMatch(prepared.base.etag)
        if encoded.copied is not None:
            return prepared.splice(self._reader.store, commit_id)
        if self._local_files:
            return self._local_files.put_parts(name, encoded.parts, condition, commit_id)
        return self._reader.store.put(name, encoded.blob, condition, commit_id)

    def _resolve_outcome[R](
        self,
        name: str,
        commit_id: str,
        prepared: PreparedCommit[R] | None,
        failure: StoreError | None,
        deadline: Deadline,
    ) -> Committed[R]:
        """Read, after the last attempt, whether an attempt was applied; `failure` ended the last attempt early."""
        state = self._present(name, deadline, prepared)
        if prepared and state.index.has_applied(commit_id):
            return self._found(prepared, state)
        raise cause(prepared, state, failure) from failure


def _check(state: Snapshot, name: str, write: WriteOptions, snapshot: Snapshot | None) -> None:
    """Raise what `CommitLoop.commit` raises of a state in which the change must not be made."""
    if snapshot and state.index.params.shards:
        raise ObjectChanged(name)
    if write.precondition is None or state.etag in write.precondition:
        return
    if write.key is None or not is_repeat(name, write.key, state.index):  # a repeat satisfies every precondition
        raise PreconditionFailed(name)
