"""Which indexes are in a vector bucket: those that were created there, which their own envelope records."""

from collections.abc import Callable

from msgspec import structs

from vectord.errors import IndexNotFound
from vectord.index.state import Index
from vectord.lhv1.bucket_index import BucketIndex
from vectord.service.commit.idempotency import Effect
from vectord.service.commit.loop import Change, Changes, Committed
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
        return use(structs.replace(index, commits=_BucketChanges(index.commits, index.name)))

    return checked


def bucket_index_of(index: Index, name: str) -> BucketIndex:
    """Return what the index `name` stores as one of a vector bucket; raise IndexNotFound if it is not one."""
    if index.bucket_index is None:
        raise IndexNotFound(name)
    return index.bucket_index


class _BucketChanges:
    """Commits changes only to states of the index `name` that are in a vector bucket."""

    def __init__(self, commits: Changes, name: str) -> None:
        self._commits, self._name = commits, name

    def change(
        self,
        base: Snapshot | str,
        change: Change,
        deadline: Deadline,
        write: WriteOptions = UNCONDITIONAL,
        *,
        effect_length: int = 0,
        adds: int = 0,
    ) -> Committed[Effect]:
        """Do the same as `CommitLoop.change`."""

        def checked(index: Index) -> tuple[Index, Effect]:
            bucket_index_of(index, self._name)
            return change(index)

        return self._commits.change(base, checked, deadline, write, effect_length=effect_length, adds=adds)
