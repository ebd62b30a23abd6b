"""Creation and deletion of indexes: one conditional request each, repeated as commits are (see `commits`)."""

from collections.abc import Container
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
from vectord.service.snapshots.cache import Snapshot
from vectord.service.snapshots.reader import SnapshotReader
from vectord.storage.base import Condition, CopySource, IfAbsent, IfMatch

_IF_ABSENT: Final = IfAbsent()


class New(msgspec.Struct, frozen=True):
    """An index to write where none is, or none that can be read; `source` holds what `encoded` keeps, if it does."""

    index: Index
    encoded: PreparedBlob
    source: CopySource | None = None
    condition: Condition = _IF_ABSENT


def taken(
    held: Staged, index: Index, *, name: str, token: str, sizes: Thresholds, condition: Condition = _IF_ABSENT
) -> New:
    """Return what makes `index`, whose object is `held`, the index `name` as commit `token`, whatever build is due.

    Raises:
        BlobError, ObjectChanged, ObjectVersionNotFound, StoreUnavailable: as reading its ranges does.
    """
    try:
        encoded = encode.encode(index, name, token, thresholds=sizes, rebuild=False)
    except BlobError as error:
        raise type(error)(error.reason, held.name) from error
    source = CopySource(held.name, held.etag, *encoded.copied, held.version) if encoded.copied else None
    return New(index, encoded, source, condition)


class Lifecycle:
    """How indexes begin and end."""

    def __init__(self, reads: SnapshotReader, sizes: Thresholds | None = None) -> None:
        self._reads, self._world, self._store, self._sizes = (
            reads,
            reads.environment,
            reads.store,
            sizes or Thresholds(),
        )

    def create(self, index: Index, until: float) -> Snapshot:
        """Write a new index.

        Raises:
            IndexExists: another one of that name is there.
            Contended, OutcomeUnknown, StoreRefused
        """
        name, token = index.params.name, self._world.new_id()
        placed = self.place(name, token, New(index, encode.encode(index, name, token, thresholds=self._sizes)), until)
        if placed is None:
            raise IndexExists(name)
        return placed

    def place(self, name: str, token: str, new: New, until: float) -> Snapshot | None:
        """Write `new`, as commit `token`, under `name`; None if its condition does not hold.

        Raises:
            Contended, OutcomeUnknown, StoreRefused
            ObjectNotFound, ObjectVersionNotFound: the source or the object to replace is gone; nothing was written.
        """
        unknown = False
        for _ in self._reads.retry_policy.attempts(self._world, until):
            start = self._world.now()
            try:
                etag = self._write(name, token, new)
            except ConditionFailed:
                # Also at a first answer: it may be to a request of ours that arrived twice.
                return self._ours(name, token, new, until, unknown=unknown, refused=True)
            except (ObjectNotFound, ObjectVersionNotFound) as error:
                if unknown:
                    raise OutcomeUnknown(name) from error
                raise
            except WriteConflict:
                self._world.meter.add("Conflicts")
            except StoreUnavailable:
                unknown = True
            else:
                self._world.meter.add("Commits")
                return self._reads.warm.adopt(name, new.encoded, etag, new.index, since=start)
        return self._ours(name, token, new, until, unknown=unknown)

    def _write(self, name: str, token: str, new: New) -> str:
        encoded = new.encoded
        if new.source is None:
            return self._store.put(name, encoded.blob, new.condition, token)
        return self._store.splice(
            name, encoded.head, new.source, encoded.new_bytes, condition=new.condition, commit=token
        )

    def delete(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete index `name`, readable or not; an index created after it under that name is left alone.

        Raises:
            IndexNotFound, PreconditionFailed, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        unanswered: str | None = None  # the ETag that a delete without an answer named
        refused = False  # which may be the answer to a request of ours that arrived twice
        for _ in self._reads.retry_policy.attempts(self._world, until):
            etag = self._to_delete(name, until, unanswered, refused=refused)
            if etag is None:
                return
            if expected is not None and etag not in expected:
                raise PreconditionFailed(name)
            try:
                self._store.delete(name, IfMatch(etag))
            except (ObjectNotFound, ConditionFailed, WriteConflict) as error:
                self._world.meter.add("Conflicts")
                refused |= not isinstance(error, WriteConflict)
                continue
            except StoreUnavailable:
                unanswered = etag
                continue
            self._reads.warm.forget(name)
            return
        if self._to_delete(name, until, unanswered, refused=refused) is not None:
            raise (OutcomeUnknown if unanswered else Contended)(name)

    def _to_delete(self, name: str, until: float, unanswered: str | None, *, refused: bool) -> str | None:
        """Return the ETag of what is to be deleted, None once an unanswered delete has done it."""
        try:
            etag = self._reads.etag(name, until)
        except IndexNotFound:
            if unanswered is None:
                raise
            return None
        except StorageSilent as error:
            if unanswered or refused:
                raise OutcomeUnknown(name) from error
            raise
        if unanswered not in (None, etag):
            # Changed since, or deleted by us and created anew: nobody can tell, so it is not ours to delete.
            raise OutcomeUnknown(name)
        return etag

    def _ours(
        self, name: str, token: str, new: New, until: float, *, unknown: bool, refused: bool = False
    ) -> Snapshot | None:
        """Return the state that our write led to, None if storage shows that it did not, or has `refused` it."""
        try:
            state = self._reads.state(name, until)
        except BlobError as error:
            if unknown and isinstance(new.condition, IfMatch):
                raise OutcomeUnknown(name) from error  # it may be what we were to replace
            return None
        except IndexNotFound as error:
            if refused and not unknown:
                return None
            raise (OutcomeUnknown if unknown else Contended)(name) from error
        except StorageSilent as error:
            raise (OutcomeUnknown if unknown or refused else Contended)(name) from error
        return state if state.index.has_applied(token) else None
