"""Copy an index to a new name, its body inside the store."""

from msgspec import structs

from vectord.errors import (
    Contended,
    IndexExists,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    ObjectVersionNotFound,
    StoreUnavailable,
    VersionNotFound,
)
from vectord.index.thresholds import Thresholds
from vectord.lhv1 import params
from vectord.service.commit.create_delete import Lifecycle, taken
from vectord.service.commit.loop import Staged
from vectord.service.results import Description
from vectord.service.single.reads import described
from vectord.service.snapshots.cache import Snapshot
from vectord.service.snapshots.reader import SnapshotReader
from vectord.service.snapshots.versions import Versions, check_whole


class Copies:
    """Copies indexes of one store."""

    def __init__(
        self, reads: SnapshotReader, versions: Versions, lifecycle: Lifecycle, sizes: Thresholds | None = None
    ) -> None:
        self._reads, self._versions, self._lifecycle = reads, versions, lifecycle
        self._sizes = sizes or Thresholds()

    def copy(self, name: str, to: str, until: float, as_of: str | None = None) -> Description:
        """Copy index `name`, as it is or as it was (see `Versions.state_as_of`), to a new index `to`.

        The copy remembers none of the commits, uploads and tokens that led to the original.

        Raises:
            RequestInvalid: `to` is no name, or the index is in shards.
            IndexExists: there is an index `to`.
            Contended: the index changed under each attempt; nothing was written.
            IndexNotFound, VersionNotFound, BlobError, OutcomeUnknown, StorageSilent, StoreRefused
        """
        params.check_name(to)
        if self._is_there(to, until):
            raise IndexExists(to)
        for _ in self._reads.retry_policy.attempts(self._reads.environment, until):
            try:
                placed = self._once(name, to, until, as_of)
            except (ObjectNotFound, ObjectChanged, StoreUnavailable):
                continue  # the index is gone, as the next look says, or moved while it was read; nothing was written
            except ObjectVersionNotFound as error:
                raise VersionNotFound(name, as_of or "") from error
            if placed:
                return described(placed)
            # The condition that failed was that nothing is there, or that the index is still what was read.
            if self._is_there(to, until):
                raise IndexExists(to)
        raise Contended(name)

    def _once(self, name: str, to: str, until: float, as_of: str | None) -> Snapshot | None:
        state, version = self._source(name, until, as_of)
        token = self._reads.environment.new_id()
        body = Staged(name, state.etag, version)
        new = taken(body, structs.replace(state.index, applied=()), name=to, token=token, sizes=self._sizes)
        return self._lifecycle.place(to, token, new, until)

    def _source(self, name: str, until: float, as_of: str | None) -> tuple[Snapshot, str | None]:
        if as_of is not None:
            past = self._versions.past(name, as_of, until)
            return past.state, past.version
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        state = self._reads.state(name, until)
        check_whole(state.index, name)
        return state, None

    def _is_there(self, name: str, until: float) -> bool:
        try:
            self._reads.etag(name, until)
        except IndexNotFound:
            return False
        return True
