"""Events for other functions, by boto3's client for Lambda: imported at the first of them, which few requests make."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import boto3
import msgspec
from botocore.config import Config

from vectord.stores.s3_client import classified

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# An event that is sent twice does no harm, so one without an answer is repeated.
_CONFIG: Final = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2})


@dataclass(frozen=True, slots=True)
class LambdaCompactor:
    """Has `function` compact indexes: Lambda queues the events, and repeats what fails."""

    function: str
    region: str | None = None

    def ask(self, name: str) -> None:
        """Queue the event `{"index": name}`.

        Raises:
            StoreUnavailable, StoreRefused
        """
        with classified():
            _client(self.region).invoke(
                FunctionName=self.function, InvocationType="Event", Payload=msgspec.json.encode({"index": name})
            )


@cache
def _client(region: str | None) -> "LambdaClient":
    # A session of its own: the one that boto3 shares is not made for threads.
    return boto3.session.Session(region_name=region).client("lambda", config=_CONFIG)
