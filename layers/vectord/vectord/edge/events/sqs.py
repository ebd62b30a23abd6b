"""SQS messages that carry S3 events: ingest the uploaded files, and report to SQS which messages failed.

Powertools' BatchProcessor collects the messages that failed. SQS delivers them again, and moves a message to the
dead-letter queue after several attempts.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from vectord.edge import telemetry
from vectord.edge.events.upload_batch import UploadBatch
from vectord.edge.handler import time_left
from vectord.service.ingestion.ingestion import Ingestion

Handler = Callable[[Mapping[str, Any], object], dict[str, Any]]


class _MessageFailed(Exception):
    """SQS must deliver the message again; the log says why."""


def handler(compose: Callable[[], Ingestion]) -> Handler:
    """Return the `lambda_handler` that ingests the files that SQS messages name, with partial batch failures.

    It creates the ingestion at the first event.
    """
    cached_ingestion = cache(compose)

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        batch = UploadBatch(cached_ingestion(), telemetry.begin(context), time_left(context))
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
