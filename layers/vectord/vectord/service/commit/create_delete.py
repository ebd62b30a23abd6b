"""Create, replace and delete one object: one conditional request for each attempt, retried as in `commit.loop`."""

from functools import partial
from typing import Final

import msgspec
from msgspec import structs

from vectord.errors import (
    BlobError,
    ConditionFailed,
    Contended,
    IndexExists,
    IndexNotFound,
    ObjectNotFound,
    ObjectVersionNotFound,
    OutcomeUnknown,
    PreconditionFailed,
    StorageSilent,
    StoreUnavailable,
    WriteConflict,
)
from vectord.index import mutations
from vectord.index.codec import encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.service.commit.pending import PendingChanges
from vectord.service.commit.prepared import Staged
from vectord.service.snapshots.cache import Snapshot, SnapshotReader
from vectord.service.values.environment import Commit
from vectord.service.values.options import UNCONDITIONAL, Deadline, WriteOptions
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch

_IF_ABSENT: Final = IfAbsent()


class NewObject(msgspec.Struct, frozen=True):
    """An index to write as a new object or over an unreadable one; `source` has the bytes that `encoded` copies."""

    index: Index
    encoded: PreparedBlob
    source: CopySource | None = None
    condition: Condition = _IF_ABSENT


def new_object(
    body: Staged, index: Index, *, name: str, commit_id: str, thresholds: Thresholds, condition: Condition = _IF_ABSENT
) -> NewObject:
    """Prepare to write `index`, whose bytes are in the object `body`, under `name`.

    The graph is not rebuilt, even if a build is due.

    Raises:
        BlobError, ObjectChanged, ObjectVersionNotFound, StoreUnavailable: a read of ranges of `body` failed.
    """
    try:
        encoded = encode.encode(index, name, commit_id, thresholds=thresholds, rebuild=False)
    except BlobError as error:
        raise error.with_index(body.name) from error
    source = CopySource(body.name, body.etag, *encoded.copied, body.version) if encoded.copied else None
    return NewObject(index, encoded, source, condition)


class ObjectLifecycle:
    """Creates and deletes the objects of indexes in one store."""

    def __init__(self, reader: SnapshotReader, thresholds: Thresholds | None = None) -> None:
        self._reader, self._environment, self._store = reader, reader.environment, reader.store
        self._thresholds = thresholds or Thresholds()
        self._pending = PendingChanges(reader.store, reader.environment)

    def create(self, index: Index, deadline: Deadline) -> Snapshot:
        """Write a new index.

        Raises:
            IndexExists: another index has that name.
            Contended, OutcomeUnknown, StoreRefused
        """
        name, commit_id = index.params.name, self._environment.new_id()
        index = structs.replace(index, applied=mutations.with_creation(index.applied, commit_id))
        new = NewObject(index, encode.encode(index, name, commit_id, thresholds=self._thresholds))
        created = self.put(name, commit_id, new, deadline)
        if created is None:
            raise IndexExists(name)
        return created

    def put(self, name: str, commit_id: str, new: NewObject, deadline: Deadline) -> Snapshot | None:
        """Write `new`, as commit `commit_id`, under `name`; return None if its condition does not hold.

        Before, pending changes of an earlier index of that name are deleted: they are not applied to the new one.

        Raises:
            Contended, OutcomeUnknown, StorageSilent, StoreRefused
            ObjectNotFound, ObjectVersionNotFound: the source, or the object to replace, does not exist.
                Nothing was written.
        """
        self._reader.retry(deadline, partial(self._pending.clear, name))
        unknown = False
        for attempt in range(self._reader.retry_policy.max_attempts):
            if attempt and not self._reader.retry_policy.wait(attempt, self._environment, deadline):
                break
            sent_at = self._environment.now()
            try:
                etag = self._put_once(name, commit_id, new)
            except ConditionFailed:
                # Even after one attempt, S3 may have received our request twice and refused the second one.
                return self._find_own_write(name, commit_id, new, deadline, unknown=unknown, refused=True)
            except (ObjectNotFound, ObjectVersionNotFound) as error:
                if unknown:
                    raise OutcomeUnknown(name) from error
                raise
            except WriteConflict:
                self._environment.meter.add("Conflicts")
            except StoreUnavailable:
                unknown = True
            else:
                self._environment.meter.add("Commits")
                self._record(name, _etag_before(new), etag)
                cache = self._reader.cache
                return cache.keep(cache.opener.open_committed(name, new.encoded, etag, new.index), sent_at)
        return self._find_own_write(name, commit_id, new, deadline, unknown=unknown)

    def _put_once(self, name: str, commit_id: str, new: NewObject) -> str:
        encoded = new.encoded
        if new.source is None:
            return self._store.put(name, encoded.blob, new.condition, commit_id)
        return self._store.splice(name, encoded.front, new.source, condition=new.condition, commit=commit_id)

    def delete(self, name: str, deadline: Deadline, write: WriteOptions = UNCONDITIONAL) -> None:
        """Delete index `name`, readable or not; never delete an index that is created under that name afterwards.

        Raises:
            IndexNotFound, PreconditionFailed, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        unanswered: str | None = None  # the ETag of a delete that got no answer
        refused = False  # a delete was refused, perhaps because S3 received our request twice
        for attempt in range(self._reader.retry_policy.max_attempts):
            if attempt and not self._reader.retry_policy.wait(attempt, self._environment, deadline):
                break
            etag = self._etag_to_delete(name, deadline, unanswered, refused=refused)
            if etag is None:
                return self._record(name, unanswered, None)
            if write.precondition is not None and etag not in write.precondition:
                raise PreconditionFailed(name)
            try:
                self._store.delete(name, IfMatch(etag))
            except (ObjectNotFound, ConditionFailed, WriteConflict) as error:
                self._environment.meter.add("Conflicts")
                refused |= not isinstance(error, WriteConflict)
                continue
            except StoreUnavailable:
                unanswered = etag
                continue
            self._reader.cache.forget(name)
            return self._record(name, etag, None)
        if self._etag_to_delete(name, deadline, unanswered, refused=refused) is not None:
            raise (OutcomeUnknown if unanswered else Contended)(name)
        return self._record(name, unanswered, None)

    def _record(self, name: str, before: str | None, after: str | None) -> None:
        self._environment.meter.commits.append(Commit(name, before, after))

    def _etag_to_delete(self, name: str, deadline: Deadline, unanswered: str | None, *, refused: bool) -> str | None:
        """Return the ETag of the object to delete; None if an earlier delete, which got no answer, deleted it."""
        try:
            etag = self._reader.etag(name, deadline)
        except IndexNotFound:
            if unanswered is None:
                raise
            return None
        except StorageSilent as error:
            if unanswered or refused:
                raise OutcomeUnknown(name) from error
            raise
        if unanswered not in (None, etag):
            # It was changed, or we deleted it and another caller created it again: do not delete that object.
            raise OutcomeUnknown(name)
        return etag

    def _find_own_write(
        self, name: str, commit_id: str, new: NewObject, deadline: Deadline, *, unknown: bool, refused: bool = False
    ) -> Snapshot | None:
        """Return the state if it contains our commit; None if the write was not applied, and its condition fails now.

        `unknown`: some attempt got no answer. `refused`: the condition of the last attempt failed.
        """
        try:
            state = self._reader.present(name, deadline)
        except BlobError as error:
            if isinstance(new.condition, IfMatch) and (unknown or not refused):
                # It may be the object to replace; a write that got no answer may still arrive.
                raise (OutcomeUnknown if unknown else Contended)(name) from error
            return None
        except IndexNotFound as error:
            if refused and not unknown:
                return None
            raise (OutcomeUnknown if unknown else Contended)(name) from error
        except StorageSilent as error:
            raise (OutcomeUnknown if unknown or refused else Contended)(name) from error
        if state.index.has_applied(commit_id):
            self._record(name, _etag_before(new), state.etag)
            return state
        if new.condition == IfMatch(state.etag):  # the condition still holds
            raise (OutcomeUnknown if unknown else Contended)(name)
        return None


def _etag_before(new: NewObject) -> str | None:
    """Return the ETag of the object that `new` replaces, None if there is none."""
    return new.condition.etag if isinstance(new.condition, IfMatch) else None
