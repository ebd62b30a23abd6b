"""Creation and deletion of indexes: one conditional request each, repeated as commits are (see `commits`)."""

from collections.abc import Container

from vectord import index as ix
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
from vectord.index import Index, Sizes
from vectord.service.reads import Reads
from vectord.service.warm import Versioned
from vectord.stores import IfAbsent, IfMatch


class Lifecycle:
    """How indexes begin and end."""

    def __init__(self, reads: Reads, sizes: Sizes | None = None) -> None:
        self._reads, self._world, self._store, self._sizes = reads, reads.world, reads.store, sizes or Sizes()

    def create(self, index: Index, until: float) -> Versioned:
        """Write a new index.

        Raises:
            IndexExists: another one of that name is there.
            Contended, OutcomeUnknown, StoreRefused
        """
        name, token = index.params.name, self._world.new_id()
        encoded = ix.encode(index, name, token, sizes=self._sizes)
        unknown = False
        for _ in self._reads.patience.tries(self._world, until):
            try:
                etag = self._store.put(name, encoded.blob, IfAbsent(), token)
                self._world.meter.add("Commits")
                return self._reads.warm.adopt(name, encoded, etag, index)
            except ConditionFailed as error:
                if not unknown:
                    raise IndexExists(name) from error
                break
            except WriteConflict:
                self._world.meter.add("Conflicts")
            except StoreUnavailable:
                unknown = True
        return self._ours(name, token, until, unknown=unknown)

    def delete(self, name: str, until: float, expected: Container[str] | None = None) -> None:
        """Delete index `name`, readable or not; an index created after it under that name is left alone.

        Raises:
            IndexNotFound, PreconditionFailed, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        unanswered: str | None = None  # the ETag that a delete without an answer named
        for _ in self._reads.patience.tries(self._world, until):
            etag = self._to_delete(name, until, unanswered)
            if etag is None:
                return
            if expected is not None and etag not in expected:
                raise PreconditionFailed(name)
            try:
                self._store.delete(name, IfMatch(etag))
            except ObjectMissing:
                continue
            except (ConditionFailed, WriteConflict):
                self._world.meter.add("Conflicts")
                continue
            except StoreUnavailable:
                unanswered = etag
                continue
            self._reads.warm.forget(name)
            return
        if self._to_delete(name, until, unanswered) is not None:
            raise (OutcomeUnknown if unanswered else Contended)(name)

    def _to_delete(self, name: str, until: float, unanswered: str | None) -> str | None:
        """Return the ETag of what is to be deleted, None once an unanswered delete has done it."""
        try:
            etag = self._reads.etag(name, until)
        except IndexNotFound:
            if unanswered is None:
                raise
            return None
        except StorageSilent as error:
            if unanswered is None:
                raise
            raise OutcomeUnknown(name) from error
        if unanswered not in (None, etag):
            # Changed since, or deleted by us and created anew: nobody can tell, so it is not ours to delete.
            raise OutcomeUnknown(name)
        return etag

    def _ours(self, name: str, token: str, until: float, *, unknown: bool) -> Versioned:
        """Return the state that our creation led to, if storage shows that it did."""
        try:
            state = self._reads.state(name, until)
        except BlobError as error:
            raise IndexExists(name) from error
        except (IndexNotFound, StorageSilent) as error:
            raise (OutcomeUnknown if unknown else Contended)(name) from error
        if not state.index.has_applied(token):
            raise IndexExists(name)
        return state
