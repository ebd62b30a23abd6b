"""Create, replace and delete one object: one conditional request for each attempt, retried as in `commit.loop`."""

from typing import Final

import msgspec

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
from vectord.index.codec import encode
from vectord.index.codec.encode import PreparedBlob
from vectord.index.state import Index
from vectord.index.thresholds import Thresholds
from vectord.service.commit.loop import Staged
from vectord.service.snapshots.cache import Snapshot, SnapshotReader
from vectord.service.values.options import UNCONDITIONAL, Deadline, WriteOptions
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch

_IF_ABSENT: Final = IfAbsent()


class NewObject(msgspec.Struct, frozen=True):
    """An index to write where there is none that is readable; `source` holds the bytes that `encoded` copies."""

    index: Index
    encoded: PreparedBlob
    source: CopySource | None = None
    condition: Condition = _IF_ABSENT


def new_object(
    body: Staged, index: Index, *, name: str, token: str, thresholds: Thresholds, condition: Condition = _IF_ABSENT
) -> NewObject:
    """Return what makes `index`, whose bytes are in the object `body`, the index `name` as commit `token`.

    The graph is not rebuilt, even if a build is due.

    Raises:
        BlobError, ObjectChanged, ObjectVersionNotFound, StoreUnavailable: while ranges of it were read.
    """
    try:
        encoded = encode.encode(index, name, token, thresholds=thresholds, rebuild=False)
    except BlobError as error:
        raise error.with_index(body.name) from error
    source = CopySource(body.name, body.etag, *encoded.copied, body.version) if encoded.copied else None
    return NewObject(index, encoded, source, condition)


class ObjectLifecycle:
    """Creates and deletes the objects of indexes in one store."""

    def __init__(self, reader: SnapshotReader, thresholds: Thresholds | None = None) -> None:
        self._reader, self._environment, self._store = reader, reader.environment, reader.store
        self._thresholds = thresholds or Thresholds()

    def create(self, index: Index, deadline: Deadline) -> Snapshot:
        """Write a new index.

        Raises:
            IndexExists: there is another index of that name.
            Contended, OutcomeUnknown, StoreRefused
        """
        name, token = index.params.name, self._environment.new_id()
        new = NewObject(index, encode.encode(index, name, token, thresholds=self._thresholds))
        placed = self.place(name, token, new, deadline)
        if placed is None:
            raise IndexExists(name)
        return placed

    def place(self, name: str, token: str, new: NewObject, deadline: Deadline) -> Snapshot | None:
        """Write `new`, as commit `token`, under `name`; return None if its condition does not hold.

        Raises:
            Contended, OutcomeUnknown, StoreRefused
            ObjectNotFound, ObjectVersionNotFound: the source or the object to replace is gone; nothing was written.
        """
        unknown = False
        for attempt in range(self._reader.retry_policy.max_attempts):
            if attempt and not self._reader.retry_policy.wait(attempt, self._environment, deadline):
                break
            sent_at = self._environment.now()
            try:
                etag = self._write(name, token, new)
            except ConditionFailed:
                # Even the first answer may be the answer to our own request, which arrived twice.
                return self._ours(name, token, new, deadline, unknown=unknown, refused=True)
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
                cache = self._reader.cache
                return cache.keep(cache.opener.open_committed(name, new.encoded, etag, new.index), sent_at)
        return self._ours(name, token, new, deadline, unknown=unknown)

    def _write(self, name: str, token: str, new: NewObject) -> str:
        encoded = new.encoded
        if new.source is None:
            return self._store.put(name, encoded.blob, new.condition, token)
        return self._store.splice(
            name, encoded.head, new.source, encoded.new_bytes, condition=new.condition, commit=token
        )

    def delete(self, name: str, deadline: Deadline, write: WriteOptions = UNCONDITIONAL) -> None:
        """Delete index `name`, readable or not; leave alone an index that is created under that name afterwards.

        Raises:
            IndexNotFound, PreconditionFailed, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        unanswered: str | None = None  # the ETag of a delete that got no answer
        refused = False  # this may be the answer to our own request, which arrived twice
        for attempt in range(self._reader.retry_policy.max_attempts):
            if attempt and not self._reader.retry_policy.wait(attempt, self._environment, deadline):
                break
            etag = self._to_delete(name, deadline, unanswered, refused=refused)
            if etag is None:
                return
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
            return
        if self._to_delete(name, deadline, unanswered, refused=refused) is not None:
            raise (OutcomeUnknown if unanswered else Contended)(name)

    def _to_delete(self, name: str, deadline: Deadline, unanswered: str | None, *, refused: bool) -> str | None:
        """Return the ETag of the object to delete, None if a delete without an answer has deleted it."""
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
            # Changed since, or deleted by us and created again by others: this object is not ours to delete.
            raise OutcomeUnknown(name)
        return etag

    def _ours(
        self, name: str, token: str, new: NewObject, deadline: Deadline, *, unknown: bool, refused: bool = False
    ) -> Snapshot | None:
        """Return the state that our write led to, None if storage shows that it was not applied or `refused` it."""
        try:
            state = self._reader.present(name, deadline)
        except BlobError as error:
            if unknown and isinstance(new.condition, IfMatch):
                raise OutcomeUnknown(name) from error  # it may be the object that we wanted to replace
            return None
        except IndexNotFound as error:
            if refused and not unknown:
                return None
            raise (OutcomeUnknown if unknown else Contended)(name) from error
        except StorageSilent as error:
            raise (OutcomeUnknown if unknown or refused else Contended)(name) from error
        return state if state.index.has_applied(token) else None
