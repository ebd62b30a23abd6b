"""A queue of changes at an emulated SQS, whose messages reach the real add function when a test delivers them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Thread
from types import ModuleType
from typing import Any
from uuid import uuid4

import boto3

from tests.support import template
from tests.support.api import Api
from tests.support.backends import CREDENTIALS


@contextmanager
def emulated_sqs() -> Iterator[str]:
    """Run moto's SQS as a server on loopback and yield its URL."""
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = make_server("127.0.0.1", 0, create_backend_app("sqs"), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache  # tests share it: each new session reads the model files of botocore, which takes 0.1 s
def _client(endpoint: str) -> Any:
    session = boto3.session.Session(
        CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    )
    return session.client("sqs", endpoint_url=endpoint)


class ChangeQueue:
    """One queue; its messages become visible again at once."""

    def __init__(self, endpoint: str) -> None:
        self.client = _client(endpoint)
        made = self.client.create_queue(QueueName=f"changes-{uuid4().hex}", Attributes={"VisibilityTimeout": "0"})
        self.url: str = made["QueueUrl"]

    def bodies(self) -> list[str]:
        """Return the bodies of the messages, which stay in the queue."""
        return [message["Body"] for message in self._messages()]

    def deliver(self, api: Api) -> list[str]:
        """Invoke the add function with each message; remove and return the bodies of those that it is done with."""
        done = []
        for message in self._messages():
            if deliver(api, message["Body"]):
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                done.append(message["Body"])
        return done

    def _messages(self) -> list[Any]:
        found = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        messages: list[Any] = found.get("Messages", [])
        return messages


def deliver(api: Api, body: str) -> bool:
    """Invoke the add function with one message; return False if it wants the message again."""
    record = {
        "messageId": "m-1",
        "body": body,
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": "1"},
    }
    function: ModuleType = api.function(template.routes()["POST /indexes/{name}/vectors"])
    answer = function.lambda_handler({"Records": [record]}, None)
    assert answer["batchItemFailures"] in ([], [{"itemIdentifier": "m-1"}])
    return not answer["batchItemFailures"]
