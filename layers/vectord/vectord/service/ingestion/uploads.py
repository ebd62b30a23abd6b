"""The objects of the inbox: which of them are files for an index, and the reports on files that were not ingested.

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
from typing import Final

import msgspec

from vectord.errors import BadItem, FileRefused
from vectord.index import mutations
from vectord.lhv1 import params
from vectord.storage.inbox import Inbox, Replacement, UploadedFile

UPLOADS: Final = "uploads/"
REJECTED: Final = "rejected/"
MAX_KEY_BYTES: Final = 1_024  # S3's limit
MAX_REPORTED: Final = 1_000  # bad rows that a report lists

_FOLDERS: Final = ("/", "_$folder$")  # ends of the keys that S3's console, and Hadoop, create for an empty folder


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
