"""Ingest uploaded files: each is added as a whole or not at all, and files of one index share a commit.

A file that can never be ingested leads to a report, and so does one that another version replaced before it was
ingested. A temporary error is raised, so that the queue delivers the event again.
"""

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Final

import msgspec

from vectord.cache.section_cache import SectionCache
from vectord.errors import ConditionFailed, FileRefused, IndexNotFound, ObjectNotFound, RequestInvalid, VectordError
from vectord.index import mutations
from vectord.index.rows import Item
from vectord.lhv1.params import Params
from vectord.readers.entry import ROW_BYTES
from vectord.readers.files import entries_of_file, spare_memory
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.loop import CommitLoop
from vectord.service.ingestion.links import UploadLinks
from vectord.service.ingestion.uploads import (
    MAX_REPORTED,
    Added,
    FoundReport,
    Ingested,
    Job,
    Outcomes,
    index_of,
    is_data,
    target_of,
)
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.index import missing_shard_error
from vectord.service.sharding.placement import by_shard, check_parent, id_of
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.service.values.validation import Add, AddFiles, FileRows, validated_rows
from vectord.storage.base import Store
from vectord.storage.inbox import Inbox, UploadedFile

MAX_FILES: Final = 200  # of one commit: an index records the latest 1,000 files, and an outcome has two numbers of each
_GROUP_SHARE: Final = 2  # a group of files takes this share of the memory that one file may take
_SPARE: Final = 4  # times the limit of a file: what reading it may allocate, with DuckDB's buffers
_COMPONENT_BYTES: Final = 4


class ReadFile(msgspec.Struct, frozen=True, eq=False, dict=True):
    """A file that was read: its rows, and the parameters of the index (of the parent of shards) that they fit.

    `refusal` is the report on this version or an older one, which is out of date when the rows are committed.
    """

    upload: UploadedFile
    index: str
    items: Sequence[Item]
    valid_for: Params
    refusal: FoundReport | None

    @cached_property
    def size(self) -> int:
        """The bytes of memory that the rows take, as the limit of a file counts them."""
        metadata = sum(len(item.metadata) for item in self.items if item.metadata is not None)
        return len(self.items) * (ROW_BYTES + _COMPONENT_BYTES * self.valid_for.dimension) + metadata

    def rows(self, items: Sequence[Item]) -> FileRows:
        """Return some of the rows, as a commit adds them."""
        refused = (self.refusal.sequencer,) if self.refusal else ()
        return FileRows(self.upload.key, self.upload.sequencer, Add(items=items), refused)


type AddedOrError = Added | VectordError
type _Numbered = tuple[int, FileRows]  # the place of a file in its group, and its rows for one object


class Ingestion:
    """Ingests uploads from an inbox into indexes. `links` creates links to upload files.

    A file is read, added together with other files of its index, and settled.
    """

    def __init__(
        self,
        inbox: Inbox,
        store: Store,
        files: SectionCache,
        *,
        max_file_bytes: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        build_policy: BuildPolicy | None = None,
    ) -> None:
        """Refuse files of more than `max_file_bytes`, as stored or decompressed. `bucket` is the name of the inbox."""
        self.bucket, self.environment = inbox.bucket, environment
        # The cache keeps one index only: files and their index need the memory.
        reader = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._inbox, self._reader, self._max_file_bytes = inbox, reader, max_file_bytes
        self._commits, self._pool = CommitLoop(reader, build_policy=build_policy), WorkerPool(environment)
        self._outcomes = Outcomes(inbox, reader, self._pool)
        self.links = UploadLinks(inbox, reader, max_file_bytes)

    def ingest(self, upload: UploadedFile, deadline: Deadline) -> Ingested:
        """Ingest one upload into its index.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed; try again later.
        """
        read = self.read(upload, deadline)
        return read if isinstance(read, Ingested) else self.add_alone(read, deadline)

    def read(self, upload: UploadedFile, deadline: Deadline) -> ReadFile | Ingested:
        """Read a file, or return its outcome: the index has applied it or a later version, or it cannot be ingested.

        Raises:
            What `ingest` raises.
        """
        try:
            return self._read(upload, deadline)
        except ObjectNotFound:
            return Ingested("stale", index_of(upload.key))  # deleted
        except ConditionFailed:
            return self._outcomes.superseded(Job(upload, index_of(upload.key), deadline))
        except (RequestInvalid, IndexNotFound) as error:
            return self._outcomes.rejected(Job(upload, index_of(upload.key), deadline), error)

    def can_join(self, group: Sequence[ReadFile], file: ReadFile) -> bool:
        """Return True if one commit can add a file together with a group, within the memory for several files."""
        size = file.size + sum(one.size for one in group)
        fits = len(group) < MAX_FILES and size <= self._max_file_bytes // _GROUP_SHARE
        return fits and group[0].valid_for == file.valid_for

    def add_alone(self, file: ReadFile, deadline: Deadline) -> Ingested:
        """Add a file by a commit of its own, and settle it.

        Raises:
            What `ingest` raises.
        """
        [added] = self.add([file], deadline)
        if isinstance(added, Added | IndexNotFound):
            return self._outcomes.settled(Job(file.upload, file.index, deadline), added, file.refusal)
        raise added

    def add(self, group: Sequence[ReadFile], deadline: Deadline) -> list[AddedOrError]:
        """Add files of one index by one commit (one for each shard); return what became of each of them.

        A file has an error if a shard with rows of it has one, even if other shards have added its rows.
        """
        start, parent = self.environment.now(), group[0].valid_for
        parts: dict[str, list[_Numbered]] = {}
        for number, file in enumerate(group):
            shares = by_shard(parent, file.items, id_of) if parent.shards else {file.index: file.items}
            for name, items in shares.items():
                parts.setdefault(name, []).append((number, file.rows(items)))
        found: list[list[AddedOrError]] = [[] for _ in group]
        add_to = partial(self._add_to, parent, deadline)
        try:
            for results in self._pool.map(add_to, parts.items()) if parent.shards else map(add_to, parts.items()):
                for number, result in results:
                    found[number].append(result)
        finally:
            self.environment.meter.add("CommitMilliseconds", (self.environment.now() - start) * 1000)
        return [one[0] if len(one) == 1 else _sum(one) for one in found]

    def settle(self, file: ReadFile, added: Added | IndexNotFound, deadline: Deadline) -> Ingested:
        """Return the outcome of a file that was added, or whose index is gone; write or remove the reports on it.

        Raises:
            What `ingest` raises.
        """
        return self._outcomes.settled(Job(file.upload, file.index, deadline), added, file.refusal)

    def _read(self, upload: UploadedFile, deadline: Deadline) -> ReadFile | Ingested:
        """Do what `read` does, but raise the errors of a file that cannot be ingested."""
        if not is_data(upload):
            return Ingested("ignored", "")
        job, limit = Job(upload, target_of(upload.key), deadline), self._max_file_bytes
        if upload.size > limit:
            raise FileRefused(f"it has {upload.size:,} bytes, more than the limit of {limit:,}; split it")
        present = self._reader.present(job.index, deadline).index
        if present.params.shards:
            check_parent(present.params, job.index)
        if mutations.is_stale(present.applied, upload.key, upload.sequencer):
            overtaken = not job.is_recorded(present)
            return self._outcomes.added(job, Added(0, overtaken), self._outcomes.refusal_of(job))
        items = self._rows(job, present.params)
        return ReadFile(upload, job.index, items, present.params, self._outcomes.refusal_of(job))

    def _rows(self, job: Job, index: Params) -> list[Item]:
        """Return the rows of a file, valid for an index with these parameters.

        Raises:
            FileRefused, BatchInvalid: the file can never be ingested.
            ConditionFailed: another version has replaced it.
            ObjectNotFound: it was deleted.
            DeadlineExceeded, StoreUnavailable, StoreRefused
        """
        start = self.environment.now()
        try:
            data = self._inbox.fetch(job.upload)
        finally:
            self.environment.meter.add("FetchMilliseconds", (self.environment.now() - start) * 1000)
        if not data:
            raise FileRefused("it is empty: it has 0 bytes")
        try:
            with self.environment.timed("ParseMilliseconds"), spare_memory(_SPARE * self._max_file_bytes):
                entries = entries_of_file(job.upload.key, data, self._max_file_bytes, index.dimension)
                del data  # the reader frees it when it can
                items = validated_rows(entries, index, MAX_REPORTED, partial(self.environment.check, job.deadline))
        except MemoryError as error:
            raise FileRefused("it needs more memory than this function has; split it") from error
        if not items:
            raise FileRefused("it contains no vectors")
        return items

    def _add_to(
        self, parent: Params, deadline: Deadline, rows_of: tuple[str, Sequence[_Numbered]]
    ) -> list[tuple[int, AddedOrError]]:
        """Add rows to one object, which is named with them, by one commit; return what it did with each file."""
        name, part = rows_of
        operation = AddFiles([rows for _, rows in part], parent.dimension, parent.distance)
        try:
            base = self._reader.present(name, deadline)
            effect = self._commits.apply(base, operation, deadline).result
        except IndexNotFound as missing:
            error = missing_shard_error(self._reader, parent, name, deadline) if parent.shards else missing
            return [(number, error) for number, _ in part]
        except VectordError as failure:
            return [(number, failure) for number, _ in part]
        counts = zip(effect[::2], effect[1::2], strict=True)
        return [(number, Added(rows, bool(late))) for (number, _), (rows, late) in zip(part, counts, strict=True)]


def _sum(results: Sequence[AddedOrError]) -> AddedOrError:
    """Return what became of a file in all objects that have rows of it: the first error, if there is one."""
    rows, overtaken = 0, False
    for result in results:
        if isinstance(result, VectordError):
            return result
        rows, overtaken = rows + result.rows, overtaken or result.overtaken
    return Added(rows, overtaken)
