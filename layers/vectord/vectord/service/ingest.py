"""Ingest one uploaded file: all of it in one commit (one for each shard), or nothing and a report.

A file that can never be ingested leads to a report, unless a newer file replaced it. A temporary error is raised, so
that the queue delivers the event again.
"""

import hashlib
import posixpath
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
from vectord.service.values import validation
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.service.values.options import Deadline
from vectord.storage.base import Store
from vectord.storage.inbox import Inbox, UploadedFile

UPLOADS: Final = "uploads/"
REJECTED: Final = "rejected/"
MAX_KEY_BYTES: Final = 1_024  # S3's limit
LINK_SECONDS: Final = 900
MAX_REPORTED: Final = 1_000  # bad rows that a report lists

Outcome = Literal["committed", "stale", "rejected"]


class Ingested(msgspec.Struct, frozen=True):
    """The outcome of an upload: `rows` committed, or `bad` rows reported."""

    outcome: Outcome
    index: str
    rows: int = 0
    bad: int = 0


class UploadLink(msgspec.Struct, frozen=True):
    """A URL to PUT a file to, the key of the file, and the seconds for which the URL is valid."""

    key: str
    url: str
    expires: int


class Report(msgspec.Struct):
    """The stored report on a refused file; `rows` lists the first bad rows, `bad` counts all of them."""

    file: str
    etag: str
    sequencer: str
    reason: str
    bad: int = 0
    rows: list[dict[str, int | str | None]] = msgspec.field(default_factory=list)


def target_of(key: str) -> str:
    """Return the index that the key `uploads/<index>/<file>` names.

    Raises:
        FileRefused: the key has another form, or a path such as `..` in it.
    """
    index, _, rest = key.removeprefix(UPLOADS).partition("/")
    if not key.startswith(UPLOADS) or not params.is_index_name(index) or not rest or rest.endswith("/"):
        raise FileRefused(f"its key must be {UPLOADS}<index>/<file>, with the name of an index")
    if posixpath.normpath(rest) != rest or rest.startswith(("/", "../")):
        raise FileRefused("its key has empty, '.' or '..' parts")
    return index


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
        # The cache keeps one index only: a file and its index need the memory.
        self._reader = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._commits = CommitLoop(self._reader, build_policy=build_policy)
        self._pool = WorkerPool(environment)

    def ingest(self, upload: UploadedFile, deadline: Deadline) -> Ingested:
        """Ingest one upload into its index.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed; try again later.
        """
        index = ""
        try:
            index = target_of(upload.key)
            if upload.size > self._max_file_bytes:
                raise FileRefused(
                    f"it has {upload.size:,} bytes, more than the limit of {self._max_file_bytes:,}; split it"
                )
            present = self._reader.present(index, deadline).index
            if mutations.is_stale(present.applied, upload.key, upload.sequencer):
                return Ingested("stale", index)
            with self.environment.timed("FetchMilliseconds"):
                data = self._inbox.fetch(upload)
            with self.environment.timed("ParseMilliseconds"):
                entries = list(entries_of_file(upload.key, data, self._max_file_bytes))
            with self.environment.timed("CommitMilliseconds"):
                return self._commit(upload, index, present.params, entries, deadline)
        except (ConditionFailed, ObjectNotFound):
            return Ingested("stale", index)  # replaced or deleted; a newer file has its own event
        except BatchInvalid as error:
            return self._reject(upload, index, "some rows are not valid; nothing was committed", error.items)
        except (RequestInvalid, IndexNotFound) as error:
            return self._reject(upload, index, str(error), ())

    def link(self, name: str, file: str, deadline: Deadline) -> UploadLink:
        """Return a link that allows its holder to put `file` into the inbox of index `name` for LINK_SECONDS.

        Raises:
            RequestInvalid: the file's name has no known suffix, is too long, or leaves the index's folder.
            IndexNotFound, StorageSilent, StoreRefused
        """
        key = f"{UPLOADS}{name}/{file}"
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        if not is_ingestible(file):
            raise RequestInvalid(f"file must end with one of {', '.join(SUFFIXES)}, not {file!r}")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise RequestInvalid(
                f"file is too long: as {UPLOADS}<index>/<file> it may have at most {MAX_KEY_BYTES:,} bytes"
            )
        try:
            target_of(key)
        except FileRefused as error:
            raise RequestInvalid(f"file cannot be {file!r}: {error}") from error
        self._reader.etag(name, deadline)  # raises IndexNotFound
        return UploadLink(key, self._inbox.link(key, LINK_SECONDS), LINK_SECONDS)

    def _commit(
        self, upload: UploadedFile, name: str, present: Params, entries: Sequence[Entry], deadline: Deadline
    ) -> Ingested:
        if not entries:
            raise FileRefused("it contains no vectors")
        if present.shards:
            rows = self._add_to_shards(upload, name, present, entries, deadline)
        else:
            rows = self._add(upload, name, partial(validation.validated_items, entries), deadline)
        return Ingested("committed" if rows else "stale", name, rows=rows)

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
        rows = [{"line": item.position + 1, "id": item.id, "reason": item.reason} for item in items[:MAX_REPORTED]]
        report = Report(upload.key, upload.etag, upload.sequencer, reason, len(items), rows)
        self._inbox.report(upload, _report_key(upload.key), msgspec.json.encode(report))
        return Ingested("rejected", index, bad=len(items))


def _report_key(key: str) -> str:
    """Return the key of the report on the file `key`: its path under `rejected/`, or a hash if that is too long."""
    path = f"{REJECTED}{key.removeprefix(UPLOADS)}.json"
    if len(path.encode()) <= MAX_KEY_BYTES:
        return path
    return f"{REJECTED}{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.json"
