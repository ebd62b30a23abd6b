"""SQS messages that name uploaded files: ingest the files, log each, and report to SQS which messages failed.

The files of one index are read one after the other, and share a commit. Every file is independent: whatever one of them
raises, the others are ingested. Only a failed commit fails all files of its group, unless the error is a defect, which
may be that of one file: then each file gets a commit of its own.

Powertools' BatchProcessor collects the messages that failed. SQS delivers them again, and moves a message to the
dead-letter queue after several attempts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Final

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from msgspec import structs

from vectord.edge import telemetry
from vectord.edge.events.s3_events import uploads_in
from vectord.edge.handler import failure_metric, time_left
from vectord.edge.telemetry import InvocationLog, Write
from vectord.errors import IndexNotFound
from vectord.service.ingestion.ingestion import AddedOrError, Ingestion, ReadFile
from vectord.service.ingestion.uploads import Added, Ingested, index_of
from vectord.service.values.environment import Commit, Environment
from vectord.service.values.options import Deadline
from vectord.storage.inbox import UploadedFile

# Shares of the function's time. If Lambda stopped the function, SQS would deliver the whole batch again, and count that
# against every message of it.
_BEGIN: Final = 0.4  # with less left, no file is begun: its message is postponed
_COMMIT: Final = 0.2  # reading ends when this is left, which the commit of the group has for itself

_OPERATION: Final = "ingest-file"  # in the audit log
_UNKNOWN: Final = "unknown"  # the principal, if the event does not name it

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]
type _File = tuple["_UploadLine", UploadedFile]
type _Group = list[tuple["_UploadLine", ReadFile]]


class _MessageFailed(Exception):
    """SQS must deliver the message again; the log says why."""


def handler(compose: Callable[[], Ingestion]) -> Handler:
    """Return the `lambda_handler` that ingests the files that SQS messages name, with partial batch failures.

    It creates the ingestion at the first event.
    """
    cached_ingestion = cache(compose)

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        batch = _UploadBatch(cached_ingestion(), telemetry.begin(context), time_left(context))
        failed = batch.ingest(event["Records"])

        def raise_if_failed(record: SQSRecord) -> None:
            if record.message_id in failed:
                raise _MessageFailed

        # Without this argument, powertools raises an error if every message failed.
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        with processor(event["Records"], raise_if_failed):
            processor.process()
        return {**processor.response()}

    return lambda_handler


class _UploadBatch:
    """Ingests the files of the messages that one invocation gets."""

    def __init__(self, ingestion: Ingestion, log: InvocationLog, seconds: float) -> None:
        """Take `seconds` at most."""
        self._ingestion, self._log, self._environment = ingestion, log, ingestion.environment
        end = self._environment.now() + seconds
        self._last_begin = end - _BEGIN * seconds
        self._read, self._end = Deadline(end - _COMMIT * seconds), Deadline(end)
        self._failed: set[str] = set()

    def ingest(self, messages: Sequence[Mapping[str, Any]]) -> set[str]:
        """Ingest the files of `messages`; return the ids of the messages that SQS must deliver again.

        Messages that were delivered more often come first, so that none is postponed each time.
        """
        by_index: dict[str, list[_File]] = defaultdict(list)
        for message in sorted(messages, key=_deliveries, reverse=True):
            for file in self._files_of(message):
                by_index[_folder_of(file[1].key)].append(file)
        try:
            for files in by_index.values():
                self._ingest(files)
        except BaseException:
            self._environment.meter.drain()  # or the next invocation in this process would count it
            raise
        return self._failed

    def _files_of(self, message: Mapping[str, Any]) -> Iterator[_File]:
        """Yield each new file that a message names, with its line of the log."""
        uploads = self._tried(self._line(message), partial(uploads_in, message["body"], self._ingestion.bucket))
        for upload in uploads or ():
            line = self._line(message)
            if isinstance(upload, Exception):
                self._fail(line, upload)
            else:
                line.upload = upload
                yield line, upload

    def _ingest(self, files: Sequence[_File]) -> None:
        """Ingest the files of one index."""
        group: _Group = []
        for line, upload in files:
            if self._environment.now() >= self._last_begin:
                line.postponed()
                self._failed.add(line.message)
                continue
            line.begin()
            read = self._tried(line, partial(self._ingestion.read, upload, self._read))
            if isinstance(read, Ingested):
                line.ingested(read)
            if not isinstance(read, ReadFile):
                continue
            if len(files) > 1:
                line.collect()
            if group and not self._ingestion.can_join([file for _, file in group], read):
                self._commit(group)
                group = []
            group.append((line, read))
        self._commit(group)

    def _commit(self, group: _Group) -> None:
        """Add the files of a group by one commit, and write the outcome of each."""
        if len(group) > 1:
            self._commit_together(group)
            return
        for line, file in group:
            if result := self._tried(line, partial(self._ingestion.add_alone, file, self._end)):
                line.ingested(result, 1)

    def _commit_together(self, group: _Group) -> None:
        """Add several files; what the commit counts is in the line of the first one, and its commits in every line."""
        added: list[AddedOrError] = []
        with _Step(_ignore) as step:
            added = self._ingestion.add([file for _, file in group], self._end)
        commits = self._environment.meter.commits
        group[0][0].collect()
        for line, _ in group[1:]:
            line.commits += commits
        if step.has_failed:
            for one in group:
                self._commit([one])
            return
        for (line, file), result in zip(group, added, strict=True):
            if isinstance(result, Added | IndexNotFound):
                if settled := self._tried(line, partial(self._ingestion.settle, file, result, self._end)):
                    line.ingested(settled, len(group))
            else:
                self._fail(line, result)

    def _tried[R](self, line: "_UploadLine", step: Callable[[], R]) -> R | None:
        """Return the result of a step of a file; None if it raised an error, which is logged."""
        with _Step(partial(self._fail, line)):
            return step()
        return None

    def _line(self, message: Mapping[str, Any]) -> "_UploadLine":
        return _UploadLine(self._log, self._environment, message["messageId"])

    def _fail(self, line: "_UploadLine", error: BaseException) -> None:
        line.failed(error)
        self._failed.add(line.message)


class _Step:
    """A step of the ingestion, whose errors go to `fail`.

    Powertools would not catch the panic of a library in Rust, which is not an Exception.
    """

    def __init__(self, fail: Callable[[BaseException], None]) -> None:
        self._fail, self.has_failed = fail, False

    def __enter__(self) -> "_Step":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or isinstance(error, KeyboardInterrupt | SystemExit):
            return False
        self.has_failed = True
        self._fail(error)
        return True


class _UploadLine:
    """The line about one file of a message, or about a message that cannot be read.

    It takes what the meter has counted when it is written, and at `collect` if another file follows before that.
    `commits` are those that the file is part of.
    """

    def __init__(self, log: InvocationLog, environment: Environment, message: str) -> None:
        """Write to the log of an invocation; `message` is the id of the message."""
        self.message = message
        self.upload: UploadedFile | None = None
        self._log, self._environment = structs.replace(log, correlation_id=message), environment
        self._start = environment.now()
        self._counts: dict[str, float] = {}
        self.commits: list[Commit] = []

    def begin(self) -> None:
        """Measure the latency from now on."""
        self._start = self._environment.now()

    def collect(self) -> None:
        """Add what the meter has counted since it was drained."""
        self.commits += self._environment.meter.commits
        for name, value in self._environment.meter.drain().items():
            self._counts[name] = self._counts.get(name, 0) + value

    def ingested(self, result: Ingested, group: int | None = None) -> None:
        """Write the outcome of the file; a `group` of this many files had one commit."""
        self.collect()
        metrics = {**self._latency(), "RowsCommitted": result.rows, "RowsRejected": result.bad, **self._counts}
        write = self._write()
        shared = {} if group is None else {"group": group}
        size = {} if self.upload is None else {"bytes": self.upload.size}
        names = self._names(result.index)
        fields = {**names, "index": result.index, "outcome": result.outcome, "rows": result.rows}
        self._log.info({**fields, **size, **shared}, metrics, write)

    def failed(self, error: BaseException) -> None:
        """Write the error of the file, or of the message if the file is not known."""
        self.collect()
        fields: dict[str, Any] = {"message": self.message, **self._names()}
        if self.upload is not None:
            fields |= {"outcome": "failed", "rows": None}
        metrics = {**self._latency(), **failure_metric(error), **self._counts}
        self._log.failure(error, fields, metrics, self._write())

    def postponed(self) -> None:
        """Write that SQS will deliver the file again, because too little time is left."""
        self._log.info({**self._names(), "outcome": "postponed"}, {})

    def _names(self, index: str | None = None) -> dict[str, str]:
        """Return the fields that name the file: its index (by default, that of its key), its key and its short name."""
        if self.upload is None:
            return {}
        key = self.upload.key
        return {"index": index_of(key) if index is None else index, "key": key, "file": telemetry.file_id(key)}

    def _latency(self) -> dict[str, float]:
        return {"Latency": (self._environment.now() - self._start) * 1000}

    def _write(self) -> Write | None:
        """Return the write for the audit log; None of a message whose file is not known."""
        if self.upload is None:
            return None
        return Write(self.upload.principal or _UNKNOWN, _OPERATION, self.commits)


def _ignore(error: BaseException) -> None:
    """Do nothing: the files of the group are tried one by one, and then it is known which of them fails."""


def _deliveries(message: Mapping[str, Any]) -> int:
    """Return how often SQS has delivered a message."""
    return int(message.get("attributes", {}).get("ApproximateReceiveCount", 0))


def _folder_of(key: str) -> str:
    """Return the first two parts of a key, `uploads/<index>`: files of one index are in one folder."""
    return "/".join(key.split("/", 2)[:2])
