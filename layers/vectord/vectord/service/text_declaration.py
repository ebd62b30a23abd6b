"""Declare the text fields and sparse vectors of an index that exists; a build makes the new ones searchable."""

from vectord.errors import ObjectChanged, OutcomeUnknown, VectordError
from vectord.index.state import Index
from vectord.lhv1.params import Params
from vectord.service.service import Service
from vectord.service.sharding.failures import error_of, failed_result
from vectord.service.sharding.index import ShardedIndex, check_unconditional
from vectord.service.sharding.placement import shard_names
from vectord.service.single.index import SingleIndex, description_of
from vectord.service.values.options import STRONG, UNCONDITIONAL, Deadline, WriteOptions
from vectord.service.values.results import Description
from vectord.service.values.text_fields import DeclareText, checked_fields, joined


def declare_text(
    service: Service, name: str, declared: DeclareText, deadline: Deadline, write: WriteOptions
) -> Description:
    """Replace the declared fields of an index; an index that declares the same ones is not written.

    The fields of a small index can be searched at once. For a large one a build is requested.

    Raises:
        RequestInvalid: a field is not valid, or the index is sharded, and the write has a precondition.
        IndexNotFound, PreconditionFailed, BlobError, Contended, OutcomeUnknown, StorageSilent, StoreRefused
    """
    if fields := joined(declared.text or {}, declared.sparse or ()):
        checked_fields(fields)

    def use(index: object) -> Description | None:
        if isinstance(index, SingleIndex):
            return _declare(index, declared, write)
        assert isinstance(index, ShardedIndex)
        check_unconditional(index.parent, write)
        _declare_in_shards(index, declared)
        service.lifecycle.commits.change(name, lambda present: _of_parent(present, index.parent, declared), deadline)
        return None

    return service.run(name, deadline, STRONG, use) or service.describe(name, deadline)


def _declare(index: SingleIndex, declared: DeclareText, write: WriteOptions) -> Description:
    return description_of(index.commits.apply(index.snapshot, declared, index.deadline, write).state)


def _declare_in_shards(index: ShardedIndex, declared: DeclareText) -> None:
    """Declare the fields in each shard; the parent follows, so that it never declares what a shard does not.

    Raises:
        OutcomeUnknown: some shards declare them, others failed; sending the same declaration again is safe.
    """

    def in_shard(shard: str) -> VectordError | None:
        try:
            index.shards.run(shard, index.deadline, STRONG, lambda one: _declare(one, declared, UNCONDITIONAL))
        except VectordError as error:
            return error_of(failed_result(error), shard, index.name)
        return None

    outcomes = index.shards.pool.map(in_shard, shard_names(index.parent))
    errors = [error for error in outcomes if error is not None]
    if errors and len(errors) == len(outcomes):
        raise errors[0]
    if errors:
        raise OutcomeUnknown(index.name) from errors[0]


def _of_parent(present: Index, parent: Params, declared: DeclareText) -> tuple[Index, tuple[int, ...]]:
    if present.params.generation != parent.generation:  # deleted and created again meanwhile
        raise ObjectChanged(parent.name)
    return declared.apply(present, parent.name, lambda: None)
