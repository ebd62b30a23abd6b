"""Restore an earlier state of an index, and copy a state to a new index; the store copies the bytes itself.

| when the restore begins, the index | the earlier state is written                  |
|------------------------------------|-----------------------------------------------|
| exists                             | if it still has the ETag that it had then     |
| exists, but is not readable        | the same                                      |
| was deleted                        | if it still does not exist                    |

Otherwise nothing is changed: a restore never undoes a write that it did not see.
"""

from functools import partial

from msgspec import structs

from vectord.errors import (
    BlobError,
    Contended,
    IndexExists,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    ObjectVersionNotFound,
    PreconditionFailed,
    StorageSilent,
    StoreError,
    StoreUnavailable,
    VersionNotFound,
)
from vectord.index import mutations
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import params
from vectord.service.commit.create_delete import ObjectLifecycle, new_object
from vectord.service.commit.loop import CommitLoop
from vectord.service.commit.prepared import PreparedCommit, Staged
from vectord.service.single.index import description_of
from vectord.service.snapshots.cache import Snapshot, SnapshotReader
from vectord.service.snapshots.versions import Versions, VersionSnapshot, check_unsharded
from vectord.service.values.options import NO_INDEX_ETAG, UNCONDITIONAL, Deadline, WriteOptions
from vectord.service.values.results import Description
from vectord.storage.base import Condition, IfAbsent, IfMatch


class History:
    """Restores and copies the indexes of one store."""

    def __init__(
        self,
        reader: SnapshotReader,
        versions: Versions,
        commits: CommitLoop,
        objects: ObjectLifecycle,
        thresholds: Thresholds | None = None,
    ) -> None:
        self._reader, self._versions, self._commits, self._objects = reader, versions, commits, objects
        self._thresholds = thresholds or Thresholds()

    def restore(self, name: str, as_of: str, deadline: Deadline, write: WriteOptions = UNCONDITIONAL) -> Description:
        """Make an earlier state, `as_of` as in `Versions.open`, the present one.

        The index keeps its record of applied commits, uploads and idempotency keys, so that repeats change nothing; and
        what makes it an index of a vector bucket, or a native one. In the precondition, NO_INDEX_ETAG stands for an
        index that does not exist.

        Raises:
            PreconditionFailed: the index changed since the restore began, or has another ETag; nothing was changed.
            IndexNotFound, VersionNotFound, RequestInvalid, BlobError, Contended, OutcomeUnknown, StorageSilent,
            StoreRefused
        """
        present = self._present(name, deadline)
        etag = present.etag if isinstance(present, Snapshot) else present
        if write.precondition is not None and (etag or NO_INDEX_ETAG) not in write.precondition:
            raise PreconditionFailed(name)
        earlier = self._versions.open(name, as_of, deadline)
        try:
            if isinstance(present, Snapshot):
                return description_of(self._restore_readable(name, present, earlier, deadline))
            return description_of(
                self._restore_object(name, IfMatch(present) if present else IfAbsent(), earlier, deadline)
            )
        except ObjectVersionNotFound as error:
            raise VersionNotFound(name, as_of) from error

    def copy(self, name: str, to: str, deadline: Deadline, as_of: str | None = None) -> Description:
        """Copy index `name`, in its present or an earlier state, to a new index `to`.

        The copy does not record the commits, uploads and idempotency keys of the original, and is in no vector bucket.

        Raises:
            RequestInvalid: `to` is not a valid name, or the index is sharded.
            IndexExists: an index `to` already exists.
            Contended: the index changed during each attempt; nothing was written.
            StorageSilent: the last attempt got no answer; nothing was written.
            IndexNotFound, VersionNotFound, BlobError, OutcomeUnknown, StoreRefused
        """
        params.check_name(to)
        if self._reader.exists(to, deadline):
            raise IndexExists(to)
        failure: StoreError | None = None
        for attempt in range(self._reader.retry_policy.max_attempts):
            if attempt and not self._reader.retry_policy.wait(attempt, self._reader.environment, deadline):
                break
            failure = None
            try:
                copied = self._copy_once(name, to, deadline, as_of)
            except (ObjectNotFound, ObjectChanged, StoreUnavailable) as error:
                failure = error  # the index was deleted, as the next read shows, or it changed; nothing was written
                continue
            except ObjectVersionNotFound as error:
                raise VersionNotFound(name, as_of or "") from error
            if copied:
                return description_of(copied)
            # Either `to` exists, or the source changed after it was read.
            if self._reader.exists(to, deadline):
                raise IndexExists(to)
        if isinstance(failure, StoreUnavailable):
            raise StorageSilent from failure
        raise Contended(name)

    def _present(self, name: str, deadline: Deadline) -> Snapshot | str | None:
        """Return the present state; only its ETag if it is not readable; None if the index does not exist."""
        try:
            snapshot = self._reader.present(name, deadline)
        except BlobError:
            return self._reader.etag(name, deadline)
        except IndexNotFound:
            return None
        check_unsharded(snapshot.index, name)
        return snapshot

    def _restore_readable(self, name: str, present: Snapshot, earlier: VersionSnapshot, deadline: Deadline) -> Snapshot:
        commit_id = self._reader.environment.new_id()
        body = Staged(name, earlier.state.etag, earlier.version)

        def prepare(state: Snapshot, _: int) -> PreparedCommit[None]:
            index = structs.replace(
                earlier.state.index, applied=state.index.applied, bucket_index=state.index.bucket_index
            )
            new = new_object(body, index, name=name, commit_id=commit_id, thresholds=self._thresholds)
            return PreparedCommit(state, new.encoded, None, body)

        try:
            return self._commits.commit(name, commit_id, prepare, deadline, WriteOptions({present.etag})).state
        except IndexNotFound as error:
            raise PreconditionFailed(name) from error

    def _restore_object(
        self, name: str, condition: Condition, earlier: VersionSnapshot, deadline: Deadline
    ) -> Snapshot:
        commit_id = self._reader.environment.new_id()
        body = Staged(name, earlier.state.etag, earlier.version)
        new = partial(
            new_object,
            body,
            earlier.state.index,
            name=name,
            commit_id=commit_id,
            thresholds=self._thresholds,
            condition=condition,
        )
        try:
            restored = self._objects.put(name, commit_id, self._reader.retry(deadline, new), deadline)
        except ObjectNotFound as error:
            raise PreconditionFailed(name) from error
        if restored is None:
            raise PreconditionFailed(name)
        return restored

    def _copy_once(self, name: str, to: str, deadline: Deadline, as_of: str | None) -> Snapshot | None:
        state, version = self._source(name, deadline, as_of)
        commit_id = self._reader.environment.new_id()
        body, applied = Staged(name, state.etag, version), mutations.with_creation((), commit_id)
        index = structs.replace(state.index, applied=applied, bucket_index=None)
        new = new_object(body, index, name=to, commit_id=commit_id, thresholds=self._thresholds)
        return self._objects.put(to, commit_id, new, deadline)

    def _source(self, name: str, deadline: Deadline, as_of: str | None) -> tuple[Snapshot, str | None]:
        if as_of is not None:
            earlier = self._versions.open(name, as_of, deadline)
            return earlier.state, earlier.version
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        snapshot = self._reader.present(name, deadline)
        check_unsharded(snapshot.index, name)
        return snapshot, None
