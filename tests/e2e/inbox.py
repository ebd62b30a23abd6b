"""The upload path without the API: files in the bucket, messages in the queue, logs of the ingest function."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from tests.e2e.logs import lines_of
from tools.stack.stack import Stack, session

TIMEOUT_SECONDS = 30.0


def eventually[T](look: Callable[[], T | None], what: str) -> T:
    """Call `look` until it returns a value, for `TIMEOUT_SECONDS` at most."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"within {TIMEOUT_SECONDS:.0f} s no {what} was found"
        time.sleep(0.05)
    return found


class Inbox:
    """The inbox of a deployed stack, used with the credentials of the account."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._s3, self._sqs, self._functions = (
            session().client(name, endpoint_url=stack.endpoint) for name in ("s3", "sqs", "lambda")
        )
        self._queue, self._dead = stack.physical("Uploads"), stack.physical("DeadUploads")
        self._mapping = stack.physical("IngestFunctionUploads")

    def put(self, key: str, body: bytes) -> None:
        """Upload a file."""
        self._stack.upload(key, body)

    def send(self, message: str) -> None:
        """Put a message into the queue by hand."""
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=message)

    def outcomes(self, index: str, count: int) -> list[str]:
        """Wait until the function has logged as many uploads for an index, and return their outcomes."""

        def look() -> list[str] | None:
            lines = lines_of(self._stack, "IngestFunction")
            found = [line["outcome"] for line in lines if line.get("index") == index and "outcome" in line]
            return found if len(found) >= count else None

        return eventually(look, f"log of {count} uploads for {index}")

    def report(self, key: str) -> dict[str, Any]:
        """Wait for the report on a refused file."""

        def look() -> dict[str, Any] | None:
            try:
                found = self._s3.get_object(
                    Bucket=self._stack.inbox, Key=f"rejected/{key.removeprefix('uploads/')}.json"
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "NoSuchKey":
                    raise
                return None
            return json.loads(found["Body"].read())

        return eventually(look, f"report on {key}")

    def reports(self, index: str) -> list[str]:
        """Return the keys of the reports on files for an index."""
        found = self._s3.list_objects_v2(Bucket=self._stack.inbox, Prefix=f"rejected/{index}/")
        return [entry["Key"] for entry in found.get("Contents", ())]

    @contextmanager
    def event_source_disabled(self) -> Iterator[None]:
        """Disable the event source inside the block, so that messages stay in the queue."""
        self._functions.update_event_source_mapping(UUID=self._mapping, Enabled=False)
        try:
            yield
        finally:
            self._functions.update_event_source_mapping(UUID=self._mapping, Enabled=True)

    def take(self) -> str:
        """Take the next message out of the queue."""
        message = eventually(lambda: self._receive(self._queue), "message in the queue")
        self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return message["Body"]

    @contextmanager
    def immediate_redelivery(self) -> Iterator[None]:
        """Redeliver failed messages at once inside the block; the template delays them by minutes."""
        wanted = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["VisibilityTimeout"])[
            "Attributes"
        ]
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"VisibilityTimeout": "0"})
        try:
            yield
        finally:
            self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes=wanted)

    def dead(self) -> str:
        """Wait for a message in the dead-letter queue, and take it out."""
        message = eventually(lambda: self._receive(self._dead), "message in the dead-letter queue")
        self._sqs.delete_message(QueueUrl=self._dead, ReceiptHandle=message["ReceiptHandle"])
        return message["Body"]

    def _receive(self, queue: str) -> Any:
        found = self._sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1).get("Messages", [])
        return found[0] if found else None
