"""Errors of the protocol of S3 Vectors, and how every error of vectord is answered.

AWS names an error in the header `x-amzn-ErrorType`. The SDKs also read `__type` of the body, and a gateway may change
the header. The SDKs repeat a request after 429, 500 and 503.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from vectord import errors
from vectord.edge.problems import ErrorAnswer
from vectord.errors import AccessDenied, RequestInvalid, VectordError
from vectord.service.buckets import errors as bucket_errors

_MAX_MESSAGE: Final = 2_000  # characters; a message may quote what the caller sent


class FieldError(msgspec.Struct, frozen=True):
    """One field that is not valid: its path, as in `/vectors/0/key` or `vectors[0].data`, and the reason."""

    path: str
    message: str


class FieldsInvalid(RequestInvalid):
    """Some fields of a request are not valid."""

    def __init__(self, message: str, fields: Sequence[FieldError]) -> None:
        self.fields = tuple(fields)
        super().__init__(message)


class ShapeInvalid(FieldsInvalid):
    """Some fields of a request violate the constraints of S3 Vectors."""

    def __init__(self, fields: Sequence[FieldError]) -> None:
        plural = "s" if len(fields) > 1 else ""
        messages = "; ".join(field.message for field in fields)
        super().__init__(f"{len(fields)} validation error{plural} detected. {messages}", fields)


class RecordsInvalid(FieldsInvalid):
    """Some vectors of PutVectors cannot be stored, so none was; the message is AWS's for the first of them."""

    def __init__(self, key: str, fields: Sequence[FieldError]) -> None:
        more = f". {len(fields)} vectors are not valid; nothing was stored" if len(fields) > 1 else ""
        super().__init__(f"Invalid record for key '{key}': {fields[0].message}{more}", fields)


class OtherAccount(AccessDenied):
    """An ARN names a resource of another AWS account."""

    def __init__(self, arn: str, account: str) -> None:
        super().__init__("read", arn)
        self.args = (f"{arn!r} is not in account {account}, in which this vectord runs. Use an ARN of that account.",)


class Fault(msgspec.Struct, frozen=True):
    """An error of S3 Vectors: its status and name; `message` replaces ours where AWS has a text of its own."""

    status: int
    name: str
    message: str | None = None


VALIDATION: Final = Fault(400, "ValidationException")
_UNAVAILABLE: Final = Fault(503, "ServiceUnavailableException")
# The first class that matches wins, so subclasses come before their base classes.
FAULTS: Final[dict[type[VectordError], Fault]] = {
    errors.AccessDenied: Fault(403, "AccessDeniedException"),
    errors.IndexNotFound: Fault(404, "NotFoundException", "The specified index could not be found"),
    bucket_errors.BucketNotFound: Fault(404, "NotFoundException"),
    bucket_errors.BucketPolicyNotFound: Fault(404, "NotFoundException"),
    bucket_errors.BucketExists: Fault(409, "ConflictException"),
    bucket_errors.BucketNotEmpty: Fault(409, "ConflictException"),
    errors.BucketError: Fault(409, "ConflictException"),
    errors.NotFound: Fault(404, "NotFoundException"),
    errors.IndexExists: Fault(409, "ConflictException", "An index with the specified name already exists"),
    errors.PreconditionFailed: Fault(409, "ConflictException"),
    errors.MethodNotAllowed: VALIDATION,
    errors.RequestInvalid: VALIDATION,
    errors.Unavailable: _UNAVAILABLE,
    errors.BlobError: Fault(500, "InternalServerException"),
    errors.StoreError: Fault(
        500,
        "InternalServerException",
        "Storage refused a request of the service. The reason is in the log of the function.",
    ),
}


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """The body of an error; `fields` is AWS's fieldList."""

    type: str = msgspec.field(name="__type")
    message: str
    fields: tuple[FieldError, ...] = msgspec.field(default=(), name="fieldList")


def repeated_keys(keys: Sequence[str], where: str) -> list[FieldError]:
    """Return the errors of metadata keys that are the same as earlier ones; `where` is the path of their list."""
    first = {key: position for position, key in reversed(list(enumerate(keys)))}
    return [
        FieldError(f"{where}[{position}].metadataKey", f"{key!r} is also the key of {where}[{first[key]}]")
        for position, key in enumerate(keys)
        if first[key] < position
    ]


def fault(error: VectordError) -> Fault:
    """Return the fault that answers an error."""
    return next(known for kind, known in FAULTS.items() if isinstance(error, kind))


def body(error: VectordError) -> ErrorBody:
    """Return the body that reports an error."""
    found = fault(error)
    message = found.message or str(error)
    fields = error.fields if isinstance(error, FieldsInvalid) else ()
    return ErrorBody(found.name, message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "…", fields)


def answer(error: VectordError) -> ErrorAnswer:
    """Return the answer to an error, for `edge.handler`."""
    found, described = fault(error), body(error)
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": found.name}
    without_fields = ErrorBody(described.type, described.message)
    shorter = ErrorAnswer(found.status, headers, without_fields)
    return ErrorAnswer(found.status, headers, described, shorter)
