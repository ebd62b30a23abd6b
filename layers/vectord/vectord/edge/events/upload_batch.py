"""The files of one batch of SQS messages: those of one index are read one after the other, and share a commit.

Every file is independent: whatever one of them raises, the others are ingested. Only a failed commit fails all files
of its group, unless the error is a defect, which may be that of one file: then each file gets a commit of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from vectord.edge.events.s3_events import records_in, upload_of
from vectord.edge.events.upload_log import UploadLine
from vectord.edge.telemetry import InvocationLog
from vectord.errors import IndexNotFound
from vectord.service.ingestion.adding import AddedOrError
from vectord.service.ingestion.ingestion import Ingestion
from vectord.service.ingestion.uploads import index_of
from vectord.service.ingestion.values import Added, Ingested, ReadFile
from vectord.service.values.environment import Commit, Meter
from vectord.service.values.options import Deadline
from vectord.storage.inbox import UploadedFile

# Shares of the function's time. If Lambda stopped the function, SQS would deliver the whole batch again, and count that
# against every message of it.
_BEGIN: Final = 0.4  # with less left, no file is begun: its message is postponed
_COMMIT: Final = 0.2  # reading ends when this is left, which the commit of the group has for itself

type _File = tuple[UploadLine, UploadedFile]
type _Group = list[tuple[UploadLine, ReadFile]]


class _Step:
    """A step of one file: what its block counts goes to the file's line, and whatever it raises goes to `fail`.

    Powertools would not catch the panic of a library in Rust, which is not an Exception.
    """

    def __init__(self, line: UploadLine, meter: Meter, fail: Callable[[UploadLine, BaseException], None]) -> None:
        self._line, self._meter, self._fail = line, meter, fail
        self.has_failed = False
        self.commits: Sequence[Commit] = ()

    def __enter__(self) -> "_Step":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.commits = self._meter.commits
        self._line.count(self._meter.drain(), self.commits)
        if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
            return False
        self.has_failed = True
        self._fail(self._line, error)
        return True


class UploadBatch:
    """Ingests the files of the messages that one invocation gets."""

    def __init__(self, ingestion: Ingestion, log: InvocationLog, seconds: float) -> None:
        """Take `seconds` at most."""
        self._ingestion, self._log, self._environment = ingestion, log, ingestion.environment
        end = self._environment.now() + seconds
        self._begin, self._read, self._end = (Deadline(end - share * seconds) for share in (_BEGIN, _COMMIT, 0))
        self._failed: set[str] = set()

    def ingest(self, messages: Sequence[Mapping[str, Any]]) -> set[str]:
        """Ingest the files of `messages`; return the ids of the messages that SQS must deliver again.

        Messages that were delivered more often come first, so that none is postponed each time.
        """
        by_index: dict[str, list[_File]] = defaultdict(list)
        for message in sorted(messages, key=_deliveries, reverse=True):
            for file in self._files_of(message):
                by_index[index_of(file[1].key)].append(file)
        for files in by_index.values():
            self._ingest(files)
        return self._failed

    def _files_of(self, message: Mapping[str, Any]) -> Iterator[_File]:
        """Yield each new file that a message names, with its line of the log."""
        records = self._tried(self._line(message), partial(records_in, message["body"]))
        for record in records or ():
            line = self._line(message)
            line.upload = self._tried(line, partial(upload_of, record, self._ingestion.bucket))
            if line.upload is not None:
                yield line, line.upload

    def _ingest(self, files: Sequence[_File]) -> None:
        """Ingest the files of one index."""
        group: _Group = []
        for line, upload in files:
            if self._environment.left(self._begin) <= 0:
                line.postponed()
                self._failed.add(line.message)
                continue
            read = self._read_file(line, upload)
            if read is None:
                continue
            if not self._ingestion.can_join([file for _, file in group], read):
                self._commit(group)
                group = []
            group.append((line, read))
        self._commit(group)

    def _read_file(self, line: UploadLine, upload: UploadedFile) -> ReadFile | None:
        """Read a file; return None if that failed, or if its outcome is known."""
        line.begin()
        read = self._tried(line, partial(self._ingestion.read, upload, self._read))
        if isinstance(read, Ingested):
            line.ingested(read)
            return None
        return read

    def _commit(self, group: _Group) -> None:
        """Add the files of a group; what the commit counts is in the line of the first file."""
        if not group:
            return
        first, added, is_alone = group[0][0], list[AddedOrError](), len(group) == 1
        with _Step(first, self._environment.meter, self._fail if is_alone else _ignore) as step:
            added = self._ingestion.add([file for _, file in group], self._end)
        for line, _ in group[1:]:
            line.count({}, step.commits)
        if not step.has_failed:
            self._settle(group, added)
        elif not is_alone:
            for one in group:
                self._commit([one])

    def _settle(self, group: _Group, added: Sequence[AddedOrError]) -> None:
        """Write the outcome of each file of a group."""
        for (line, file), one in zip(group, added, strict=True):
            if not isinstance(one, Added | IndexNotFound):
                self._fail(line, one)
            elif result := self._tried(line, partial(self._ingestion.settle, file, one, self._end)):
                line.ingested(result, len(group))

    def _tried[R](self, line: UploadLine, step: Callable[[], R]) -> R | None:
        """Return the result of a step of a file; None if it raised an error, which is logged."""
        with _Step(line, self._environment.meter, self._fail):
            return step()
        return None

    def _line(self, message: Mapping[str, Any]) -> UploadLine:
        return UploadLine(self._log, self._environment, message["messageId"])

    def _fail(self, line: UploadLine, error: BaseException) -> None:
        line.failed(error)
        self._failed.add(line.message)


def _ignore(line: UploadLine, error: BaseException) -> None:
    """Do nothing: the files of the group are tried one by one, and then it is known which of them fails."""


def _deliveries(message: Mapping[str, Any]) -> int:
    """Return how often SQS has delivered a message."""
    return int(message.get("attributes", {}).get("ApproximateReceiveCount", 0))
