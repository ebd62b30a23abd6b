"""What S3's refusals mean: told by the error code and the status, never by words."""

from typing import Final

from vectord.errors import (
    ConditionFailed,
    ObjectNotFound,
    ObjectVersionNotFound,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WriteConflict,
)

# Codes as S3's error reference has them; HEAD-like answers without a body carry the bare status instead.
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
    # It arrived as something else than was sent.
    "BadDigest": StoreUnavailable,
    "XAmzContentSHA256Mismatch": StoreUnavailable,
    # The upload was ended by somebody, or by our own request whose answer was lost.
    "NoSuchUpload": StoreUnavailable,
}


def refusal(code: str, status: int) -> StoreError:
    """Return the error that an answer other than the one asked for stands for."""
    if code in _BY_CODE:
        return _BY_CODE[code](code)
    # A 2xx that is not the answer to this request comes from somebody else than S3.
    unknown = status >= 500 or status == 429 or status < 300
    return StoreUnavailable(code) if unknown else StoreRefused(code)
