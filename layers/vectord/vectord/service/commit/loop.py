"""The commit loop: one conditional PUT for each attempt, retried within a deadline, with a known outcome if possible.

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
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec

from vectord.errors import (
    BlobError,
    ConditionFailed,
    Contended,
    DeadlineExceeded,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StorageSilent,
    StoreError,
    StoreUnavailable,
    WriteConflict,
)
from vectord.index.codec import encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.codec.reads import read_ahead
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.idempotency import Effect, idempotent, is_repeat
from vectord.service.snapshots.cache import Snapshot, SnapshotReader
from vectord.service.values.environment import Commit
from vectord.service.values.options import UNCONDITIONAL, Deadline, WriteOptions
from vectord.storage.base import CopySource, IfMatch, local_files

type Change = Callable[[Index], tuple[Index, Effect]]


class Committed[R](msgspec.Struct, frozen=True):
    """The result of a change, and the state that it led to; `build_deferred` if that state is due for a build."""

    result: R
    state: Snapshot
    build_deferred: bool = False


class Staged(msgspec.Struct, frozen=True):
    """A stored object that holds the body of an index, and its ETag; with `version`, that version of the object."""

    name: str
    etag: str
    version: str | None = None


class PreparedCommit[R](msgspec.Struct):
    """A change applied to the state `base`: the bytes to write, and the result to return.

    `staged` holds the bytes that `encoded` copies, if that is not the object at `base`. `unknown` is set once a write
    got no answer. `refused` is set once its condition failed, perhaps because S3 received our own write twice.
    """

    base: Snapshot
    encoded: PreparedBlob
    result: R
    staged: Staged | None = None
    build_deferred: bool = False
    unknown: bool = False
    refused: bool = False


type Prepare[R] = Callable[[Snapshot], PreparedCommit[R] | Committed[R]]


class Changes(Protocol):
    """Commits changes of indexes: a `CommitLoop`, or what restricts one to some states."""

    def change(
        self,
        base: Snapshot | str,
        change: Change,
        deadline: Deadline,
        write: WriteOptions = ...,
        *,
        effect_length: int = ...,
        adds: int = ...,
    ) -> Committed[Effect]:
        """Do the same as `CommitLoop.change`."""


class CommitLoop:
    """Commits changes of the indexes in one store."""

    def __init__(
        self,
        reader: SnapshotReader,
        thresholds: Thresholds | None = None,
        build_policy: BuildPolicy | None = None,
    ) -> None:
        self._reader, self._environment = reader, reader.environment
        self._thresholds = thresholds or Thresholds()
        self._build_policy = build_policy
        self._local_files = local_files(reader.store)

    def change(
        self,
        base: Snapshot | str,
        change: Change,
        deadline: Deadline,
        write: WriteOptions = UNCONDITIONAL,
        *,
        effect_length: int = 0,
        adds: int = 0,
    ) -> Committed[Effect]:
        """Apply `change` to the present state of an index and commit the result; write nothing if it is the same index.

        `base` is the present state if the caller has just opened it, otherwise the name of the index. With a key, the
        effect of the change, `effect_length` numbers, is stored, and a repeated write satisfies every precondition.
        A change that `adds` rows, about this many, reads what its commit needs together with its own first read.

        Raises:
            PreconditionFailed, and what `change` and `commit` raise
            DeadlineExceeded: `change` ended after the deadline; nothing was written.
        """
        name, snapshot = (base, None) if isinstance(base, str) else (base.name, base)
        if write.key is not None:
            change = idempotent(name, write.key, effect_length, change)
        commit_id = self._environment.new_id()
        prepare = partial(self._prepare, commit_id, change, deadline, adds)
        committed = self.commit(name, commit_id, prepare, deadline, write, snapshot=snapshot)
        if committed.build_deferred and self._build_policy:
            self._build_policy.request_compaction(name, committed.state.index)
        return committed

    def _prepare(
        self, commit_id: str, change: Change, deadline: Deadline, adds: int, state: Snapshot
    ) -> PreparedCommit[Effect] | Committed[Effect]:
        index, base = state.index, state.index.base
        if adds and base and base.parts:
            index = read_ahead(index, base, adds, self._thresholds)
        changed, effect = change(index)
        if self._environment.now() >= deadline.at:
            raise DeadlineExceeded
        if changed is index:
            return Committed(effect, state)
        policy, thresholds = self._build_policy, self._thresholds
        deferred = policy is not None and policy.is_deferred(changed, thresholds, deadline)
        encoded = encode.encode(
            changed,
            state.name,
            commit_id,
            thresholds=thresholds,
            rebuild=False if deferred else None,
            codes_before_build=self._local_files is None,
            crc32=self._local_files.crc32 if self._local_files else zlib.crc32,
        )
        if self._local_files and encoded.copied is None:
            missing = self._local_files.missing_bytes(encoded.parts)
            encoded = encoded.with_longer_head(missing) if missing else encoded
        return PreparedCommit(state, encoded, effect, build_deferred=deferred)

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

        Nothing is written if `prepare` returns `Committed`. The first attempt uses `snapshot`, if given.

        Raises:
            IndexNotFound, BlobError, PreconditionFailed, StoreRefused, and what `prepare` raises
            ObjectChanged: the index of `snapshot` was replaced by a sharded one; open it again.
            Contended: every attempt met a conflict; nothing was changed.
            OutcomeUnknown: the last attempt got no answer, or the read after a refused one got none.
            StorageSilent: the first read, or the last one for `prepare`, got no answer; nothing was changed.
        """
        prepared: PreparedCommit[R] | None = None
        failure: StoreError | None = None
        for attempt in range(self._reader.retry_policy.max_attempts):
            if attempt and not self._reader.retry_policy.wait(attempt, self._environment, deadline):
                break
            failure = None
            state = snapshot if snapshot and not attempt else self._present(name, deadline, prepared)
            if prepared and state.index.has_applied(commit_id):
                return self._found(prepared, state)
            if snapshot and state.index.params.shards:
                raise ObjectChanged(name)
            if not _is_allowed(state, name, write):
                raise PreconditionFailed(name)
            if prepared is None or prepared.base.etag != state.etag:
                try:
                    outcome = prepare(state)
                except (ObjectChanged, StoreUnavailable) as error:
                    failure = error  # a read of ranges of the state failed
                    continue
                except BlobError as error:
                    raise error.with_index(name) from error
                if isinstance(outcome, Committed):
                    return outcome
                prepared = outcome
            if committed := self._write(name, commit_id, prepared):
                return Committed(prepared.result, committed, prepared.build_deferred)
        return self._resolve_outcome(name, commit_id, prepared, failure, deadline)

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
        except (ConditionFailed, WriteConflict) as error:
            self._environment.meter.add("Conflicts")
            prepared.refused |= isinstance(error, ConditionFailed)
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
        encoded, base_etag = prepared.encoded, prepared.base.etag
        if encoded.copied is None:
            return self._put_whole(name, encoded, IfMatch(base_etag), commit_id)
        body = prepared.staged or Staged(name, base_etag)
        source = CopySource(body.name, body.etag, *encoded.copied, body.version)
        return self._reader.store.splice(name, encoded.front, source, condition=IfMatch(base_etag), commit=commit_id)

    def _put_whole(self, name: str, encoded: PreparedBlob, condition: IfMatch, commit_id: str) -> str:
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
        # A write without an answer may still be applied while the index has the ETag of its base.
        if prepared and prepared.unknown and state.etag == prepared.base.etag:
            raise OutcomeUnknown(name)
        if isinstance(failure, StoreUnavailable):
            raise StorageSilent from failure
        raise Contended(name)


def _is_allowed(state: Snapshot, name: str, write: WriteOptions) -> bool:
    """Return True if the state satisfies the precondition, or if it already contains this write."""
    if write.precondition is None or state.etag in write.precondition:
        return True
    return write.key is not None and is_repeat(name, write.key, state.index)
