"""Reads of indexes, tried again while storage does not answer."""

from collections.abc import Callable
from contextlib import suppress

from vectord import params
from vectord.errors import BlobError, IndexNotFound, ObjectMissing, ObjectMoved, StoreUnavailable
from vectord.index import Index
from vectord.service.warm import Versioned, WarmIndexes
from vectord.service.world import Patience, World
from vectord.stores import Store


class Reads:
    """The present states of indexes in one store; what writes go by as well."""

    def __init__(self, store: Store, warm: WarmIndexes, world: World, patience: Patience) -> None:
        self.store, self.warm, self.world, self.patience = store, warm, world, patience

    def state(self, name: str, until: float, *, ahead: bool = False) -> Versioned:
        """Return the present state of index `name`; give up at `until` on the world's clock.

        With `ahead` a first read brings what a search needs besides the envelope.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused
        """
        if not params.is_stored(name):
            raise IndexNotFound(name)
        try:
            return self.patience.insist(self.world, until, lambda: self.warm.read(name, ahead=ahead))
        except ObjectMissing as error:
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
    ) -> tuple[R, Versioned]:
        """Return what `use` makes of the present state of index `name`, and the state; start over where it moves.

        Where `staleness` is given, the state that is warm will do if it was the present one so many seconds ago.
        `ahead` is as in `state`.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused, whatever `use` raises
        """

        def once() -> tuple[R, Versioned]:
            state = self.state(name, until, ahead=ahead)
            return use(state.index), state

        try:
            recent = None if staleness is None else self.warm.recent(name, staleness)
            if recent:
                with suppress(ObjectMoved, StoreUnavailable):  # what is not here of it may be nowhere any more
                    return use(recent.index), recent
            return self.patience.insist(self.world, until, once)
        except BlobError as error:
            raise type(error)(error.reason, name) from error

    def etag(self, name: str, until: float) -> str:
        """Return the present ETag of index `name`, readable or not.

        Raises:
            IndexNotFound, StorageSilent, StoreRefused
        """
        if not params.is_stored(name):
            raise IndexNotFound(name)
        try:
            return self.patience.insist(self.world, until, lambda: self.store.etag(name))
        except ObjectMissing as error:
            self.warm.forget(name)
            raise IndexNotFound(name) from error
