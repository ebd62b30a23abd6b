"""An inbox bucket on an S3 on loopback, and the ingest function, which gets the events of S3 in SQS messages."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from tests.support.api import load
from tests.support.backends import S3Backend

FUNCTIONS = Path(__file__).parents[2] / "functions"
GOOD = b'{"id": "a", "vector": [1, 0], "metadata": {"n": 1}}\n{"id": "b", "vector": [0, 1]}\n'


class Inbox:
    """An inbox bucket, and the function that its events reach."""

    def __init__(self, backend: S3Backend) -> None:
        self.bucket, self.client = f"{backend.bucket}-inbox", backend.client
        self.client.create_bucket(Bucket=self.bucket)
        self.handler = load(FUNCTIONS / "ingest").lambda_handler

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def event(self, key: str, data: bytes, sequencer: str = "0055AED6DCD90281E5") -> str:
        """What S3 sends when `data` was put under `key`."""
        named = {
            "key": quote_plus(key),
            "size": len(data),
            "eTag": hashlib.md5(data).hexdigest(),
            "sequencer": sequencer,
        }
        return json.dumps(
            {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": self.bucket}, "object": named}}]}
        )

    def deliver(self, *bodies: str) -> list[str]:
        """Invoke the function with messages m0, m1, …; return those that it wants again."""
        records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
        answer = self.handler({"Records": records}, None)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def deliver_each(self, files: Iterable[tuple[str, bytes]]) -> list[str]:
        """Deliver the event of each of the files in one batch."""
        return self.deliver(*(self.event(key, data) for key, data in files))

    def upload(self, key: str, data: bytes, sequencer: str = "0055AED6DCD90281E5") -> None:
        self.put(key, data)
        assert self.deliver(self.event(key, data, sequencer)) == []

    def report(self, key: str) -> Any:
        return json.loads(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def reports(self) -> list[str]:
        listed = self.client.list_objects_v2(Bucket=self.bucket, Prefix="rejected/")
        return [entry["Key"] for entry in listed.get("Contents", ())]

    def files_of_reports(self) -> list[str]:
        """Return the key of the file that each report names."""
        return [self.report(key)["file"] for key in self.reports()]
