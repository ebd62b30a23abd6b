"""Ingest one uploaded file: all of it in one commit (one for each shard), or nothing and a report.

A file that can never be ingested leads to a report, and so does one that another version replaced before it was
ingested. A temporary error is raised, so that the queue delivers the event again.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from vectord.cache.section_cache import SectionCache
from vectord.errors import (
    BadItem,
    BatchInvalid,
    ConditionFailed,
    FileRefused,
    IndexNotFound,
    ObjectChanged,
    ObjectNotFound,
    RequestInvalid,
)
from vectord.index import mutations
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.readers.files import SUFFIXES, entries_of_file, is_ingestible, spare_memory
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.loop import CommitLoop
from vectord.service.commit.prepared import Effect
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.index import missing_shard_error
from vectord.service.sharding.placement import by_shard, check_parent, id_of, shard_names
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.uploads import (
    MAX_KEY_BYTES,
    MAX_REPORTED,
    UPLOADS,
    FoundReport,
    Reports,
    is_data,
    is_hidden,
    reason_of_bad_rows,
    target_of,
)
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.service.values.validation import validated_rows
from vectord.storage.base import Store
from vectord.storage.inbox import MAX_PUT_BYTES, Inbox, UploadedFile

LINK_SECONDS: Final = 900

_SPARE: Final = 4  # times the limit of a file: what reading it may allocate, with DuckDB's buffers

Outcome = Literal["committed", "stale", "superseded", "rejected", "ignored"]


class Ingested(msgspec.Struct, frozen=True):
    """The outcome of an upload: `rows` committed, or `bad` rows reported.

    An upload is `stale` if it was applied or refused before, or deleted; `superseded` if another version replaced it;
    `ignored` if it is not a file of vectors.
    """

    outcome: Outcome
    index: str
    rows: int = 0
    bad: int = 0


class _Applied(msgspec.Struct, frozen=True):
    """What an upload changed: the number of rows added.

    It was `overtaken` if the index, or one of its shards, has applied a later version of the file. `refusal` is the
    report on this version or an older one, which is out of date.
    """

    rows: int
    overtaken: bool
    refusal: FoundReport | None


class _Job(msgspec.Struct, frozen=True):
    """An upload, the index that its key names, and when the function must be done."""

    upload: UploadedFile
    index: str
    deadline: Deadline

    def is_stale(self, index: Index) -> bool:
        return mutations.is_stale(index.applied, self.upload.key, self.upload.sequencer)

    def is_recorded(self, index: Index) -> bool:
        return mutations.is_recorded(index.applied, self.upload.key, self.upload.sequencer)


class UploadLink(msgspec.Struct, frozen=True):
    """A URL to PUT a file to and the headers of the request; the key of the file; the seconds for which it is valid."""

    key: str
    url: str
    headers: dict[str, str]
    expires: int


class _Rows(msgspec.Struct, frozen=True):
    """Rows of a file, and the parameters of the index (of the parent of shards) for which they were validated."""

    items: list[Item]
    valid_for: Params


class Ingestion:
    """Ingests uploads from an inbox into indexes, and creates links to upload to."""

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
        self.bucket = inbox.bucket
        self._inbox, self._max_file_bytes, self.environment = inbox, max_file_bytes, environment
        self._reports = Reports(inbox)
        # The cache keeps one index only: a file and its index need the memory.
        self._reader = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._commits = CommitLoop(self._reader, build_policy=build_policy)
        self._pool = WorkerPool(environment)

    def ingest(self, upload: UploadedFile, deadline: Deadline) -> Ingested:
        """Ingest one upload into its index.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed; try again later.
        """
        if not is_data(upload):
            return Ingested("ignored", "")
        job = _Job(upload, "", deadline)
        try:
            job = _Job(upload, target_of(upload.key), deadline)
            if upload.size > self._max_file_bytes:
                raise FileRefused(
                    f"it has {upload.size:,} bytes, more than the limit of {self._max_file_bytes:,}; split it"
                )
            applied = self._apply(job)
        except ObjectNotFound:
            return Ingested("stale", job.index)  # deleted
        except ConditionFailed:
            return self._superseded(job)
        except (RequestInvalid, IndexNotFound) as error:
            return self._reject(job, error)
        if applied.refusal is not None:
            # After a redelivery too: the delivery that committed the rows may have ended before this.
            self._reader.retry(deadline, partial(self._reports.remove, applied.refusal))
        if applied.overtaken:
            return self._superseded(job, applied.rows)
        return Ingested("committed" if applied.rows else "stale", job.index, rows=applied.rows)

    def link(self, name: str, file: str, size: int, deadline: Deadline) -> UploadLink:
        """Return a link that allows its holder to put one `file` of `size` bytes into the inbox of index `name`.

        It is valid for LINK_SECONDS. Its key contains a random token, so that two links never lead to one key.

        Raises:
            RequestInvalid: the file's name has no known suffix, is too long, or leaves the index's folder; or a file
                of that size could not be ingested.
            IndexNotFound, StorageSilent, StoreRefused
        """
        key = f"{UPLOADS}{name}/{self.environment.new_id()}/{file}"
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        if not is_ingestible(file):
            raise RequestInvalid(f"file must end with one of {', '.join(SUFFIXES)}, not {file!r}")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise RequestInvalid(
                f"file is too long: as {UPLOADS}<index>/<token>/<file> it may have at most {MAX_KEY_BYTES:,} bytes"
            )
        limit = min(self._max_file_bytes, MAX_PUT_BYTES)
        if not 1 <= size <= limit:
            raise RequestInvalid(f"bytes must be 1 to {limit:,}, not {size:,}; split a larger file")
        if is_hidden(file):
            raise RequestInvalid(f"file cannot be {file!r}: names that begin with '.' or '_' are ignored")
        try:
            target_of(key)
        except FileRefused as error:
            raise RequestInvalid(f"file cannot be {file!r}: {error}") from error
        self._reader.etag(name, deadline)  # raises IndexNotFound
        signed = self._inbox.link(key, size, LINK_SECONDS)
        return UploadLink(key, signed.url, signed.headers, LINK_SECONDS)

    def _apply(self, job: _Job) -> _Applied:
        """Fetch a file and commit its rows, unless the index has applied this version or a later one."""
        present = self._reader.present(job.index, job.deadline).index
        if job.is_stale(present):
            return _Applied(0, not job.is_recorded(present), self._refusal_of(job))
        rows_of_file = self._read(job, present.params)
        refusal = self._refusal_of(job)
        with self.environment.timed("CommitMilliseconds"):
            if present.params.shards:
                rows, overtaken = self._add_to_shards(job, rows_of_file, refusal)
            else:
                rows, overtaken = self._add(job, job.index, rows_of_file, refusal)
        return _Applied(rows, overtaken > 0, refusal)

    def _read(self, job: _Job, index: Params) -> _Rows:
        """Fetch a file and return its rows, valid for an index with these parameters."""
        with self.environment.timed("FetchMilliseconds"):
            data = self._inbox.fetch(job.upload)
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
        return _Rows(items, index)

    def _add_to_shards(self, job: _Job, rows: _Rows, refusal: FoundReport | None) -> tuple[int, int]:
        """Add its rows to each shard that has not applied the upload yet; return the sums of what `_add` returns."""
        parent = rows.valid_for
        check_parent(parent, job.index)

        def add_to(shard_items: tuple[str, list[Item]]) -> Effect:
            shard, items = shard_items
            try:
                return self._add(job, shard, _Rows(items, parent), refusal)
            except IndexNotFound:
                raise missing_shard_error(self._reader, parent, shard, job.deadline) from None

        items_of_shards = by_shard(parent, rows.items, id_of)
        effects = self._pool.map(add_to, items_of_shards.items())
        return sum(effect[0] for effect in effects), sum(effect[1] for effect in effects)

    def _add(self, job: _Job, name: str, rows: _Rows, refusal: FoundReport | None) -> Effect:
        """Add rows to the index or shard `name` and record the upload, in one commit.

        Return the number of rows, 0 if the upload is stale; and 1 if a later version was applied, but not this one.
        """
        key, sequencer, refused = job.upload.key, job.upload.sequencer, (refusal.sequencer,) if refusal else ()

        def add(index: Index) -> tuple[Index, Effect]:
            found, expected = index.params, rows.valid_for
            if found.shards or (found.dimension, found.distance) != (expected.dimension, expected.distance):
                raise ObjectChanged(name)  # the index was deleted and created again with other parameters
            if job.is_stale(index):
                return index, (0, int(not job.is_recorded(index)))
            changed, _, _ = mutations.upsert(index, rows.items)
            return mutations.record_upload(changed, key, sequencer, refused), (len(rows.items), 0)

        return self._commits.change(name, add, job.deadline, adds=len(rows.items)).result

    def _reject(self, job: _Job, error: RequestInvalid | IndexNotFound) -> Ingested:
        """Write the report on a file that can never be ingested, unless another version has replaced it."""
        if self._inbox.replacement(job.upload) is not None:
            return self._superseded(job)
        items: Sequence[BadItem] = ()
        reason = str(error)
        if isinstance(error, BatchInvalid):
            reason, items = reason_of_bad_rows(len(error.items)), error.items
        self._reports.write_refusal(job.upload, reason, items)
        return Ingested("rejected", job.index, bad=len(items))

    def _superseded(self, job: _Job, rows: int = 0) -> Ingested:
        """Report that another version replaced the file, unless the file was deleted or this is a redelivery."""
        newer = self._inbox.replacement(job.upload)
        if newer is None or self._was_handled(job):
            return Ingested("stale", job.index, rows=rows)
        self._reports.write_superseded(job.upload, newer, rows)
        return Ingested("superseded", job.index, rows=rows)

    def _was_handled(self, job: _Job) -> bool:
        """Return True if an earlier delivery of the event applied the file or refused it."""
        refusal = self._refusal_of(job)
        if refusal is not None and refusal.sequencer == job.upload.sequencer:
            return True
        try:
            present = self._reader.present(job.index, job.deadline).index
        except IndexNotFound:
            return False
        shards = shard_names(present.params)
        states = self._pool.map(lambda shard: self._reader.present(shard, job.deadline).index, shards)
        return any(map(job.is_recorded, (present, *states)))

    def _refusal_of(self, job: _Job) -> FoundReport | None:
        return self._reader.retry(job.deadline, partial(self._reports.find, job.upload))
