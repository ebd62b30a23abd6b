"""Read and write the object of one vector bucket, JSON text, by conditional requests, retried as in `commit.loop`.

A write adds an id of its own to the object's `writes`, so a writer that got no answer finds out whether it was
applied. That also gives each state an ETag of its own.
"""

from collections.abc import Callable
from typing import Final

import msgspec
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
from vectord.service.buckets.errors import BucketExists, BucketNotFound, BucketUnreadable
from vectord.service.buckets.values import MAX_WRITES, VectorBucket, invalid_reason, object_name
from vectord.service.values.environment import Commit, Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Condition, IfAbsent, IfMatch, ObjectHead, Store

KIND: Final = "vector bucket"  # in messages
MAX_BYTES: Final = 1 << 20  # of an object; 50 tags, a policy and 32 ids have a quarter of that

type Change = Callable[[VectorBucket], VectorBucket]


class StoredBucket(msgspec.Struct, frozen=True):
    """A vector bucket as it was read, and the ETag of its object."""

    bucket: VectorBucket
    etag: str


class BucketObjects:
    """The objects of the vector buckets in one store."""

    def __init__(self, store: Store, environment: Environment, retry_policy: RetryPolicy) -> None:
        self._store, self._environment, self._retry_policy = store, environment, retry_policy

    def read(self, name: str, deadline: Deadline) -> StoredBucket:
        """Return the present state of a bucket, retried until the deadline.

        Raises:
            BucketNotFound, BucketUnreadable, StorageSilent, StoreRefused
        """
        return self._retry_policy.run(self._environment, deadline, lambda: self.read_once(name))

    def read_once(self, name: str) -> StoredBucket:
        """Do the same as `read` in one request; raise StoreUnavailable if it gets no answer."""
        self._environment.meter.add("ReadRequests")
        self._environment.meter.add("ReadRounds")
        try:
            head = self._store.head(object_name(name), MAX_BYTES)
        except ObjectNotFound as error:
            raise BucketNotFound(name) from error
        if not isinstance(head, ObjectHead):
            raise AssertionError("a store may answer NotModified only to an ETag")  # noqa: TRY004
        self._environment.meter.add("ReadBytes", len(head.data))
        if head.size > len(head.data):
            raise BucketUnreadable(name, f"it has more than {MAX_BYTES:,} bytes")
        return StoredBucket(decoded(name, bytes(head.data)), head.etag)

    def create(self, bucket: VectorBucket, deadline: Deadline) -> None:
        """Write a new bucket.

        Raises:
            BucketExists: there is one of that name.
            Contended, OutcomeUnknown, StoreRefused
        """
        write_id, unknown, refused = self._environment.new_id(), False, False
        for attempt in range(self._retry_policy.max_attempts):
            if attempt and not self._retry_policy.wait(attempt, self._environment, deadline):
                break
            try:
                etag = self._put(_written(bucket, write_id), IfAbsent())
            except ConditionFailed:
                refused = True  # perhaps because the store received our own request twice
                break
            except WriteConflict:
                self._environment.meter.add("Conflicts")
            except StoreUnavailable:
                unknown = True
            else:
                return self._record(bucket.name, None, etag)
        try:
            stored = self.read(bucket.name, deadline)
        except BucketUnreadable as error:
            raise BucketExists(bucket.name) from error
        except BucketNotFound as error:
            if refused and not unknown:
                raise BucketExists(bucket.name) from error
            raise (OutcomeUnknown if unknown else Contended)(bucket.name, KIND) from error
        except StorageSilent as error:
            raise (OutcomeUnknown if unknown or refused else Contended)(bucket.name, KIND) from error
        if write_id not in stored.bucket.writes:
            raise BucketExists(bucket.name)
        return self._record(bucket.name, None, stored.etag)

    def change(self, name: str, change: Change, deadline: Deadline, *, audited: bool = True) -> StoredBucket:
        """Apply `change` to the present state and write the result; write nothing if it is equal.

        If it is not `audited`, it does not show in the audit log.

        Raises:
            BucketNotFound, BucketUnreadable, Contended, OutcomeUnknown, StorageSilent, StoreRefused, and what `change`
            raises
        """
        attempts = _Attempts(self._environment.new_id())
        for attempt in range(self._retry_policy.max_attempts):
            if attempt and not self._retry_policy.wait(attempt, self._environment, deadline):
                break
            stored = self._read_after(attempts, name, deadline)
            if attempts.write_id in stored.bucket.writes:
                return self._recorded(stored, attempts.base, audited=audited)
            changed = change(stored.bucket)
            if changed == stored.bucket:
                return stored
            changed, attempts.base = _written(changed, attempts.write_id), stored.etag
            try:
                etag = self._put(changed, IfMatch(stored.etag))
                return self._recorded(StoredBucket(changed, etag), stored.etag, audited=audited)
            except ObjectNotFound as error:
                raise BucketNotFound(name) from error
            except (ConditionFailed, WriteConflict) as error:
                self._environment.meter.add("Conflicts")
                attempts.refused |= isinstance(error, ConditionFailed)
            except StoreUnavailable:
                attempts.unknown = True
        stored = self._read_after(attempts, name, deadline)
        if attempts.write_id in stored.bucket.writes:
            return self._recorded(stored, attempts.base, audited=audited)
        # A write without an answer may still be applied while the bucket has the ETag of its base.
        raise (OutcomeUnknown if attempts.unknown and stored.etag == attempts.base else Contended)(name, KIND)

    def delete_once(self, stored: StoredBucket) -> None:
        """Delete a bucket in one request.

        Raises:
            ObjectNotFound, ConditionFailed, WriteConflict, StoreUnavailable, StoreRefused
        """
        self._store.delete(object_name(stored.bucket.name), IfMatch(stored.etag))
        self.record_deletion(stored)

    def record_deletion(self, stored: StoredBucket) -> None:
        """Put a deletion into the audit log."""
        self._record(stored.bucket.name, stored.etag, None)

    def _read_after(self, attempts: "_Attempts", name: str, deadline: Deadline) -> StoredBucket:
        try:
            return self.read(name, deadline)
        except StorageSilent as error:
            if attempts.unknown or attempts.refused:
                raise OutcomeUnknown(name, KIND) from error
            raise

    def _put(self, bucket: VectorBucket, condition: Condition) -> str:
        etag = self._store.put(object_name(bucket.name), msgspec.json.encode(bucket), condition, bucket.writes[-1])
        self._environment.meter.add("Commits")
        return etag

    def _recorded(self, stored: StoredBucket, before: str | None, *, audited: bool) -> StoredBucket:
        if audited:
            self._record(stored.bucket.name, before, stored.etag)
        return stored

    def _record(self, name: str, before: str | None, after: str | None) -> None:
        self._environment.meter.commits.append(Commit(name, before, after))


class _Attempts(msgspec.Struct):
    """What is known of the attempts of one write: the ETag of its last base; some got no answer, or were refused."""

    write_id: str
    base: str | None = None
    unknown: bool = False
    refused: bool = False


def _written(bucket: VectorBucket, write_id: str) -> VectorBucket:
    return structs.replace(bucket, writes=(*bucket.writes, write_id)[-MAX_WRITES:])


def decoded(name: str, data: bytes) -> VectorBucket:
    """Return the vector bucket `name` that an object stores; raise BucketUnreadable for an object of another form."""
    try:
        data.decode()  # msgspec does not check all text
        bucket = structs.replace(msgspec.json.decode(data, type=VectorBucket), name=name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BucketUnreadable(name, f"its object has another form ({error})") from error
    if reason := invalid_reason(bucket):
        raise BucketUnreadable(name, reason)
    return bucket
