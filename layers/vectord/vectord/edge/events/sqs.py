"""SQS messages that carry S3 events: ingest each uploaded file, and report to SQS which messages failed.

Powertools' BatchProcessor collects the failures. SQS delivers these messages again, and moves a message to the
dead-letter queue after several attempts.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, ExceptionInfo, FailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from msgspec import structs

from vectord.edge import telemetry
from vectord.edge.handler import time_left
from vectord.edge.telemetry import InvocationLog
from vectord.errors import BlobError, StoreError, Unavailable
from vectord.service.ingest import Ingestion
from vectord.service.values.options import Deadline
from vectord.storage.inbox import UploadedFile

# A later delivery may succeed, or an operator has to act: the queue redelivers the message, and finally moves it to
# the dead-letter queue.
_RETRYABLE: Final = (Unavailable, StoreError, BlobError, msgspec.DecodeError)

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct, rename="camel"):
    key: str
    e_tag: str = ""
    size: int = 0
    sequencer: str = ""


class _S3(msgspec.Struct):
    bucket: _Bucket
    object: _Object


class _Record(msgspec.Struct):
    s3: _S3


class _Message(msgspec.Struct, rename={"records": "Records", "event": "Event"}):
    """An S3 event, or the test event that S3 sends when notifications are set up."""

    records: list[_Record] | None = None
    event: str | None = None


def handler(compose: Callable[[], Ingestion]) -> Handler:
    """Return the `lambda_handler` that ingests the files that SQS messages name, with partial batch failures.

    It creates the ingestion at the first event.
    """
    cached_ingestion = cache(compose)

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        ingestion, log = cached_ingestion(), telemetry.begin(context)

        def ingest_message(record: SQSRecord) -> None:
            message_log = structs.replace(log, correlation_id=record.message_id)
            for upload in uploads_in(record.body):
                _ingest(upload, ingestion, context, message_log)

        processor = _Processor(log)
        with processor(event["Records"], ingest_message):
            processor.process()
        return {**processor.response()}

    return lambda_handler


class _Processor(BatchProcessor):
    """Reports retryable messages to SQS, even if they are the whole batch; any other error fails the batch."""

    def __init__(self, log: InvocationLog) -> None:
        super().__init__(EventType.SQS, raise_on_entire_batch_failure=False)
        self._log = log

    def failure_handler(self, record: Any, exception: ExceptionInfo) -> FailureResponse:
        error = exception[1]
        if isinstance(error, _RETRYABLE):
            structs.replace(self._log, correlation_id=record.message_id).error(error, record.message_id)
        elif error:
            raise error  # a bug: Lambda logs the traceback, and the alarm on errors fires
        return super().failure_handler(record, exception)


def uploads_in(body: str) -> Iterable[UploadedFile]:
    """Return the uploads that a message's S3 event names; none for S3's test event.

    Raises:
        msgspec.DecodeError: the message is not an S3 event.
    """
    message = msgspec.json.decode(body, type=_Message)
    if message.records is None and message.event != "s3:TestEvent":
        raise msgspec.ValidationError("neither Records nor a test event")
    # Keys in events are URL-encoded, with + for a space.
    return [
        UploadedFile(s3.bucket.name, unquote_plus(s3.object.key), s3.object.e_tag, s3.object.sequencer, s3.object.size)
        for s3 in (record.s3 for record in message.records or ())
    ]


def _ingest(upload: UploadedFile, ingestion: Ingestion, context: object, log: InvocationLog) -> None:
    start = ingestion.environment.now()
    result = ingestion.ingest(upload, Deadline(start + time_left(context)))
    metrics = {
        "Latency": (ingestion.environment.now() - start) * 1000,
        "RowsCommitted": result.rows,
        "RowsRejected": result.bad,
        **ingestion.environment.meter.drain(),
    }
    log.info({"index": result.index, "outcome": result.outcome, "bytes": upload.size}, metrics)
