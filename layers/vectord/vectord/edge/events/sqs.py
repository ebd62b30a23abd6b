"""SQS messages that carry S3 events: ingest each uploaded file, and report to SQS which messages failed.

Every file of every message is independent: whatever one of them raises, the others are ingested. Powertools'
BatchProcessor collects the messages that failed. SQS delivers them again, and moves a message to the dead-letter queue
after several attempts.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from msgspec import structs

from vectord.edge import telemetry
from vectord.edge.handler import failure_metric, time_left
from vectord.edge.telemetry import InvocationLog, Write
from vectord.service.ingest import Ingestion
from vectord.service.uploads import index_of
from vectord.service.values.environment import Environment
from vectord.service.values.options import Deadline
from vectord.storage.inbox import UploadedFile

# Of the time that the first message had. With less left, a message is postponed: if Lambda stopped the function, SQS
# would deliver the whole batch again, and count that against every message of it.
_LEAST_SHARE: Final = 0.2

_OPERATION: Final = "ingest-file"  # in the audit log
_UNKNOWN: Final = "unknown"  # the principal, if the event does not name it
_CREATED: Final = "ObjectCreated:"  # the start of the names of events that announce a new file

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


class _Bucket(msgspec.Struct):
    name: str
    arn: str | None = None


class _Object(msgspec.Struct, rename="camel"):
    key: str
    e_tag: str = ""
    size: int = 0
    sequencer: str = ""


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Identity(msgspec.Struct, rename="camel", frozen=True):
    principal_id: str | None = None


class _Record(msgspec.Struct, rename="camel"):
    s3: _S3
    event_name: str = _CREATED
    user_identity: _Identity = _Identity()


class _Message(msgspec.Struct, rename={"records": "Records", "event": "Event"}):
    """An S3 event, or the test event that S3 sends when notifications are set up."""

    records: list[_Record] | None = None
    event: str | None = None


class WrongBucket(Exception):
    """An event names another bucket than the inbox, or a name and an ARN that disagree."""


class _MessageFailed(Exception):
    """SQS must deliver the message again; the log says why."""


def handler(compose: Callable[[], Ingestion]) -> Handler:
    """Return the `lambda_handler` that ingests the files that SQS messages name, with partial batch failures.

    It creates the ingestion at the first event.
    """
    cached_ingestion = cache(compose)

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        ingestion, log = cached_ingestion(), telemetry.begin(context)
        least_seconds = 0.0

        def ingest_message(record: SQSRecord) -> None:
            nonlocal least_seconds
            message_log, seconds = structs.replace(log, correlation_id=record.message_id), time_left(context)
            least_seconds = least_seconds or _LEAST_SHARE * seconds
            if seconds < least_seconds:
                _log_postponed(record.body, ingestion.bucket, message_log)
                raise _MessageFailed
            attempt, events = _Attempt(ingestion.environment, message_log), list[_Record]()
            deadline = Deadline(ingestion.environment.now() + seconds)
            with attempt:
                events = _events_in(record.body)
            for event_of_file in events:
                attempt.upload = None
                with attempt:
                    attempt.upload = _upload_of(event_of_file, ingestion.bucket)
                    if attempt.upload is not None:
                        _ingest(attempt.upload, ingestion, deadline, message_log)
            if attempt.failed:
                raise _MessageFailed

        # Without this argument, powertools raises an error if every message failed.
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        with processor(event["Records"], ingest_message):
            processor.process()
        return {**processor.response()}

    return lambda_handler


class _Attempt:
    """A context that logs whatever its block raises, and goes on, so that one file does not fail the others.

    Powertools would not catch the panic of a library in Rust, which is not an Exception.
    """

    def __init__(self, environment: Environment, log: InvocationLog) -> None:
        self._environment, self._log, self._start = environment, log, 0.0
        self.failed = False
        self.upload: UploadedFile | None = None

    def __enter__(self) -> None:
        self._start = self._environment.now()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            return False
        if isinstance(error, KeyboardInterrupt | SystemExit):
            self._environment.meter.drain()  # else a later invocation's line would have its counts
            return False
        latency = (self._environment.now() - self._start) * 1000
        fields: dict[str, Any] = {"message": self._log.correlation_id or ""}
        write = None
        if self.upload is not None:
            fields |= {**_names(self.upload), "outcome": "failed", "rows": None}
            write = Write(self.upload.principal or _UNKNOWN, _OPERATION, self._environment.meter.commits)
        metrics = {"Latency": latency, **failure_metric(error), **self._environment.meter.drain()}
        self._log.failure(error, fields, metrics, write)
        self.failed = True
        return True


def _events_in(body: str) -> list[_Record]:
    """Return the records of a message's S3 event; none for S3's test event.

    Raises:
        msgspec.DecodeError: the message is not an S3 event.
    """
    message = msgspec.json.decode(body, type=_Message)
    if message.records is None and message.event != "s3:TestEvent":
        raise msgspec.ValidationError("neither Records nor a test event")
    return message.records or []


def _upload_of(event: _Record, bucket: str) -> UploadedFile | None:
    """Return the upload to `bucket` that a record announces; None if it does not announce a new file.

    Raises:
        WrongBucket: the record is about another bucket. Nothing in it may be read or written.
        UnicodeDecodeError: the key is not UTF-8. A key that was decoded with loss would name another file.
    """
    named, file = event.s3.bucket, event.s3.object
    if named.name != bucket or (named.arn and not named.arn.endswith(f":s3:::{bucket}")):
        raise WrongBucket
    if not event.event_name.startswith(_CREATED):
        return None
    # Keys in events are URL-encoded, with + for a space.
    key = unquote_plus(file.key, errors="strict")
    return UploadedFile(key, file.e_tag, file.sequencer, file.size, event.user_identity.principal_id)


def _ingest(upload: UploadedFile, ingestion: Ingestion, deadline: Deadline, log: InvocationLog) -> None:
    start = ingestion.environment.now()
    result = ingestion.ingest(upload, deadline)
    write = Write(upload.principal or _UNKNOWN, _OPERATION, ingestion.environment.meter.commits)
    metrics = {
        "Latency": (ingestion.environment.now() - start) * 1000,
        "RowsCommitted": result.rows,
        "RowsRejected": result.bad,
        **ingestion.environment.meter.drain(),
    }
    fields = {
        "index": result.index,
        "key": upload.key,
        "outcome": result.outcome,
        "rows": result.rows,
        "file": telemetry.file_id(upload.key),
    }
    log.info({**fields, "bytes": upload.size}, metrics, write)


def _log_postponed(body: str, bucket: str, log: InvocationLog) -> None:
    """Write a line for each file of a message that SQS will deliver again; one line if it cannot be read."""
    try:
        uploads = [_upload_of(event, bucket) for event in _events_in(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, WrongBucket):
        uploads = [None]  # a later delivery logs what is wrong with it
    for upload in uploads:
        log.info({**(_names(upload) if upload else {}), "outcome": "postponed"}, {})


def _names(upload: UploadedFile) -> dict[str, str]:
    """Return the fields of a log line that name a file: its index, its key, and the short name of the key."""
    return {"index": index_of(upload.key), "key": upload.key, "file": telemetry.file_id(upload.key)}
