"""Ingest one uploaded file: all of it in one commit (one for each shard), or nothing and a report.

A file that can never be ingested leads to a report, unless a newer file replaced it. A temporary error is raised, so
that the queue delivers the event again.
"""

from collections.abc import Callable, Sequence
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
from vectord.readers.entry import Entry
from vectord.readers.files import SUFFIXES, entries_of_file, is_ingestible
from vectord.service.commit.build_policy import BuildPolicy
from vectord.service.commit.idempotency import Effect
from vectord.service.commit.loop import CommitLoop
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.index import missing_shard_error
from vectord.service.sharding.placement import by_shard, check_parent, id_of
from vectord.service.snapshots.cache import SnapshotCache, SnapshotReader
from vectord.service.uploads import MAX_KEY_BYTES, UPLOADS, Reports, is_data, is_hidden, target_of
from vectord.service.values import validation
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Store
from vectord.storage.inbox import MAX_PUT_BYTES, Inbox, UploadedFile

LINK_SECONDS: Final = 900

Outcome = Literal["committed", "stale", "rejected", "ignored"]


class Ingested(msgspec.Struct, frozen=True):
    """The outcome of an upload: `rows` committed, or `bad` rows reported; `ignored` if it is not a file of vectors."""

    outcome: Outcome
    index: str
    rows: int = 0
    bad: int = 0


class UploadLink(msgspec.Struct, frozen=True):
    """A URL to PUT a file to and the headers of the request; the key of the file; the seconds for which it is valid."""

    key: str
    url: str
    headers: dict[str, str]
    expires: int


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
        """Refuse files of more than `max_file_bytes`, as stored or decompressed."""
        self._inbox, self._max_file_bytes, self.environment = inbox, max_file_bytes, environment
        self._reports = Reports(inbox)
        # The cache keeps one index only: a file and its index need the memory.
        self._reader = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._commits = CommitLoop(self._reader, build_policy=build_policy)
        self._pool = WorkerPool(environment)

    @property
    def bucket(self) -> str:
        """The name of the bucket whose files are ingested."""
        return self._inbox.bucket

    def ingest(self, upload: UploadedFile, deadline: Deadline) -> Ingested:
        """Ingest one upload into its index.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed; try again later.
        """
        if not is_data(upload):
            return Ingested("ignored", "")
        index = ""
        try:
            index = target_of(upload.key)
            if upload.size > self._max_file_bytes:
                raise FileRefused(
                    f"it has {upload.size:,} bytes, more than the limit of {self._max_file_bytes:,}; split it"
                )
            rows = self._apply(upload, index, deadline)
        except (ConditionFailed, ObjectNotFound):
            return Ingested("stale", index)  # replaced or deleted; a newer file has its own event
        except BatchInvalid as error:
            return self._reject(upload, index, "some rows are not valid; nothing was committed", error.items)
        except (RequestInvalid, IndexNotFound) as error:
            return self._reject(upload, index, str(error), ())
        # After a redelivery too: the delivery that committed the rows may have ended before this.
        self._reader.retry(deadline, partial(self._reports.remove, upload))
        return Ingested("committed" if rows else "stale", index, rows=rows)

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

    def _apply(self, upload: UploadedFile, name: str, deadline: Deadline) -> int:
        """Fetch a file and commit its rows; return the number of rows added, 0 if the index has applied the upload."""
        present = self._reader.present(name, deadline).index
        if mutations.is_stale(present.applied, upload.key, upload.sequencer):
            return 0
        with self.environment.timed("FetchMilliseconds"):
            data = self._inbox.fetch(upload)
        if not data:
            raise FileRefused("it is empty: it has 0 bytes")
        with self.environment.timed("ParseMilliseconds"):
            entries = list(entries_of_file(upload.key, data, self._max_file_bytes))
        if not entries:
            raise FileRefused("it contains no vectors")
        with self.environment.timed("CommitMilliseconds"):
            if present.params.shards:
                return self._add_to_shards(upload, name, present.params, entries, deadline)
            return self._add(upload, name, partial(validation.validated_items, entries), deadline)

    def _add_to_shards(
        self, upload: UploadedFile, name: str, parent: Params, entries: Sequence[Entry], deadline: Deadline
    ) -> int:
        """Add its rows to each shard that has not applied the upload yet, and return the number of rows added."""
        check_parent(parent, name)

        def add_to(shard_items: tuple[str, list[Item]]) -> int:
            shard, items = shard_items
            try:
                return self._add(upload, shard, lambda _: items, deadline)
            except IndexNotFound:
                raise missing_shard_error(self._reader, parent, shard, deadline) from None

        return sum(self._pool.map(add_to, by_shard(parent, validation.validated_items(entries, parent), id_of).items()))

    def _add(
        self, upload: UploadedFile, name: str, items_for: Callable[[Params], Sequence[Item]], deadline: Deadline
    ) -> int:
        """Add rows and record the upload in one commit; return the number of rows, 0 if the upload is stale."""

        def add(index: Index) -> tuple[Index, Effect]:
            if index.params.shards:
                raise ObjectChanged(name)  # the index was deleted and created again with shards
            if mutations.is_stale(index.applied, upload.key, upload.sequencer):
                return index, (0,)
            items = items_for(index.params)
            changed, _, _ = mutations.upsert(index, items)
            return mutations.record_upload(changed, upload.key, upload.sequencer), (len(items),)

        return self._commits.change(name, add, deadline).result[0]

    def _reject(self, upload: UploadedFile, index: str, reason: str, items: Sequence[BadItem]) -> Ingested:
        if not self._reports.write(upload, reason, items):
            return Ingested("stale", index)
        return Ingested("rejected", index, bad=len(items))
