"""Delete a vector bucket that has no index: a mark, a look at its indexes, and one conditional delete."""

from msgspec import structs

from vectord.errors import (
    ConditionFailed,
    Contended,
    ObjectNotFound,
    OutcomeUnknown,
    StorageSilent,
    StoreUnavailable,
    WriteConflict,
)
from vectord.service.buckets.errors import BucketNotEmpty, BucketNotFound
from vectord.service.buckets.listing import Listing
from vectord.service.buckets.objects import KIND, BucketObjects, StoredBucket
from vectord.service.buckets.values import VectorBucket
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline


class Deletion:
    """One deletion of the bucket `name`. It never deletes a bucket that is created under that name afterwards."""

    def __init__(self, name: str, bucket_objects: BucketObjects, listing: Listing, environment: Environment) -> None:
        self._name, self._bucket_objects, self._listing, self._environment = name, bucket_objects, listing, environment
        self._id: str | None = None  # of the bucket to delete
        self._unanswered: StoredBucket | None = None  # the state of which a delete got no answer

    def run(self, retry_policy: RetryPolicy, deadline: Deadline) -> None:
        """Delete the bucket, retried until the deadline.

        Raises:
            BucketNotFound, BucketNotEmpty, BucketUnreadable, Contended, OutcomeUnknown, DeadlineExceeded,
            StorageSilent, StoreRefused
        """
        try:
            for attempt in range(retry_policy.max_attempts):
                if attempt and not retry_policy.wait(attempt, self._environment, deadline):
                    break
                if self._attempt(deadline):
                    return
            self._read(deadline)
        except BucketNotFound:
            if self._unanswered is None:
                raise
            self._bucket_objects.record_deletion(self._unanswered)
            return
        except StorageSilent as error:
            if self._unanswered is not None:
                raise OutcomeUnknown(self._name, KIND) from error
            raise
        raise (OutcomeUnknown if self._unanswered else Contended)(self._name, KIND)

    def _attempt(self, deadline: Deadline) -> bool:
        """Return True if the bucket was deleted; False if another writer was first, or there was no answer."""
        stored = self._read(deadline)
        self._check_empty(stored, deadline)
        if not stored.bucket.deleting:
            stored = self._bucket_objects.change(self._name, self._marked, deadline)
            self._check_empty(stored, deadline)
        try:
            self._bucket_objects.delete_once(stored)
        except (ObjectNotFound, ConditionFailed, WriteConflict):
            self._environment.meter.add("Conflicts")
            return False
        except StoreUnavailable:
            self._unanswered = stored
            return False
        return True

    def _read(self, deadline: Deadline) -> StoredBucket:
        """Return the present state; raise BucketNotFound also if the bucket was deleted and created again."""
        stored = self._bucket_objects.read(self._name, deadline)
        self._id = self._id or stored.bucket.id
        self._check_same(stored.bucket)
        return stored

    def _marked(self, bucket: VectorBucket) -> VectorBucket:
        self._check_same(bucket)
        return structs.replace(bucket, deleting=True)

    def _check_same(self, bucket: VectorBucket) -> None:
        if bucket.id != self._id:
            raise BucketNotFound(self._name)

    def _check_empty(self, stored: StoredBucket, deadline: Deadline) -> None:
        if self._listing.has_index(self._name, deadline):
            # A delete that got no answer may still arrive while the state is the same.
            is_open = self._unanswered is not None and self._unanswered.etag == stored.etag
            raise OutcomeUnknown(self._name, KIND) if is_open else BucketNotEmpty(self._name)
