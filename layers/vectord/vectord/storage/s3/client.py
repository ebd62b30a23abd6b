"""boto3's client for S3, and what it raises as the store's errors. Knows botocore, as `s3_chain` does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

import boto3
from botocore import exceptions as boto_errors
from botocore.config import Config
from botocore.parsers import ResponseParserError

from vectord.errors import StoreRefused, StoreUnavailable
from vectord.storage.s3.errors import refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# No answer, half an answer, or one that is not S3's: what happened is unknown.
_NO_ANSWER: Final = (
    boto_errors.HTTPClientError,
    boto_errors.ConnectionError,
    boto_errors.IncompleteReadError,
    ResponseParserError,
    ValueError,  # what the parser makes of a header whose value ends early
)


def make_client(
    endpoint: str | None = None,
    addressing: Literal["auto", "virtual"] = "auto",
    *,
    connect: float = 1.0,
    read: float = 5.0,
) -> "S3Client":
    """Return an S3 client that tries each request once; the service repeats, since it knows what may be repeated.

    `endpoint` is a URL that stands in for S3, addressed by path, because its host has no name for each bucket. With
    `virtual` addressing a link to upload to names the bucket's region, as new buckets outside us-east-1 need it.
    `connect` and `read` are how many seconds to wait for a connection, and for each piece of an answer.
    """
    config = Config(
        connect_timeout=connect,
        read_timeout=read,
        retries={"total_max_attempts": 1},
        signature_version="s3v4",  # for links to upload to as well
        # Each section of a blob carries its own crc32, which is checked at every read.
        response_checksum_validation="when_required",
        s3={"addressing_style": "path" if endpoint else addressing},
    )
    return boto3.client("s3", endpoint_url=endpoint, config=config)


@contextmanager
def classified() -> Iterator[None]:
    """Turn what botocore raises into the store's errors, by the response's code and status, never by words."""
    try:
        yield
    except boto_errors.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise refusal(code, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) from error
    except _NO_ANSWER as error:
        raise StoreUnavailable(type(error).__name__) from error
    except boto_errors.BotoCoreError as error:
        # Credentials, region, parameters: nothing was sent.
        raise StoreRefused(type(error).__name__) from error
