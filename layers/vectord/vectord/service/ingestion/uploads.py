"""The objects of the inbox: which of them are files for an index, what became of a file, and the reports on files.

| key                            | object                                                                 |
|--------------------------------|------------------------------------------------------------------------|
| `uploads/<index>/<file>`       | a file for an index; see `is_data` for the objects that are not files. |
|                                | The path of a file that was put through a link begins with a token     |
| `rejected/<index>/<file>.json` | the report on the newest version of that file that was refused         |
| `rejected/<index>/<file>.superseded-<hash>.json` | the report on a version of that file that another    |
|                                | one replaced before it was ingested                                    |
"""

import hashlib
import posixpath
from collections.abc import Sequence
from functools import partial
from typing import Final, Literal

import msgspec

from vectord.errors import BadItem, BatchInvalid, FileRefused, IndexNotFound, RequestInvalid
from vectord.index import mutations
from vectord.index.state import Index
from vectord.lhv1 import params
from vectord.service.sharding.fan_out import WorkerPool
from vectord.service.sharding.placement import shard_names
from vectord.service.snapshots.cache import SnapshotReader
from vectord.service.values.options import Deadline
from vectord.storage.inbox import Inbox, Replacement, UploadedFile

UPLOADS: Final = "uploads/"
REJECTED: Final = "rejected/"
MAX_KEY_BYTES: Final = 1_024  # S3's limit
MAX_REPORTED: Final = 1_000  # bad rows that a report lists

_FOLDERS: Final = ("/", "_$folder$")  # ends of the keys that S3's console, and Hadoop, create for an empty folder


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


class Job(msgspec.Struct, frozen=True):
    """An upload, the index that its key names, and until when a step of its ingestion may take."""

    upload: UploadedFile
    index: str
    deadline: Deadline

    def is_recorded(self, index: Index) -> bool:
        return mutations.is_recorded(index.applied, self.upload.key, self.upload.sequencer)


class Added(msgspec.Struct, frozen=True):
    """What a commit did with a file: the number of rows that it added.

    The file was `overtaken` if the index, or one of its shards, has applied a later version of it, but not this one.
    """

    rows: int
    overtaken: bool


class Report(msgspec.Struct):
    """The stored report on a refused file; `rows` lists the first bad rows, `bad` counts all of them."""

    file: str
    etag: str
    sequencer: str
    reason: str
    bad: int = 0
    rows: list[dict[str, int | str | None]] = msgspec.field(default_factory=list)


class SupersededReport(Report, kw_only=True):
    """The stored report on a file that was replaced before it was ingested, by a version with the given ETag."""

    superseded_by: str
    superseded_at: str


class FoundReport(msgspec.Struct, frozen=True):
    """The key and the ETag of a stored report, and the sequencer of the version that it is about."""

    key: str
    etag: str
    sequencer: str


def is_data(upload: UploadedFile) -> bool:
    """Return False if the object is not a file for an index: a folder, a hidden object, or a report.

    Names that begin with a dot or an underscore are hidden, as in Hadoop, Spark and Athena: `.DS_Store`, `_SUCCESS`,
    and everything in `_temporary/`. The name of an index is never hidden.
    """
    if upload.key.startswith(REJECTED):
        return False
    folder, _, file = upload.key.removeprefix(UPLOADS).partition("/")
    is_folder = not upload.size and (not folder or upload.key.endswith(_FOLDERS))
    return not is_folder and not is_hidden(file or folder)


def is_hidden(path: str) -> bool:
    return any(name.startswith((".", "_")) and name not in {".", ".."} for name in path.split("/"))


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


def index_of(key: str) -> str:
    """Return the index that the key of an object names; an empty text if it names none."""
    try:
        return target_of(key)
    except FileRefused:
        return ""


class Reports:
    """The reports in one inbox: at most one refusal for each key of a file, and one for each superseded version."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def write_refusal(self, upload: UploadedFile, reason: str, items: Sequence[BadItem]) -> None:
        """Write the report on a refused file over the one on an earlier version."""
        rows = [{"line": item.position + 1, "id": item.id, "reason": item.reason} for item in items[:MAX_REPORTED]]
        report = Report(upload.key, upload.etag, upload.sequencer, reason, len(items), rows)
        self._inbox.write_report(report_key(upload.key), msgspec.json.encode(report))

    def write_superseded(self, upload: UploadedFile, newer: Replacement, rows: int) -> None:
        """Write the report on a file that `newer` replaced before it was ingested; `rows` of it were added."""
        added = f"{rows:,} of its rows were added" if rows else "none of its rows were added"
        reason = f"another version of the file replaced it before it was ingested; {added}"
        report = SupersededReport(
            upload.key, upload.etag, upload.sequencer, reason, superseded_by=newer.etag, superseded_at=newer.modified
        )
        version = hashlib.blake2b(f"{upload.etag}:{upload.sequencer}".encode(), digest_size=8).hexdigest()
        self._inbox.write_report(report_key(upload.key, f".superseded-{version}"), msgspec.json.encode(report))

    def find(self, upload: UploadedFile) -> FoundReport | None:
        """Return the refusal of this version of a file or of an older one; None if there is none."""
        key = report_key(upload.key)
        found = self._inbox.read_report(key)
        if found is None:
            return None
        try:
            report = msgspec.json.decode(found.data, type=Report)
        except msgspec.DecodeError:
            return None  # it was not written by this package
        if report.file != upload.key or not mutations.is_not_older(upload.sequencer, report.sequencer):
            return None
        return FoundReport(key, found.etag, report.sequencer)

    def remove(self, found: FoundReport) -> None:
        """Remove a report, unless it was written again since it was found."""
        self._inbox.remove_report(found.key, found.etag)


def report_key(key: str, suffix: str = "") -> str:
    """Return the key of a report on the file `key`: its path under `rejected/`, or a hash if that is too long."""
    path = f"{REJECTED}{key.removeprefix(UPLOADS)}{suffix}.json"
    if len(path.encode()) <= MAX_KEY_BYTES:
        return path
    return f"{REJECTED}{hashlib.blake2b(f'{key}{suffix}'.encode(), digest_size=16).hexdigest()}.json"


def reason_of_bad_rows(bad: int) -> str:
    """Return the reason in the report on a file with this number of bad rows."""
    if bad < MAX_REPORTED:
        return "some rows are not valid; nothing was committed"
    return f"reading stopped after {MAX_REPORTED:,} rows that are not valid; nothing was committed"


class Outcomes:
    """The outcomes of the uploads of one inbox."""

    def __init__(self, inbox: Inbox, reader: SnapshotReader, pool: WorkerPool) -> None:
        self._inbox, self._reports, self._reader, self._pool = inbox, Reports(inbox), reader, pool

    def settled(self, job: Job, added: Added | IndexNotFound, refusal: FoundReport | None) -> Ingested:
        """Return the outcome of a file that was added, or whose index is gone; write or remove the reports on it."""
        return self.rejected(job, added) if isinstance(added, IndexNotFound) else self.added(job, added, refusal)

    def added(self, job: Job, added: Added, refusal: FoundReport | None) -> Ingested:
        """Return the outcome of a file that was added, now or before; remove the report on it that is out of date."""
        if refusal is not None:
            # After a redelivery too: the delivery that committed the rows may have ended before this.
            self._reader.retry(job.deadline, partial(self._reports.remove, refusal))
        if added.overtaken:
            return self.superseded(job, added.rows)
        return Ingested("committed" if added.rows else "stale", job.index, rows=added.rows)

    def rejected(self, job: Job, error: RequestInvalid | IndexNotFound) -> Ingested:
        """Write the report on a file that can never be ingested, unless another version has replaced it."""
        if self._inbox.replacement(job.upload) is not None:
            return self.superseded(job)
        items: Sequence[BadItem] = ()
        reason = str(error)
        if isinstance(error, BatchInvalid):
            reason, items = reason_of_bad_rows(len(error.items)), error.items
        self._reports.write_refusal(job.upload, reason, items)
        return Ingested("rejected", job.index, bad=len(items))

    def superseded(self, job: Job, rows: int = 0) -> Ingested:
        """Report that another version replaced the file, unless the file was deleted or this is a redelivery."""
        newer = self._inbox.replacement(job.upload)
        if newer is None or self._was_handled(job):
            return Ingested("stale", job.index, rows=rows)
        self._reports.write_superseded(job.upload, newer, rows)
        return Ingested("superseded", job.index, rows=rows)

    def refusal_of(self, job: Job) -> FoundReport | None:
        """Return the report on this version of the file or an older one, if there is one."""
        reader = self._reader
        return reader.retry_policy.run(reader.environment, job.deadline, partial(self._reports.find, job.upload))

    def _was_handled(self, job: Job) -> bool:
        """Return True if an earlier delivery of the event applied the file or refused it."""
        refusal = self.refusal_of(job)
        if refusal is not None and refusal.sequencer == job.upload.sequencer:
            return True
        try:
            present = self._reader.present(job.index, job.deadline).index
        except IndexNotFound:
            return False
        shards = shard_names(present.params)
        states = self._pool.map(lambda shard: self._reader.present(shard, job.deadline).index, shards)
        return any(map(job.is_recorded, (present, *states)))
