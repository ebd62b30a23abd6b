"""Listings and uploads through a proxy, with the timeouts and retries of a test."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import quote_plus

from tests.support.backends import ANY_CREDENTIALS, REGION, S3Backend, s3_store
from tests.support.faults_service import PATIENCE, TIMEOUTS
from tests.support.services import new_section_cache
from vectord.edge import handler
from vectord.edge.events import sqs
from vectord.service.ingestion.ingestion import Ingestion
from vectord.service.service import Service
from vectord.service.values.environment import Environment, RetryPolicy
from vectord.storage.boto import Timeouts
from vectord.storage.s3.bucket import Bucket
from vectord.storage.s3.client import s3_client
from vectord.storage.s3.inbox import S3Inbox

CONNECT, READ = TIMEOUTS.connect, 0.25
SLACK = 2 * (CONNECT + READ) + 0.5  # after the deadline: the last request, and one more


def boto_client(endpoint: str) -> Any:
    return s3_client(Bucket("any", REGION, endpoint, ANY_CREDENTIALS, Timeouts(CONNECT, READ)))


def a_listing_service(bucket: S3Backend, endpoint: str, page: int, retry_policy: RetryPolicy = PATIENCE) -> Service:
    """Return a service that lists `page` keys a request from `endpoint`."""
    timeouts = Timeouts(CONNECT, READ)
    store = s3_store(endpoint, bucket.bucket, bucket.prefix, timeouts=timeouts, page=page)
    return Service(store, new_section_cache(), memory_bytes=0, environment=Environment(), retry_policy=retry_policy)


@dataclass(frozen=True)
class Message:
    """A message of the queue: S3's event of one file."""

    key: str
    body: str


@dataclass(frozen=True)
class Context:
    """Lambda's, of a call that has until `until` and the function's own margin."""

    until: float

    def get_remaining_time_in_millis(self) -> float:
        return (self.until - monotonic() + handler.MARGIN) * 1000


class Uploads:
    """An inbox in the bucket of an index, and the real handler that ingests its files behind a proxy."""

    def __init__(self, bucket: S3Backend, endpoint: str, client: Any) -> None:
        self._bucket = bucket
        store = s3_store(endpoint, bucket.bucket, bucket.prefix, timeouts=TIMEOUTS)
        ingestion = Ingestion(
            S3Inbox(bucket.bucket, lambda: client),
            store,
            new_section_cache(),
            max_file_bytes=1 << 20,
            environment=Environment(),
            retry_policy=PATIENCE,
        )
        self._handle = sqs.handler(lambda: ingestion)
        self._sequence = 0

    def put(self, key: str, data: bytes) -> Message:
        """Upload a file past the proxy; return the message of its event."""
        self._bucket.write(key, data)
        self._sequence += 1
        thing = {
            "key": quote_plus(key, safe="/"),
            "size": len(data),
            "eTag": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "sequencer": f"{self._sequence:016X}",
        }
        record = {"s3": {"bucket": {"name": self._bucket.bucket}, "object": thing}}
        return Message(key, json.dumps({"Records": [record]}))

    def deliver(self, messages: Sequence[Message], until: float) -> list[Message]:
        """Have the function handle a batch; return the messages that it wants redelivered."""
        records = [{"messageId": str(number), "body": one.body} for number, one in enumerate(messages)]
        failed = self._handle({"Records": records}, Context(until))["batchItemFailures"]
        return [messages[int(one["itemIdentifier"])] for one in failed]

    def reports(self) -> dict[str, dict[str, Any]]:
        """Return the reports on refused files, by key."""
        keys = self._bucket.keys()
        return {key: json.loads(self._bucket.read(key)) for key in keys if key.startswith("rejected/")}
