"""An inbox in memory, and the ingest function on it, which gets the events of its files in SQS messages."""

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from tests.support.services import Clock, new_section_cache
from vectord.edge.events import sqs
from vectord.edge.handler import MARGIN
from vectord.service.ingestion.ingestion import Ingestion
from vectord.service.values.environment import RetryPolicy
from vectord.storage.base import Store
from vectord.storage.inbox import Replacement, SignedPut, StoredReport, UploadedFile

SECONDS = 60.0  # that an invocation may take
CONTEXT = SimpleNamespace(aws_request_id="request-1", get_remaining_time_in_millis=lambda: (SECONDS + MARGIN) * 1_000)

type File = bytes | BaseException | Callable[[], bytes]


class MemoryInbox:
    """An inbox in memory. A file that is an exception is raised when it is fetched; a function is called."""

    bucket = "inbox"

    def __init__(self, files: dict[str, File]) -> None:
        self.files = files
        self.reports: list[str] = []

    def fetch(self, upload: UploadedFile) -> bytes:
        file = self.files[upload.key]
        if isinstance(file, BaseException):
            raise file
        return file if isinstance(file, bytes) else file()

    def replacement(self, upload: UploadedFile) -> Replacement | None:
        return None

    def write_report(self, key: str, body: bytes) -> None:
        self.reports.append(key)

    def read_report(self, key: str) -> StoredReport | None:
        return None

    def remove_report(self, key: str, etag: str) -> None:
        raise NotImplementedError

    def link(self, key: str, size: int, seconds: int) -> SignedPut:
        raise NotImplementedError


def row(vector_id: str) -> bytes:
    return json.dumps({"id": vector_id, "vector": [1, 0]}).encode()


def message(*keys: str, sequencer: str = "") -> str:
    """Return the body of a message with an S3 event for each key."""
    objects = [{"key": key, "sequencer": sequencer} for key in keys]
    return json.dumps({"Records": [{"s3": {"bucket": {"name": "inbox"}, "object": one}} for one in objects]})


def ingestion_of(inbox: MemoryInbox, store: Store, clock: Clock | None = None, most: int = 1 << 20) -> Ingestion:
    """Return an ingestion that refuses files of more than `most` bytes."""
    environment = (clock or Clock(ids="ingestion")).environment()
    return Ingestion(
        inbox, store, new_section_cache(), max_file_bytes=most, environment=environment, retry_policy=RetryPolicy()
    )


def deliver_to(ingestion: Ingestion, *bodies: str, receives: Sequence[int] = ()) -> list[str]:
    """Invoke the function with messages m0, m1, …; return the ids of those that it reports as failed.

    `receives` says how often the queue has delivered each message.
    """
    records: list[dict[str, Any]] = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
    for record, count in zip(records, receives, strict=False):
        record["attributes"] = {"ApproximateReceiveCount": str(count)}
    answer = sqs.handler(lambda: ingestion)({"Records": records}, CONTEXT)
    assert answer.keys() == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
