"""The use cases of vector buckets, and of their indexes as a whole.

A deletion of a bucket and a creation of an index in it cannot both succeed:

| deletion                     | creation                                          |
|------------------------------|---------------------------------------------------|
| 1. set the mark `deleting`   | 1. read the bucket                                |
| 2. look for indexes          | 2. write the index                                |
| 3. delete the marked state   | 3. read the bucket again, and clear the mark      |

If 3 of the creation reads the bucket before 1 of the deletion, 2 of the deletion finds the index. Otherwise the
creation finds the mark and clears it, so that the deletion fails; or it finds no bucket, and deletes its index. A
mark that a crash left behind has no other effect.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from msgspec import structs

from vectord.errors import Contended, DeadlineExceeded, IndexNotFound, OutcomeUnknown, PreconditionFailed, StorageSilent
from vectord.index import state
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.lhv1.bucket_index import BucketIndex
from vectord.lhv1.text_fields import TextFields, of_texts
from vectord.service.buckets.deletion import Deletion
from vectord.service.buckets.errors import BucketNotFound
from vectord.service.buckets.heads import read_head
from vectord.service.buckets.listing import Listing
from vectord.service.buckets.objects import BucketObjects, Change
from vectord.service.buckets.values import DescribedIndex, NewBucketIndex, Page, VectorBucket, index_name
from vectord.service.commit.create_delete import ObjectLifecycle
from vectord.service.commit.loop import CommitLoop
from vectord.service.commit.prepared import Effect
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.snapshots.cache import Snapshot, SnapshotReader
from vectord.service.values.options import Deadline, WriteOptions
from vectord.service.values.text_fields import searchable_fields, with_text

type ChangeIndex = Callable[[BucketIndex], BucketIndex]
type ChangeText = Callable[[BucketIndex, TextFields], TextFields]


class VectorBuckets:
    """The vector buckets of one store, and their indexes. Names are valid ones.

    Every method may raise StorageSilent and StoreRefused; what names a bucket may raise BucketUnreadable; what names an
    index may raise BlobError; what changes something may raise Contended and OutcomeUnknown.
    """

    def __init__(
        self,
        reader: SnapshotReader,
        commits: CommitLoop,
        pool: WorkerPool,
        objects: ObjectLifecycle,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use `clock`, seconds since 1970, for times of creation."""
        self._reader, self._commits, self._objects, self._clock = reader, commits, objects, clock
        self._bucket_objects = BucketObjects(reader.store, reader.environment, reader.retry_policy)
        self._listing = Listing(reader, self._bucket_objects, pool)

    def create(self, name: str, tags: dict[str, str], deadline: Deadline) -> VectorBucket:
        """Create a bucket; raise BucketExists if there is one."""
        bucket = VectorBucket(name, self._reader.environment.new_id(), int(self._clock()), tags)
        self._bucket_objects.create(bucket, deadline)
        return bucket

    def get(self, name: str, deadline: Deadline) -> VectorBucket:
        """Return a bucket; raise BucketNotFound if there is none."""
        return self._bucket_objects.read(name, deadline).bucket

    def list(self, prefix: str, limit: int, after: str | None, deadline: Deadline) -> Page:
        """Return up to `limit` buckets whose names start with `prefix`, after the name `after`."""
        return self._listing.buckets(prefix, limit, after, deadline)

    def change(self, name: str, change: Change, deadline: Deadline) -> VectorBucket:
        """Change tags, default index mode or policy of a bucket; raise BucketNotFound, and what `change` raises."""
        return self._bucket_objects.change(name, change, deadline).bucket

    def delete(self, name: str, deadline: Deadline) -> None:
        """Delete a bucket that has no index; native indexes do not count.

        Raises:
            BucketNotFound, BucketNotEmpty, DeadlineExceeded
        """
        deletion = Deletion(name, self._bucket_objects, self._listing, self._reader.environment)
        deletion.run(self._reader.retry_policy, deadline)

    def create_index(self, bucket: str, new: NewBucketIndex, deadline: Deadline) -> DescribedIndex:
        """Create an index in a bucket, with the default index mode of the bucket.

        Raises:
            RequestInvalid: a parameter is out of range.
            BucketNotFound: there is no such bucket, or it was deleted at the same time.
            IndexExists: there is an index of that name, in the bucket or a native one.
        """
        before = self.get(bucket, deadline)
        name = index_name(bucket, new.name)
        parameters = params.new_params(name, new.dimension, distance=new.distance, text=new.text)
        stored = BucketIndex(int(self._clock()), new.non_filterable, new.tags, before.default_index_mode)
        empty = structs.replace(state.empty_index(parameters), bucket_index=stored)
        created = self._objects.create(empty, deadline)
        try:
            self._keep_bucket(before, deadline)
        except BucketNotFound:
            self._delete_own(created, deadline)
            raise
        except (StorageSilent, Contended) as error:
            raise OutcomeUnknown(created.name) from error
        return DescribedIndex(parameters, stored, searchable_fields(empty))

    def list_indexes(self, bucket: str, prefix: str, limit: int, after: str | None, deadline: Deadline) -> Page:
        """Return up to `limit` indexes of a bucket whose names start with `prefix`, after the name `after`.

        Raises:
            BucketNotFound
        """
        self.get(bucket, deadline)
        return self._listing.indexes(bucket, prefix, limit, after, deadline)

    def describe_index(self, bucket: str, index: str, deadline: Deadline) -> DescribedIndex:
        """Return an index of a bucket; raise IndexNotFound if the bucket has no such index."""
        head = read_head(self._reader, index_name(bucket, index), deadline)
        if head.stored is None:
            raise IndexNotFound(head.name)
        return DescribedIndex(head.params, head.stored, head.searchable)

    def change_index(self, bucket: str, index: str, change: ChangeIndex, deadline: Deadline) -> DescribedIndex:
        """Change tags or index mode of an index in one commit; raise IndexNotFound, and what `change` raises."""

        def changed(present: Index, stored: BucketIndex) -> Index:
            return structs.replace(present, bucket_index=change(stored))

        return self._change(index_name(bucket, index), changed, deadline)

    def change_text(self, bucket: str, index: str, change: ChangeText, deadline: Deadline) -> DescribedIndex:
        """Change the declared text fields of an index in one commit; raise as `change_index`.

        The fields of a small index can be searched at once. For a large one a build is requested.
        """

        def changed(present: Index, stored: BucketIndex) -> Index:
            fields = change(stored, of_texts(present.params.text or {}))
            return structs.replace(present, params=with_text(present.params, fields))

        return self._change(index_name(bucket, index), changed, deadline)

    def delete_index(self, bucket: str, index: str, deadline: Deadline) -> None:
        """Delete an index of a bucket, and what is stored about it; raise IndexNotFound if there is none."""
        name, policy = index_name(bucket, index), self._reader.retry_policy
        for attempt in range(policy.max_attempts):
            if attempt and not policy.wait(attempt, self._reader.environment, deadline):
                break
            head = read_head(self._reader, name, deadline)
            if head.stored is None:
                raise IndexNotFound(name)
            with suppress(PreconditionFailed):  # it was changed, or a native one was created
                self._objects.delete(name, deadline, WriteOptions({head.etag}))
                return
        raise Contended(name)

    def _change(self, name: str, change: Callable[[Index, BucketIndex], Index], deadline: Deadline) -> DescribedIndex:
        def changed(present: Index) -> tuple[Index, Effect]:
            if present.bucket_index is None:
                raise IndexNotFound(name)
            after = change(present, present.bucket_index)
            same = after.bucket_index == present.bucket_index and after.params == present.params
            return (present if same else after), ()

        committed = self._commits.change(name, changed, deadline).state.index
        if committed.bucket_index is None:
            raise IndexNotFound(name)
        return DescribedIndex(committed.params, committed.bucket_index, searchable_fields(committed))

    def _keep_bucket(self, before: VectorBucket, deadline: Deadline) -> None:
        """Clear the mark of a deletion, if there is one; raise BucketNotFound if the bucket is gone."""

        def kept(present: VectorBucket) -> VectorBucket:
            if present.id != before.id:
                raise BucketNotFound(present.name)
            return structs.replace(present, deleting=False)

        self._bucket_objects.change(before.name, kept, deadline, audited=False)

    def _delete_own(self, created: Snapshot, deadline: Deadline) -> None:
        """Delete the index that this request created, also after changes, but no other of its name.

        Raises:
            OutcomeUnknown: it may remain.
        """
        try:
            while (present := self._reader.present(created.name, deadline)).index.has_applied(created.index.commit):
                self._reader.environment.check(deadline)
                with suppress(PreconditionFailed):  # it was changed meanwhile
                    self._objects.delete(created.name, deadline, WriteOptions({present.etag}))
        except IndexNotFound:
            pass  # another caller deleted it, or this loop did
        except (StorageSilent, Contended, DeadlineExceeded) as error:
            raise OutcomeUnknown(created.name) from error
