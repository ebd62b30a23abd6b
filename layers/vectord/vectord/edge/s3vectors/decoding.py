"""Decode the bodies of requests; refuse what violates the model of S3 Vectors, in its words."""

from itertools import islice
from typing import Final

import msgspec

from vectord.edge.s3vectors.constraints import MAX_ERRORS, check
from vectord.edge.s3vectors.faults import ShapeInvalid
from vectord.edge.s3vectors.mismatches import mismatches
from vectord.edge.s3vectors.shapes import Shape
from vectord.edge.schemas.bodies import repeated_field
from vectord.edge.schemas.large_bodies import LARGE, check_count
from vectord.errors import MalformedJson, RequestInvalid, RequestTooLarge
from vectord.readers.malformed import malformed_reason

_MANY_OBJECTS: Final = 20_000  # as values of Python they need some 10 MB


def decode[T: Shape](data: bytes, shape: type[T]) -> T:
    """Return the body of a request.

    Raises:
        MalformedJson: it is not JSON.
        RequestInvalid: a field is unknown, missing or repeated, or has another type.
        ShapeInvalid: a value violates its constraint.
        RequestTooLarge: it has more bytes than any valid one.
    """
    if len(data) > shape.max_bytes:
        raise RequestTooLarge(f"A request of this operation has at most {shape.max_bytes:,} bytes.")
    try:
        data.decode()
        if shape.objects and data.count(b"{") > _MANY_OBJECTS:
            check_count(data, *shape.objects)
        value = msgspec.json.decode(data or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise _refusal(data, shape, error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedJson(f"The body {malformed_reason(data, error)}") from error
    if repeated := repeated_field(data, shape):
        raise RequestInvalid(f"The body has the field {repeated!r} more than once. Send it once.")
    check(value)
    return value


def _refusal(data: bytes, shape: type[Shape], error: msgspec.ValidationError) -> RequestInvalid:
    """Return the error for a body that is not a `shape`, or not JSON behind the first wrong member.

    Of a large body it names the first wrong member alone.
    """
    try:
        msgspec.json.decode(data or b"{}", type=msgspec.Raw)  # to the end of the body
        if len(data) > LARGE:
            return RequestInvalid(f"1 validation error detected. {error}.")
        found = list(islice(mismatches(data or b"{}", shape), MAX_ERRORS))
    except (msgspec.DecodeError, RecursionError) as malformed:
        return MalformedJson(f"The body {malformed_reason(data, malformed)}")
    if not found:  # the last value of a repeated member is valid, an earlier one is not
        return RequestInvalid(f"1 validation error detected. A member is repeated. Send each member once. ({error})")
    return ShapeInvalid(found)
