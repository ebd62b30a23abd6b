"""Invoke Lambda functions without boto3, whose import takes most of a cold search: with a signature of our own.

Each request is sent once: the caller repeats, since it knows what may be repeated.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlsplit

from vectord.errors import FunctionBusy, StoreRefused, StoreUnavailable
from vectord.storage.s3.connections import Answer, Broken, Connections, Headers, Unsent
from vectord.storage.s3.sigv4 import Keys, signed_body

_CONNECT_SECONDS: Final = 1.0
_LEAST_SECONDS: Final = 0.1
_CONNECTIONS: Final = 64  # as many as threads that wait for an answer
_PORTS: Final = {"http": 80, "https": 443}
_BUSY: Final = 429  # refused at the door: nothing ran


def _now() -> datetime:
    return datetime.now(UTC)


def endpoint_of(region: str) -> str:
    """Return the URL of Lambda's API in AWS."""
    return f"https://lambda.{region}.{'amazonaws.com.cn' if region.startswith('cn-') else 'amazonaws.com'}"


class Functions:
    """The functions of one region; `keys` is asked at each call, so that temporary credentials may change."""

    def __init__(
        self, endpoint: str, region: str, keys: Callable[[], Keys], *, clock: Callable[[], datetime] = _now
    ) -> None:
        self._region, self._keys, self._clock = region, keys, clock
        self._connections = Connections(endpoint, _CONNECTIONS, _CONNECT_SECONDS)
        url = urlsplit(endpoint)
        self._host = url.netloc.removesuffix(f":{_PORTS.get(url.scheme)}")

    def call(self, function: str, payload: bytes, seconds: float) -> bytes:
        """Return what `function` (`name` or `name:alias`) answers, as JSON text, within so many seconds.

        Raises:
            FunctionBusy: it was certainly not run.
            StoreUnavailable: no answer, or the function failed; it may have run.
            StoreRefused: no such function, or no right to invoke it.
        """
        answer = self._invoke(function, payload, "RequestResponse", seconds)
        _check(answer.status, answer.headers, 200)
        return answer.data

    def send(self, function: str, payload: bytes, seconds: float) -> None:
        """Have Lambda queue the event `payload` for `function`, and repeat it if that fails; wait for so many seconds.

        Raises:
            FunctionBusy: it was certainly not queued.
            StoreUnavailable: no answer; it may have been queued.
            StoreRefused: as `call` does.
        """
        answer = self._invoke(function, payload, "Event", seconds)
        _check(answer.status, answer.headers, 202)

    def _invoke(self, function: str, payload: bytes, kind: str, seconds: float) -> Answer:
        path = f"/2015-03-31/functions/{quote(function, safe='-_.~')}/invocations"
        headers = signed_body(
            self._host, path, payload, service="lambda", keys=self._keys(), region=self._region, at=self._clock()
        )
        headers |= {
            "x-amz-invocation-type": kind,
            "content-type": "application/json",
            "content-length": str(len(payload)),
        }
        body, retry_policy = [memoryview(payload)], max(_LEAST_SECONDS, seconds)
        try:
            return self._connections.ask("POST", path, headers, body, read=retry_policy)
        except Unsent as error:
            raise FunctionBusy(str(error)) from error
        except Broken as error:
            raise StoreUnavailable(str(error)) from error


def _check(status: int, headers: Headers, expected: int) -> None:
    if status == _BUSY:
        raise FunctionBusy(str(status))
    if 400 <= status < 500:
        raise StoreRefused(f"lambda: {headers.get('x-amzn-errortype', status)}")
    if status != expected or "x-amz-function-error" in headers:
        raise StoreUnavailable(f"lambda: {headers.get('x-amz-function-error', status)}")
