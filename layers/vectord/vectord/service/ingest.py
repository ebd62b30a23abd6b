"""Ingest one uploaded file: all of it in one commit (in one for each shard), or none of it and a report.

Whatever can never succeed ends here, with a report or because a newer file replaced it; whatever may succeed later is
raised, so that the queue brings the event again.
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
from vectord.index import dedup, mutations
from vectord.index.rows import Item
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.lhv1.params import Params
from vectord.readers.entry import Entry
from vectord.readers.files import SUFFIXES, entries_of_file, is_ingestible
from vectord.service import validation
from vectord.service.commit.loop import CommitLoop
from vectord.service.environment import Environment, RetryPolicy
from vectord.service.maintenance.policy import BuildPolicy
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.placement import by_shard, check_parent
from vectord.service.sharding.reads import missing
from vectord.service.sharding.writes import id_of
from vectord.service.snapshots.cache import SnapshotCache
from vectord.service.snapshots.reader import SnapshotReader
from vectord.storage.base import Store
from vectord.storage.inbox import Inbox, UploadedFile

UPLOADS: Final = "uploads/"
REJECTED: Final = "rejected/"
MAX_KEY_BYTES: Final = 1_024  # of S3
LINK_SECONDS: Final = 900
MAX_REPORTED: Final = 1_000  # bad rows that a report lists

Outcome = Literal["committed", "stale", "rejected"]


class Ingested(msgspec.Struct, frozen=True):
    """What became of an upload: `rows` committed, or `bad` rows reported."""

    outcome: Outcome
    index: str
    rows: int = 0
    bad: int = 0


class Link(msgspec.Struct, frozen=True):
    """Where to PUT a file, under which key it will lie, and for how many seconds the link works."""

    key: str
    url: str
    expires: int


class Report(msgspec.Struct):
    """The object that stands beside a refused file; `rows` lists the first bad ones, `bad` counts them all."""

    file: str
    etag: str
    sequencer: str
    reason: str
    bad: int = 0
    rows: list[dict[str, int | str | None]] = msgspec.field(default_factory=list)


def target_of(key: str) -> str:
    """Return the index that the key `uploads/<index>/<file>` names.

    Raises:
        FileRefused: the key is of another form, or steps out of its folder.
    """
    index, _, rest = key.removeprefix(UPLOADS).partition("/")
    if not key.startswith(UPLOADS) or not params.is_index_name(index) or not rest or rest.endswith("/"):
        raise FileRefused(f"its key must be {UPLOADS}<index>/<file>, with the name of an index")
    if posixpath.normpath(rest) != rest or rest.startswith(("/", "../")):
        raise FileRefused("its key has empty, '.' or '..' parts")
    return index


class Ingestion:
    """Brings uploads from an inbox into indexes, and hands out links to upload to."""

    def __init__(
        self,
        inbox: Inbox,
        store: Store,
        files: SectionCache,
        *,
        most: int,
        environment: Environment,
        retry_policy: RetryPolicy,
        rebuilds: BuildPolicy | None = None,
    ) -> None:
        """Take `most` bytes as the bound of a file, as stored and as decoded."""
        self._inbox, self._most, self.environment = inbox, most, environment
        # Nothing is kept warm: a file and the index it goes to want the memory.
        self._reads = SnapshotReader(store, SnapshotCache(store, files, 0, environment), environment, retry_policy)
        self._commits, self._crew = CommitLoop(self._reads, rebuilds=rebuilds), WorkerPool(environment)

    def ingest(self, upload: UploadedFile, until: float) -> Ingested:
        """Bring one upload into its index.

        Raises:
            Unavailable, StoreError, BlobError: nothing was changed; try again later.
        """
        index = ""
        try:
            index = target_of(upload.key)
            if upload.size > self._most:
                raise FileRefused(f"it has {upload.size:,} bytes, more than the {self._most:,} that fit; split it")
            present = self._reads.state(index, until).index
            if dedup.is_stale(present.applied, upload.key, upload.sequencer):
                return Ingested("stale", index)
            with self.environment.timed("FetchMilliseconds"):
                data = self._inbox.fetch(upload)
            with self.environment.timed("ParseMilliseconds"):
                entries = list(entries_of_file(upload.key, data, self._most))
            with self.environment.timed("CommitMilliseconds"):
                return self._commit(upload, index, present.params, entries, until)
        except (ConditionFailed, ObjectNotFound):
            return Ingested("stale", index)  # replaced or deleted meanwhile; a newer file has an event of its own
        except BatchInvalid as error:
            return self._reject(upload, index, "some rows are not valid; nothing was committed", error.items)
        except (RequestInvalid, IndexNotFound) as error:
            return self._reject(upload, index, str(error), ())

    def link(self, name: str, file: str, until: float) -> Link:
        """Return a link by which anybody may put `file` into the inbox of index `name` for some minutes.

        Raises:
            RequestInvalid: the file's name is of no format, too long, or steps out of the index's folder.
            IndexNotFound, StorageSilent, StoreRefused
        """
        key = f"{UPLOADS}{name}/{file}"
        if not params.is_index_name(name):
            raise IndexNotFound(name)
        if not is_ingestible(file):
            raise RequestInvalid(f"file must end with one of {', '.join(SUFFIXES)}, not {file!r}")
        if len(key.encode()) > MAX_KEY_BYTES:
            raise RequestInvalid(f"file is too long: as {UPLOADS}<index>/<file> it may have {MAX_KEY_BYTES:,} bytes")
        try:
            target_of(key)
        except FileRefused as error:
            raise RequestInvalid(f"file cannot be {file!r}: {error}") from error
        self._reads.etag(name, until)  # of no index there is no inbox
        return Link(key, self._inbox.link(key, LINK_SECONDS), LINK_SECONDS)

    def _commit(
        self, upload: UploadedFile, name: str, present: Params, entries: Sequence[Entry], until: float
    ) -> Ingested:
        if not entries:
            raise FileRefused("it holds no vector")
        if present.shards:
            rows = self._add_to_shards(upload, name, present, entries, until)
        else:
            rows = len(entries) if self._add(upload, name, partial(validation.checked, entries), until) else 0
        return Ingested("committed" if rows else "stale", name, rows=rows)

    def _add_to_shards(
        self, upload: UploadedFile, name: str, parent: Params, entries: Sequence[Entry], until: float
    ) -> int:
        """Add to each shard that has not got its part yet, and return how many rows those took."""
        check_parent(parent, name)

        def add(part: tuple[str, list[Item]]) -> int:
            shard, items = part
            try:
                return len(items) if self._add(upload, shard, lambda _: items, until) else 0
            except IndexNotFound:
                raise missing(self._reads, parent, shard, until) from None

        return sum(self._crew.each(add, by_shard(parent, validation.checked(entries, parent), id_of).items()))

    def _add(
        self, upload: UploadedFile, name: str, items_for: Callable[[Params], Sequence[Item]], until: float
    ) -> bool:
        """Add rows and the upload's token in one commit, unless the token or a newer one is there."""

        def add(index: Index) -> tuple[Index, bool]:
            if index.params.shards:
                raise ObjectChanged(name)  # deleted since it was read, and created anew in shards
            if dedup.is_stale(index.applied, upload.key, upload.sequencer):
                return index, False
            changed, _, _ = mutations.upsert(index, items_for(index.params))
            return mutations.record_upload(changed, upload.key, upload.sequencer), True

        return self._commits.change(name, add, until).result

    def _reject(self, upload: UploadedFile, index: str, reason: str, items: Sequence[BadItem]) -> Ingested:
        rows = [{"line": item.position + 1, "id": item.id, "reason": item.reason} for item in items[:MAX_REPORTED]]
        report = Report(upload.key, upload.etag, upload.sequencer, reason, len(items), rows)
        self._inbox.report(upload, _report_key(upload.key), msgspec.json.encode(report))
        return Ingested("rejected", index, bad=len(items))


def _report_key(key: str) -> str:
    """Return where the report of the file `key` lies: beside it, or by its hash where the name would be too long."""
    beside = f"{REJECTED}{key.removeprefix(UPLOADS)}.json"
    if len(beside.encode()) <= MAX_KEY_BYTES:
        return beside
    return f"{REJECTED}{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.json"
