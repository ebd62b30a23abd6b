"""Read SQS messages that carry S3 events, and tell SQS which of them to bring again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import msgspec

from vectord.edge import telemetry
from vectord.edge.handler import time_left
from vectord.errors import BlobError, StoreError, Unavailable
from vectord.service.ingest import Ingested, Ingestion
from vectord.storage.inbox import Upload

# What may succeed later, or wants a person: the queue repeats it, and sets it aside after some tries.
_AGAIN: Final = (Unavailable, StoreError, BlobError, msgspec.DecodeError)

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
    """Return the `lambda_handler` that ingests what SQS messages name, with partial batch failures."""

    def lambda_handler(event: Mapping[str, Any], context: object = None) -> dict[str, Any]:
        ingestion = compose()
        failed = []
        for record in event["Records"]:
            try:
                for upload in uploads_in(record["body"]):
                    _ingest(upload, ingestion, context)
            except _AGAIN as error:
                failed.append({"itemIdentifier": record["messageId"]})
                telemetry.write(
                    context, {"level": "error", "message": record["messageId"], "error": type(error).__name__}, {}
                )
        return {"batchItemFailures": failed}

    return lambda_handler


def uploads_in(body: str) -> Iterable[Upload]:
    """Return the uploads that a message's S3 event names; none for S3's test event.

    Raises:
        msgspec.DecodeError: it is no S3 event.
    """
    message = msgspec.json.decode(body, type=_Message)
    if message.records is None and message.event != "s3:TestEvent":
        raise msgspec.ValidationError("neither Records nor a test event")
    # Keys in events are URL-encoded, with + for a space.
    return [
        Upload(s3.bucket.name, unquote_plus(s3.object.key), s3.object.e_tag, s3.object.sequencer, s3.object.size)
        for s3 in (record.s3 for record in message.records or ())
    ]


def _ingest(upload: Upload, ingestion: Ingestion, context: object) -> Ingested:
    start = ingestion.environment.now()
    done = ingestion.ingest(upload, start + time_left(context))
    facts = {"index": done.index, "outcome": done.outcome, "bytes": upload.size}
    metrics = {
        "Latency": (ingestion.environment.now() - start) * 1000,
        "RowsCommitted": done.rows,
        "RowsRejected": done.bad,
    }
    telemetry.write(context, facts, {**metrics, **ingestion.environment.meter.drain()})
    return done
