"""How an index in shards begins and ends: the shards are there before the parent, and go after it."""

import msgspec

from vectord.errors import (
    IndexExists,
    IndexNotFound,
    ObjectChanged,
    OutcomeUnknown,
    PreconditionFailed,
    StorageSilent,
    StoreRefused,
    VectordError,
)
from vectord.lhv1.params import Params
from vectord.service.results import Description
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.placement import shard_names
from vectord.service.sharding.reads import described
from vectord.service.single.writes import SingleWrites
from vectord.service.snapshots.reader import SnapshotReader


class ShardLifecycle:
    """A parent names its shards by its generation, so that no two creations ever share one."""

    def __init__(self, reads: SnapshotReader, plain: SingleWrites, crew: WorkerPool) -> None:
        self._reads, self._plain, self._crew = reads, plain, crew

    def create(self, parent: Params, until: float) -> Description:
        """Create the shards, then the parent; a creation that fails takes its shards away again.

        Raises:
            IndexExists, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        if self._is_there(parent.name, until):
            raise IndexExists(parent.name)
        try:
            made = self._shards(parent, until)
            self._plain.create(parent, until)
        except OutcomeUnknown:
            raise  # the parent may be there
        except VectordError:
            self._remove(parent, until)
            raise
        return described(parent, made)

    def delete(self, parent: Params, until: float) -> None:
        """Delete the parent, which is the deletion; then the shards, as far as storage lets us.

        Raises:
            IndexNotFound, BlobError, Contended, OutcomeUnknown, StorageSilent, StoreRefused
            ObjectChanged: another index has the name by now.
        """
        state = self._reads.state(parent.name, until)
        if state.index.params.generation != parent.generation:
            raise ObjectChanged(parent.name)
        try:
            self._plain.delete(parent.name, until, {state.etag})
        except PreconditionFailed as error:
            raise ObjectChanged(parent.name) from error
        self._remove(parent, until)

    def _is_there(self, name: str, until: float) -> bool:
        try:
            self._reads.etag(name, until)
        except IndexNotFound:
            return False
        return True

    def _shards(self, parent: Params, until: float) -> list[Description]:
        def create(name: str) -> Description | VectordError:
            new = msgspec.structs.replace(parent, name=name, shards=msgspec.UNSET, generation=msgspec.UNSET)
            try:
                return self._plain.create(new, until)
            except VectordError as error:
                return error

        made = self._crew.each(create, shard_names(parent))
        for error in made:
            if isinstance(error, StoreRefused):
                raise error
            if isinstance(error, VectordError):
                raise StorageSilent from error
        return [one for one in made if isinstance(one, Description)]

    def _remove(self, parent: Params, until: float) -> None:
        """Delete shards that no parent names; the meter counts those that stay."""

        def delete(name: str) -> None:
            try:
                self._plain.delete(name, until)
            except IndexNotFound:
                return
            except VectordError:
                self._crew.environment.meter.add("ShardsLeft")

        self._crew.each(delete, shard_names(parent))
