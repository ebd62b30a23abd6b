"""boto3 clients: created on first use, without retries, and with a check that each response is complete.

The service retries requests itself, because it knows which of them are safe to repeat. Importing boto3 takes 0.18 s and
creating the first client takes 0.09 s, so a search does neither.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from vectord.errors import StoreError, StoreRefused, StoreUnavailable
from vectord.storage.credentials import Credentials

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

_STATUSES_WITHOUT_BODY: Final = (204, 304)
_session_lock = Lock()  # a boto3 session must not create clients in several threads at once


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds to wait for a service.

    `connect` bounds the connection and each piece of a request body, `read` bounds each piece of a response. `work`
    bounds the whole response to a request that makes S3 copy or assemble bytes; S3 may send white space until it is
    done. `s3.multipart` splits a copy into parts that each need less than `work`; a function has time for two of them.
    """

    connect: float = 1.0
    read: float = 5.0
    work: float = 10.0


class Lazy[T]:
    """Creates a client on the first call and returns it on each later call; safe to call from several threads."""

    def __init__(self, create: Callable[[], T]) -> None:
        self._create, self._lock = create, Lock()
        self._client: T | None = None

    def begin(self) -> None:
        """Create the client in a thread; if that fails, the first call creates it, and raises."""
        if self._client is None:
            Thread(target=self._try_to_create, name="client", daemon=True).start()

    def _try_to_create(self) -> None:
        with suppress(StoreError):
            self()

    def __call__(self) -> T:
        with self._lock:
            if self._client is None:
                self._client = self._create()
            return self._client


def single_attempt_config(timeouts: Timeouts, connections: int, **settings: Any) -> "Config":
    """Return the configuration of a client that sends each request once."""
    from botocore.config import Config  # noqa: PLC0415 - see above

    return Config(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        **settings,
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector: importing boto3 and reading its models make none, in nine tenths of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def boto_client(
    service: Literal["s3", "lambda", "sqs"],
    region: str,
    endpoint: str | None,
    credentials: Credentials | None,
    config: "Config",
) -> Any:
    """Return a boto3 client. Without `credentials`, a separate boto3 session finds and renews them.

    Raises:
        StoreRefused: the profile is missing.
    """
    with _session_lock, _collector_paused(), botocore_errors(_refused):
        import boto3.session  # noqa: PLC0415 - see above

        if credentials is None:
            return boto3.session.Session().client(service, region, endpoint_url=endpoint, config=config)
        return _shared_session().client(
            service,
            region,
            endpoint_url=endpoint,
            config=config,
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
        )


@cache
def _shared_session() -> "Session":
    """Return a session that clients share: it creates each client after the first in 5 to 13 ms instead of 80."""
    import boto3.session  # noqa: PLC0415 - see above

    return boto3.session.Session()


def check_complete(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Raise StoreUnavailable for a truncated response. An event handler, because botocore does not compare lengths."""
    status, headers, body = response_dict["status_code"], response_dict["headers"], response_dict["body"]
    if status in _STATUSES_WITHOUT_BODY or operation_model.http["method"] == "HEAD":
        return
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        raise StoreUnavailable("incomplete response headers")
    # A streamed body compares its length when it is read.
    if isinstance(body, bytes) and length is not None and length != str(len(body)):
        raise StoreUnavailable("incomplete response body")


@contextmanager
def botocore_errors(store_error: Callable[[str, int], StoreError]) -> Iterator[None]:
    """Turn botocore's exceptions into store errors; `store_error` returns the error for an error code and a status.

    It imports botocore, which the code inside the block needs anyway.
    """
    from botocore import exceptions  # noqa: PLC0415 - not for reads
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - not for reads

    try:
        yield
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise store_error(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) from error
    except (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        exceptions.IncompleteReadError,
        ResponseParserError,
        ValueError,  # from the parser, for a header whose value is incomplete
    ) as error:
        raise StoreUnavailable(type(error).__name__) from error
    except exceptions.BotoCoreError as error:
        # wrong credentials, region or parameters: nothing was sent
        raise StoreRefused(type(error).__name__) from error


def _refused(code: str, _: int) -> StoreError:
    return StoreRefused(code)
