"""Invoke Lambda functions by boto3.

Each request is sent once. The caller retries, because it knows which requests are safe to repeat.
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal

from vectord.errors import FunctionBusy, FunctionThrottled, StoreError, StoreRefused, StoreUnavailable
from vectord.storage.boto import Lazy, Timeouts, boto_client, botocore_errors, check_complete, single_attempt_config
from vectord.storage.credentials import Credentials

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import InvocationResponseTypeDef

_MIN_SECONDS: Final = 0.1
_CONNECTIONS: Final = 64  # one for each thread that waits for a function
_THROTTLED: Final = 429  # Too Many Requests: the function did not run
# Codes of throttling with another status; the second one is Lambda's own, of a function in a VPC that could not start.
_THROTTLING_CODES: Final = frozenset(("ThrottlingException", "EC2ThrottledException"))

_read_timeout: ContextVar[float] = ContextVar("seconds that a call waits for each piece of its response")


class Functions:
    """The functions of one region, in AWS or at `endpoint`. Without `credentials` botocore's chain finds them."""

    def __init__(self, endpoint: str | None, region: str, credentials: Credentials | None) -> None:
        self._client = Lazy(lambda: _client(endpoint, region, credentials))

    def call(self, function: str, payload: bytes, seconds: float) -> bytes:
        """Run `function` (`name` or `name:alias`) and return its response, JSON text, within `seconds`.

        Raises:
            FunctionBusy: the function certainly did not run; FunctionThrottled: because too many run.
            StoreUnavailable: no response, or the function failed; it may have run.
            StoreRefused: there is no such function, or no permission to invoke it.
        """
        response, data = self._invoke(function, payload, "RequestResponse", seconds)
        if response["StatusCode"] != 200 or "FunctionError" in response:
            raise StoreUnavailable(f"lambda: {response.get('FunctionError', response['StatusCode'])}")
        return data

    def send(self, function: str, payload: bytes, seconds: float) -> None:
        """Queue the event `payload` for `function`, which Lambda retries if it fails; wait at most `seconds`.

        Raises:
            FunctionBusy, FunctionThrottled: the event was certainly not queued.
            StoreUnavailable: no response; the event may have been queued.
            StoreRefused: as for `call`.
        """
        response, _ = self._invoke(function, payload, "Event", seconds)
        if response["StatusCode"] != 202:
            raise StoreUnavailable(f"lambda: {response['StatusCode']}")

    def _invoke(
        self, function: str, payload: bytes, kind: Literal["RequestResponse", "Event"], seconds: float
    ) -> "tuple[InvocationResponseTypeDef, bytes]":
        from botocore import exceptions  # noqa: PLC0415 - a search without fan-out does not need it

        client = self._client()
        previous = _read_timeout.set(max(_MIN_SECONDS, seconds))
        try:
            with botocore_errors(_store_error):
                try:
                    response = client.invoke(FunctionName=function, InvocationType=kind, Payload=payload)
                    return response, response["Payload"].read()
                except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError) as error:
                    raise FunctionBusy(type(error).__name__) from error  # the request was not sent
        finally:
            _read_timeout.reset(previous)


def _client(endpoint: str | None, region: str, credentials: Credentials | None) -> "LambdaClient":
    client: LambdaClient = boto_client(
        "lambda", region, endpoint, credentials, single_attempt_config(Timeouts(), _CONNECTIONS)
    )
    client.meta.events.register_last("before-call.lambda", _set_timeout)
    client.meta.events.register_first("before-parse.lambda", check_complete)
    return client


def _set_timeout(params: dict[str, Any], **_: Any) -> None:
    params["context"]["read_timeout"] = _read_timeout.get()


def _store_error(code: str, status: int) -> StoreError:
    if status == _THROTTLED or code in _THROTTLING_CODES:
        return FunctionThrottled(code)
    return (StoreRefused if 400 <= status < 500 else StoreUnavailable)(f"lambda: {code}")
