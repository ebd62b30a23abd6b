"""Which indexes are in a vector bucket: those that were created there, which their own envelope records."""

from collections.abc import Callable

from msgspec import structs

from vectord.errors import IndexNotFound
from vectord.index.state import Index
from vectord.lhv1.bucket_index import BucketIndex
from vectord.service.commit.operations import InBucket
from vectord.service.commit.prepared import Changes, Committed, Effect, Operation
from vectord.service.indexes import VectorIndex
from vectord.service.single.index import SingleIndex
from vectord.service.snapshots.cache import Snapshot
from vectord.service.values.options import UNCONDITIONAL, Deadline, WriteOptions


def in_bucket[R](use: Callable[[SingleIndex], R]) -> Callable[[VectorIndex], R]:
    """Return `use` for `Service.run`, restricted to indexes of vector buckets: IndexNotFound for every other index.

    A change is applied to no other state either, if the index is deleted and created again during the request.
    """

    def checked(index: VectorIndex) -> R:
        if not isinstance(index, SingleIndex):  # CreateIndex makes no shards
            raise IndexNotFound(index.name)
        bucket_index_of(index.index, index.name)
        return use(structs.replace(index, commits=_BucketChanges(index.commits)))

    return checked


def bucket_index_of(index: Index, name: str) -> BucketIndex:
    """Return what the index `name` stores as one of a vector bucket; raise IndexNotFound if it is not one."""
    if index.bucket_index is None:
        raise IndexNotFound(name)
    return index.bucket_index


class _BucketChanges:
    """Commits operations only to states of an index that are in a vector bucket."""

    def __init__(self, commits: Changes) -> None:
        self._commits = commits

    def apply(
        self, base: Snapshot, operation: Operation, deadline: Deadline, write: WriteOptions = UNCONDITIONAL
    ) -> Committed[Effect]:
        """Do the same as `CommitLoop.apply`."""
        return self._commits.apply(base, InBucket(operation), deadline, write)
