"""Open an index at its present ETag, once for each request, and cache what was opened."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Final

import msgspec
from msgspec import structs

from vectord.cache.section_cache import SectionCache
from vectord.cache.section_file import SectionFile
from vectord.errors import (
    BlobCorrupt,
    BlobError,
    ConditionFailed,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    StoreError,
)
from vectord.index.codec import decode
from vectord.index.codec.decode import open_version_1
from vectord.index.codec.encode import PreparedBlob
from vectord.index.memory import memory_bytes
from vectord.index.query.coalescing import split
from vectord.index.state import Index
from vectord.lhv1 import frame, params
from vectord.lhv1.frame import SectionEntry
from vectord.lhv1.section_names import PARTS_HEAD
from vectord.service.snapshots.mapped import MappedFetch, MappedSection, MappedSections, check_small
from vectord.service.snapshots.ranges import RangeReader, write_first_bytes
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import SEARCH_HEAD_BYTES, Deadline
from vectord.storage.base import Data, MappedObject, ObjectHead, Reader, Store, local_files

# The bytes that other requests read first: the whole of a very small index, the envelope of a large one.
HEAD_BYTES: Final = 64 << 10


class Snapshot(msgspec.Struct, frozen=True):
    """One state of the index `name`, pinned to the ETag of its object, and the cached files of its sections."""

    name: str
    index: Index
    etag: str
    files: tuple[SectionFile, ...] = ()


class SnapshotOpener:
    """Opens snapshots of one store; the bytes of their sections go to `files`, unless the store maps its objects."""

    def __init__(self, store: Reader, files: SectionCache, environment: Environment) -> None:
        self._store, self._files, self._environment = store, files, environment
        self._mapper = local_files(store)
        self._mapped = MappedSections()

    def open(self, name: str, head: ObjectHead, previous: Snapshot | None) -> Snapshot:
        """Return the snapshot whose object starts with `head`; reuse the unchanged parts of `previous`.

        Raises:
            BlobCorrupt, BlobUnsupported: the object cannot be read.
            ObjectChanged, StoreUnavailable, StoreRefused: a read of more bytes failed.
        """
        try:
            try:
                data, decoded = self._decoded(name, head)
            except frame.VersionOne:
                return self._version_1(name, head)
            if decoded.envelope.params.shards and params.is_shard_name(name):
                raise BlobCorrupt("it is a shard, but its own parameters say that it is sharded")
            if self._mapper:
                mapped = self._mapper.map(name, head.etag)
                sections = self._mapped.of_object(mapped, decoded)
                check_small(mapped, sections.values())
                return _opened_mapped(name, decoded, mapped, sections, previous.index if previous else None)
            files, starts = self._sections(decoded, head.etag)
            # If the cache cannot hold all of the index, a partly read section would evict what is needed.
            fits = decoded.size <= self._files.budget
            write_first_bytes(memoryview(data), decoded, starts, partly=fits)
            ranges = RangeReader(self._store, name, head.etag, starts, self._files.budget, self._environment)
            index = decode.open_head(decoded, files.__getitem__, ranges, previous.index if previous else None)
            return Snapshot(name, index, head.etag, tuple(files.values()))
        except BlobError as error:
            raise error.with_index(name) from error
        except (ConditionFailed, ObjectNotFound) as error:  # of `map`
            raise ObjectChanged(name) from error

    def open_committed(self, name: str, encoded: PreparedBlob, etag: str, before: Index) -> Snapshot:
        """Return the snapshot that a commit has just written over `before`, without reading it back."""
        head = frame.Head(encoded.envelope, len(encoded.head), encoded.size)
        if self._mapper:
            with suppress(StoreError):  # the object has been replaced since; then the sections go to `files`
                mapped = self._mapper.map(name, etag)
                sections = self._mapped.of_object(mapped, head, dict(encoded.sections))
                return _opened_mapped(name, head, mapped, sections, before)
        files, starts = self._sections(head, etag)
        for entry, fields in encoded.sections:
            if entry in files and not files[entry].whole:
                files[entry].write(0, b"".join(fields))
        ranges = RangeReader(self._store, name, etag, starts, self._files.budget, self._environment)
        index = decode.open_head(head, files.__getitem__, ranges, before)
        return Snapshot(name, index, etag, tuple(files.values()))

    def _decoded(self, name: str, head: ObjectHead) -> tuple[Data, frame.Head]:
        """Return the bytes read so far and the verified envelope; read more bytes if the envelope is long."""
        data, ranges = head.data, self._object(name, head.etag)
        while True:
            try:
                return data, frame.decode_head(data, head.size)
            except frame.Truncated as error:
                data = b"".join((data, *ranges.read([(len(data), error.needed)])))

    def _version_1(self, name: str, head: ObjectHead) -> Snapshot:
        """Return an index of format version 1, which has no sections: it is read whole and stays in memory."""
        data = head.data
        if len(data) < head.size:
            ranges = self._object(name, head.etag)
            data = b"".join((data, *ranges.read(list(split((len(data), head.size))))))
        return Snapshot(name, open_version_1(bytes(data), name), head.etag)

    def _object(self, name: str, etag: str) -> RangeReader:
        """Return a reader of bytes outside the sections."""
        return RangeReader(self._store, name, etag, {}, 0, self._environment)

    def _sections(self, head: frame.Head, etag: str) -> tuple[dict[SectionEntry, SectionFile], dict[SectionFile, int]]:
        """Return the cached file of each section, and where in the object each file's bytes start.

        A section without an id gets an id that is unique to this state. Sections of equal content share a file.
        """
        starts = head.section_starts()
        files = {
            entry: self._files.open(entry if entry.id else structs.replace(entry, id=f"{etag}/{position}"))
            for position, entry in enumerate(head.envelope.sections)
            if entry.name != PARTS_HEAD
        }
        places = zip(head.envelope.sections, starts, strict=True)
        return files, {files[entry]: start for entry, start in places if entry in files}


def _opened_mapped(
    name: str,
    head: frame.Head,
    mapped: MappedObject,
    sections: Mapping[SectionEntry, MappedSection],
    previous: Index | None,
) -> Snapshot:
    """Return the snapshot of a mapped object."""
    return Snapshot(name, decode.open_head(head, sections.__getitem__, MappedFetch(), previous), mapped.etag)


class SnapshotCache:
    """The most recently used snapshots, up to `budget` bytes of memory, but at least one.

    Their sections are in `files`, which have a budget of their own.
    """

    def __init__(self, store: Reader, files: SectionCache, budget: int, environment: Environment) -> None:
        self._store, self._files, self._budget, self._environment = store, files, budget, environment
        self.opener = SnapshotOpener(store, files, environment)
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._present_at: dict[str, float] = {}  # by index: when its snapshot was last known to be the present state
        self._lock = Lock()

    def read(self, name: str, *, for_search: bool = False) -> Snapshot:
        """Return the present snapshot by one conditional GET of the head: an unchanged object returns 304.

        Without a cached snapshot, `for_search` reads the bytes that a search needs together with the head.

        Raises:
            ObjectNotFound, StoreUnavailable, StoreRefused: as the store's `head` does.
            ObjectChanged: it changed during the read.
            BlobCorrupt, BlobUnsupported: the object cannot be read.
        """
        environment, cached = self._environment, self._cached(name)
        start = environment.now()
        length = SEARCH_HEAD_BYTES if for_search and cached is None else HEAD_BYTES
        head = self._store.head(name, length, cached.etag if cached else None)
        requests = head.requests if isinstance(head, ObjectHead) else 1
        environment.meter.add("ReadRequests", requests)
        environment.meter.add("ReadRounds", requests)
        if isinstance(head, ObjectHead):
            environment.meter.add("ReadBytes", len(head.data))
            opened = self.keep(self.opener.open(name, head, cached), start)
            environment.meter.add("ColdLoads")
            environment.meter.add("ColdLoadMilliseconds", (environment.now() - start) * 1000)
            return opened
        if cached is None:
            raise AssertionError("a store may answer NotModified only to an ETag")
        environment.meter.add("CacheHits")
        return self.keep(cached, start)

    def recent(self, name: str, staleness: float) -> Snapshot | None:
        """Return the cached snapshot if it was present at most `staleness` seconds ago; send no request."""
        cached = self._cached(name)
        present_at = self._present_at.get(name)
        if cached is None or present_at is None or self._environment.now() - present_at > staleness:
            return None
        self._environment.meter.add("CacheHits")
        return cached

    def keep(self, snapshot: Snapshot, present_at: float) -> Snapshot:
        """Cache a snapshot that was the present one at `present_at` or later."""
        name = snapshot.name
        with self._lock:
            self._snapshots[name] = snapshot
            self._present_at[name] = present_at
            self._snapshots.move_to_end(name)
            # An evicted file keeps its disk space while a snapshot uses it, so drop such snapshots.
            for other in [key for key, each in self._snapshots.items() if key != name and not self._is_whole(each)]:
                del self._snapshots[other]
            while (
                len(self._snapshots) > 1
                and sum(memory_bytes(one.index) for one in self._snapshots.values()) > self._budget
            ):
                self._snapshots.popitem(last=False)
            self._present_at = {key: self._present_at[key] for key in self._snapshots}
        return snapshot

    def forget(self, name: str) -> None:
        with self._lock:
            self._snapshots.pop(name, None)

    def _cached(self, name: str) -> Snapshot | None:
        with self._lock:
            cached = self._snapshots.get(name)
            if cached and not self._is_whole(cached):
                del self._snapshots[name]
                return None
        for file in cached.files if cached else ():
            self._files.touch(file)
        return cached

    def _is_whole(self, snapshot: Snapshot) -> bool:
        """Return True if none of the snapshot's files was evicted."""
        return all(map(self._files.contains, snapshot.files))


class SnapshotReader:
    """The present states of the indexes in one store."""

    def __init__(self, store: Store, cache: SnapshotCache, environment: Environment, retry_policy: RetryPolicy) -> None:
        self.store, self.cache, self.environment, self.retry_policy = store, cache, environment, retry_policy

    def open(self, name: str, *, for_search: bool = False) -> Snapshot:
        """Return the present snapshot of index `name`, a valid name, in one attempt.

        `for_search` as in `SnapshotCache.read`.

        Raises:
            IndexNotFound, BlobError, ObjectChanged, StoreUnavailable, StoreRefused
        """
        try:
            return self.cache.read(name, for_search=for_search)
        except ObjectNotFound as error:
            self.cache.forget(name)
            raise IndexNotFound(name) from error

    def present(self, name: str, deadline: Deadline) -> Snapshot:
        """Return the present snapshot of index `name`, retried until the deadline.

        Raises:
            IndexNotFound, BlobError, StorageSilent, StoreRefused
        """
        if not params.is_blob_name(name):
            raise IndexNotFound(name)
        return self.retry_policy.run(self.environment, deadline, partial(self.open, name))

    def etag(self, name: str, deadline: Deadline) -> str:
        """Return the present ETag of index `name`, readable or not.

        Raises:
            IndexNotFound, StorageSilent, StoreRefused
        """
        if not params.is_blob_name(name):
            raise IndexNotFound(name)
        try:
            return self.retry(deadline, lambda: self.store.etag(name))
        except ObjectNotFound as error:
            self.cache.forget(name)
            raise IndexNotFound(name) from error

    def exists(self, name: str, deadline: Deadline) -> bool:
        """Return True if there is an index `name`, readable or not."""
        try:
            self.etag(name, deadline)
        except IndexNotFound:
            return False
        return True

    def retry[R](self, deadline: Deadline, read: Callable[[], R]) -> R:
        """Return the result of `read`, retried as `RetryPolicy.run` does."""
        return self.retry_policy.run(self.environment, deadline, read)
