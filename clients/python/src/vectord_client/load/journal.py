"""The journal of a load: a file of JSON lines that says which batches were sent and which were acknowledged.

A line is on disk before its batch is sent, and a second one when the batch is acknowledged. So after any interruption
the batches that were sent without an acknowledgement are known, and `doubt` finds out what became of them. The last
line may be cut: then it does not count.
"""

import fcntl
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import IO, Final

import msgspec

from vectord_client.errors import BadItem
from vectord_client.load.errors import JournalUnusable, LoadRunning, SourceChanged

_FORMAT: Final = 1


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: the load, its source and its index, whose ETag was `etag` before.

    A load is resumed only if all but `load` and `etag` are equal.
    """

    load: str
    source: str
    fingerprint: str
    index: str
    dimension: int
    distance: str
    options: dict[str, str]
    etag: str
    format: int = _FORMAT


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag="sent", tag_field="line"):
    """Batch `batch` is sent with `key`, without the rows `refused`, which the service did not accept.

    `again`: its rows were sent before, under another key, and those that the index does not have are sent.
    """

    batch: int
    key: str
    digest: str
    refused: tuple[BadItem, ...] = ()
    again: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done", tag_field="line"):
    """Batch `batch` is in the index. `sample` is the id of one of its rows."""

    batch: int
    added: int = 0
    replaced: int = 0
    failed: tuple[BadItem, ...] = ()
    digest: str = ""
    key: str = ""
    sample: str | None = None


_LINES: Final = msgspec.json.Decoder(Sent | Done)


class Journal:
    """The record of the batches of a load; several threads may use it. Without a file it ends with the process."""

    def __init__(self, header: Header, file: IO[bytes] | None = None, path: Path | None = None) -> None:
        self.header, self.path, self._file = header, path, file
        self.done: dict[int, Done] = {}
        self.sent: dict[int, Sent] = {}  # without an acknowledgement
        self.anchors: dict[int, list[str]] = {}  # keys that were acknowledged before the batch was sent, latest last
        self._keys: list[str] = []
        self._lock = Lock()

    @property
    def has_anchor(self) -> bool:
        """True if a batch with rows was acknowledged."""
        return bool(self._keys)

    @property
    def has_sent(self) -> bool:
        """True if a batch with rows was sent, whatever its outcome."""
        return bool(self._keys or self.sent or any(done.added or done.replaced for done in self.done.values()))

    @property
    def resumed(self) -> bool:
        """True if the load was begun by another run."""
        return bool(self.done or self.sent)

    def record(self, line: Sent | Done) -> None:
        """Write a line, and return when it is on disk.

        Raises:
            JournalUnusable: it cannot be written, as on a full disk.
        """
        try:
            with self._lock:
                self._note(line)
                if self._file is not None:
                    self._file.write(msgspec.json.encode(line) + b"\n")
                    self._file.flush()
                    os.fsync(self._file.fileno())
        except OSError as error:
            raise JournalUnusable(f"The journal {self.path} cannot be written: {error}. {_ELSEWHERE}") from error

    def _note(self, line: Sent | Done) -> None:
        if isinstance(line, Sent):
            self.done.pop(line.batch, None)  # of rows that are sent again
            self.sent[line.batch] = line
            self.anchors[line.batch] = self._keys[-_ANCHORS:]
            return
        self.done[line.batch] = line
        self.sent.pop(line.batch, None)
        self.anchors.pop(line.batch, None)
        if line.key:
            self._keys = [*self._keys, line.key][-_ANCHORS:]

    def withdraw(self, batch: int) -> None:
        """Note, in memory, that a batch that was sent is certainly not in the index."""
        with self._lock:
            self.sent.pop(batch, None)

    def read(self, data: bytes) -> None:
        """Note the lines of an earlier run, up to the first one that is cut or damaged."""
        for line in data.splitlines():
            try:
                self._note(_LINES.decode(line))
            except msgspec.DecodeError:
                return

    def samples(self, most: int = 100) -> list[str]:
        """Return ids of rows that are in the index."""
        ids = [done.sample for done in self.done.values() if done.sample is not None]
        return ids[:: max(1, len(ids) // most)][:most]

    def finish(self) -> None:
        """Remove the file: nothing is left to resume."""
        if self._file is not None and self.path is not None and not self._file.closed:
            self.path.unlink(missing_ok=True)  # before the lock is released: then the path may be another's
            self._file.close()

    def close(self) -> None:
        """Close the file, which releases its lock, and keep it if a batch was sent."""
        if not self.has_sent:
            self.finish()
        elif self._file is not None:
            self._file.close()


_ANCHORS: Final = 4
_ELSEWHERE: Final = "Free space, set XDG_CACHE_HOME to another folder, or load with resume=False."
RESTORE: Final = "Restore it to finish that load, or start over with resume=False: rows are replaced."


def folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of journals: vectord/loads in the user's cache folder."""
    cache = environment.get("XDG_CACHE_HOME", "")
    return (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "vectord" / "loads"


def journal_path(target: str, index: str, source: str, environment: Mapping[str, str]) -> Path:
    """Return the place of the journal of a load of `source` into `index` of `target`, a URL or a folder."""
    place = target if "://" in target else str(Path(target).resolve())
    name = hashlib.blake2b(f"{place}\n{index}\n{source}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return folder(environment) / f"{name}.jsonl"


def forget(path: Path, header: Header) -> None:
    """Remove the journal of an interrupted load, if there is one.

    Raises:
        LoadRunning: the load is not interrupted, but goes on in another process.
        JournalUnusable: the file cannot be removed.
    """
    if not path.exists():
        return
    try:
        with _locked(path, header):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise JournalUnusable(f"The journal {path} cannot be removed: {error}.") from error


def open_journal(path: Path, header: Header) -> Journal:
    """Open the journal of an interrupted load, or begin a new one; lock it for this process.

    Raises:
        LoadRunning: another process has it.
        SourceChanged: it is of another state of the source, or of a load with other options.
        JournalUnusable: the file cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _locked(path, header)
        first, _, rest = file.read().partition(b"\n")
        earlier = _header(first)
        if earlier is None:
            return _begun(header, file, path)
        journal = Journal(earlier, file, path)
        journal.read(rest)
        try:
            _check_same(earlier, header)
        except SourceChanged:
            if journal.has_sent:
                file.close()
                raise
            return _begun(header, file, path)
    except OSError as error:
        raise JournalUnusable(f"The journal {path} cannot be opened: {error}.", advice=_ELSEWHERE) from error
    file.truncate(len(first) + 1 + _whole_lines(rest))
    return journal


def _begun(header: Header, file: IO[bytes], path: Path) -> Journal:
    file.truncate(0)
    file.write(msgspec.json.encode(header) + b"\n")
    file.flush()
    os.fsync(file.fileno())
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)  # the name of the file
    finally:
        os.close(parent)
    return Journal(header, file, path)


def _locked(path: Path, header: Header) -> IO[bytes]:
    """Return the file, open for appending, with its lock; the kernel releases it when the process ends."""
    while True:
        file = path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise LoadRunning(
                f"Another process or thread is loading {header.source} into the index {header.index!r}. Wait for it."
            ) from None
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:  # not removed before the lock
            file.seek(0)
            return file
        file.close()


def _header(line: bytes) -> Header | None:
    try:
        return msgspec.json.decode(line, type=Header)
    except msgspec.DecodeError:
        return None


def _check_same(earlier: Header, now: Header) -> None:
    if earlier.fingerprint != now.fingerprint:
        raise SourceChanged(
            f"{now.source} changed since a load of it into {now.index!r} was interrupted ({earlier.fingerprint}, now "
            f"{now.fingerprint}).",
            advice=RESTORE,
        )
    if (earlier.dimension, earlier.distance) != (now.dimension, now.distance):
        raise SourceChanged(
            f"The index {now.index!r} was created again, with other parameters, since a load into it was interrupted.",
            advice="Start over with resume=False.",
        )
    if (earlier.options, earlier.format) != (now.options, now.format):
        raise SourceChanged(
            f"A load of {now.source} into {now.index!r} was interrupted, and it had other options: "
            f"{_differences(earlier.options, now.options)}. Load with the same options to finish it.",
            advice="Or start over with resume=False: rows are replaced.",
        )


def _differences(earlier: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the options that differ, with both values."""
    return ", ".join(f"{name} {earlier.get(name)} (now {now[name]})" for name in now if earlier.get(name) != now[name])


def _whole_lines(data: bytes) -> int:
    """Return the length of the lines that `Journal.read` reads."""
    size = 0
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            _LINES.decode(line)
        except msgspec.DecodeError:
            break
        size += len(line)
    return size
