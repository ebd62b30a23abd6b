"""Create and delete a sharded index: its shards exist before the parent, and are deleted after it."""

import msgspec
from msgspec import structs

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
from vectord.index import state
from vectord.lhv1.params import Params
from vectord.service.commit.create_delete import ObjectLifecycle
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.merge import merge_descriptions
from vectord.service.sharding.placement import shard_names
from vectord.service.single.index import description_of
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values.options import Deadline, WriteOptions
from vectord.service.values.results import Description


class ShardLifecycle:
    """Creates and deletes sharded indexes. The names of shards contain a generation, so no two indexes share one."""

    def __init__(self, reader: SnapshotReader, objects: ObjectLifecycle, pool: WorkerPool) -> None:
        self._reader, self._objects, self._pool = reader, objects, pool

    def create(self, parent: Params, deadline: Deadline) -> Description:
        """Create the shards, then the parent; if that fails, delete the shards.

        Raises:
            IndexExists, Contended, OutcomeUnknown, StorageSilent, StoreRefused
        """
        if self._reader.exists(parent.name, deadline):
            raise IndexExists(parent.name)
        try:
            shards = self._create_shards(parent, deadline)
            self._objects.create(state.empty_index(parent), deadline)
        except OutcomeUnknown:
            raise  # the parent may exist
        except VectordError:
            self._delete_shards(parent, deadline)
            raise
        return merge_descriptions(parent, shards)

    def delete(self, parent: Params, deadline: Deadline) -> None:
        """Delete the parent, and with it the index; then the shards, without an error for those that remain.

        Raises:
            IndexNotFound, BlobError, Contended, OutcomeUnknown, StorageSilent, StoreRefused
            ObjectChanged: the name now belongs to another index.
        """
        present = self._reader.present(parent.name, deadline)
        if present.index.params.generation != parent.generation:
            raise ObjectChanged(parent.name)
        try:
            self._objects.delete(parent.name, deadline, WriteOptions({present.etag}))
        except PreconditionFailed as error:
            raise ObjectChanged(parent.name) from error
        self._delete_shards(parent, deadline)

    def _create_shards(self, parent: Params, deadline: Deadline) -> list[Description]:
        def create(name: str) -> Description | VectordError:
            new = structs.replace(parent, name=name, shards=msgspec.UNSET, generation=msgspec.UNSET)
            try:
                return description_of(self._objects.create(state.empty_index(new), deadline))
            except VectordError as error:
                return error

        created = self._pool.map(create, shard_names(parent))
        for error in created:
            if isinstance(error, StoreRefused):
                raise error
            if isinstance(error, VectordError):
                raise StorageSilent from error
        return [one for one in created if isinstance(one, Description)]

    def _delete_shards(self, parent: Params, deadline: Deadline) -> None:
        """Delete shards without a parent; the meter counts those that could not be deleted."""

        def delete(name: str) -> None:
            try:
                self._objects.delete(name, deadline)
            except IndexNotFound:
                return
            except VectordError:
                self._pool.environment.meter.add("ShardsLeft")

        self._pool.map(delete, shard_names(parent))
