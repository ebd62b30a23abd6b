"""Turn S3's error codes and statuses, and obstore's exceptions, into store errors.

If the outcome is unknown (no response, an incomplete one, one that is not from S3, 5xx), it is StoreUnavailable.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import obstore.exceptions as obstore_exceptions

from vectord.errors import (
    ConditionFailed,
    ObjectNotFound,
    ObjectVersionNotFound,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WriteConflict,
)

# Codes from S3's error reference. A response without a body, such as one to HEAD, has only its status.
_BY_CODE: Final[dict[str, type[StoreError]]] = {
    "PreconditionFailed": ConditionFailed,
    "412": ConditionFailed,
    "ConditionalRequestConflict": WriteConflict,
    "OperationAborted": WriteConflict,
    "NoSuchKey": ObjectNotFound,
    "404": ObjectNotFound,
    "NoSuchVersion": ObjectVersionNotFound,
    "RequestTimeout": StoreUnavailable,
    "SlowDown": StoreUnavailable,
    # The body was damaged on the way to S3.
    "BadDigest": StoreUnavailable,
    "XAmzContentSHA256Mismatch": StoreUnavailable,
    # Another request ended the upload, or an earlier request of ours whose response was lost.
    "NoSuchUpload": StoreUnavailable,
}
_ETAG: Final = re.compile(r'"[^"]+"')


class Unmodified(StoreRefused):
    """304: the object still has the ETag that the request named. If it named none, this is an error like any other."""


class RangeNotSatisfiable(StoreRefused):
    """416: the range starts after the end of the object."""


_BY_STATUS: Final[dict[int, type[StoreError]]] = {304: Unmodified, 416: RangeNotSatisfiable}


def store_error(code: str, status: int) -> StoreError:
    """Return the error for a response that reports a failure, or that is not the expected one."""
    known = _BY_CODE.get(code) or _BY_STATUS.get(status)
    if known:
        return known(code)
    # A 2xx that is not the response to this request does not come from S3.
    is_unknown = status >= 500 or status == 429 or status < 300
    return StoreUnavailable(code) if is_unknown else StoreRefused(code)


def checked_etag(etag: str | None) -> str:
    """Return an ETag as it was received; raise StoreUnavailable if it is missing, incomplete or weak."""
    if not etag or not _ETAG.fullmatch(etag):
        raise StoreUnavailable("a response without a complete ETag")
    return etag


# obstore has exception types for these statuses. For any other status, and if there was no response, it raises
# GenericError. Then the status is only in the message, after a URL without blanks and a duration; so is S3's code. If
# the message does not match exactly, the error is StoreUnavailable. Our errors contain only the code and the status.
# re compiles the patterns at their first use.
_STATUS_BY_TYPE: Final[dict[type[Exception], int]] = {
    FileNotFoundError: 404,
    obstore_exceptions.PreconditionError: 412,
    obstore_exceptions.AlreadyExistsError: 409,
    obstore_exceptions.UnauthenticatedError: 401,
    obstore_exceptions.PermissionDeniedError: 403,
    obstore_exceptions.NotModifiedError: 304,
}
_MESSAGE_START: Final = r"Generic S3 error: Error performing (?:GET|HEAD) \S+ in \S+ - "
_STATUS: Final = _MESSAGE_START + r"Server returned non-2xx status code: (\d{3}) "
_REDIRECT: Final = _MESSAGE_START + r"Received redirect without LOCATION"
_CODE: Final = r"(?s)<Error>.*?<Code>([A-Za-z0-9.]+)</Code>"


@contextmanager
def obstore_errors() -> Iterator[None]:
    """Turn obstore's exceptions into store errors."""
    try:
        yield
    except (obstore_exceptions.BaseError, FileNotFoundError) as error:
        raise _obstore_error(error, str(error)) from error


def _obstore_error(error: Exception, text: str) -> StoreError:
    status = _STATUS_BY_TYPE.get(type(error), 0)
    if not status and (in_text := re.match(_STATUS, text)):
        status = int(in_text[1])
    if status:
        code = re.search(_CODE, text)
        return store_error(code[1] if code else str(status), status)
    return (
        store_error("PermanentRedirect", 301) if re.match(_REDIRECT, text) else StoreUnavailable(type(error).__name__)
    )
