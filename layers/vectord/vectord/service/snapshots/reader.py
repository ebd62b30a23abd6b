"""Reads of indexes, tried again while storage does not answer."""

from collections.abc import Callable
from contextlib import suppress

from vectord.errors import BlobError, IndexNotFound, ObjectChanged, ObjectNotFound, StoreUnavailable
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.service.environment import Environment, RetryPolicy
from vectord.service.snapshots.cache import Snapshot, SnapshotCache
from vectord.storage.base import Store


class SnapshotReader:
    """The present states of indexes in one store; what writes go by as well."""

    def __init__(self, store: Store, warm: SnapshotCache, environment: Environment, retry_policy: RetryPolicy) -> None:
        self.store, self.warm, self.environment, self.retry_policy = store, warm, environment, retry_policy

    def state(self, name: str, until: float, *, ahead: bool = False) -> Snapshot:
        """Return the present state of index `name`; give up at `until` on the world's clock.

        With `ahead` a first read brings what a search needs besides the envelope.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused
        """
        if not params.is_blob_name(name):
            raise IndexNotFound(name)
        try:
            return self.retry_policy.run(self.environment, until, lambda: self.warm.read(name, ahead=ahead))
        except ObjectNotFound as error:
            self.warm.forget(name)
            raise IndexNotFound(name) from error

    def using[R](
        self,
        name: str,
        until: float,
        use: Callable[[Index], R],
        staleness: float | None = None,
        *,
        ahead: bool = False,
    ) -> tuple[R, Snapshot]:
        """Return what `use` makes of the present state of index `name`, and the state; start over where it moves.

        Where `staleness` is given, the state that is warm will do if it was the present one so many seconds ago.
        `ahead` is as in `state`.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused, whatever `use` raises
        """

        def once() -> tuple[R, Snapshot]:
            state = self.state(name, until, ahead=ahead)
            return use(state.index), state

        try:
            recent = None if staleness is None else self.warm.recent(name, staleness)
            if recent:
                with suppress(ObjectChanged, StoreUnavailable):  # what is not here of it may be nowhere any more
                    return use(recent.index), recent
            return self.retry_policy.run(self.environment, until, once)
        except BlobError as error:
            raise type(error)(error.reason, name) from error

    def etag(self, name: str, until: float) -> str:
        """Return the present ETag of index `name`, readable or not.

        Raises:
            IndexNotFound, StorageSilent, StoreRefused
        """
        if not params.is_blob_name(name):
            raise IndexNotFound(name)
        try:
            return self.retry_policy.run(self.environment, until, lambda: self.store.etag(name))
        except ObjectNotFound as error:
            self.warm.forget(name)
            raise IndexNotFound(name) from error
