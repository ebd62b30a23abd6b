"""Send messages to an SQS queue by boto3. Each request is sent once; the caller repeats it."""

from typing import Any, Final

from vectord.errors import StoreError, StoreRefused, StoreUnavailable
from vectord.storage.boto import Lazy, Timeouts, boto_client, botocore_errors, check_complete, single_attempt_config
from vectord.storage.credentials import Credentials

_CONNECTIONS: Final = 10
_THROTTLING_CODES: Final = frozenset(("RequestThrottled", "ThrottlingException", "AWS.SimpleQueueService.OverLimit"))


class Queue:
    """The queue of a URL. Without `credentials` botocore's chain finds them."""

    def __init__(self, url: str, endpoint: str | None, region: str, credentials: Credentials | None) -> None:
        self._url, self._client = url, Lazy(lambda: _client(endpoint, region, credentials))

    def send(self, message: bytes) -> None:
        """Send a message; SQS stores it before it answers.

        Raises:
            StoreUnavailable: no answer; the message may have been sent.
            StoreRefused: the queue does not exist, or this function may not send to it.
        """
        client = self._client()
        with botocore_errors(_store_error):
            client.send_message(QueueUrl=self._url, MessageBody=message.decode())


def _client(endpoint: str | None, region: str, credentials: Credentials | None) -> Any:
    client = boto_client("sqs", region, endpoint, credentials, single_attempt_config(Timeouts(), _CONNECTIONS))
    client.meta.events.register_first("before-parse.sqs", check_complete)
    return client


def _store_error(code: str, status: int) -> StoreError:
    if code in _THROTTLING_CODES:
        return StoreUnavailable(f"sqs: {code}")
    return (StoreRefused if 400 <= status < 500 else StoreUnavailable)(f"sqs: {code}")
