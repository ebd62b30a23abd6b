"""The error of a shard's request reaches the caller as the error of the index, through a message."""

import pytest

from vectord.errors import (
    BlobCorrupt,
    DeadlineExceeded,
    FilterInvalid,
    IndexNotFound,
    RequestTooLarge,
    StorageSilent,
    Throttled,
    VectordError,
    VectorsNotFound,
)
from vectord.service.sharding.failures import Failed, error_of, failed_result
from vectord.service.sharding.messages import decode_result, encode


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (
            FilterInvalid('filter["my key"].$match', "has no words."),
            FilterInvalid('filter["my key"].$match', "has no words."),
        ),
        (VectorsNotFound("t/g/1", ["a", "b"]), VectorsNotFound("t", ["a", "b"])),
        (IndexNotFound("t/g/1"), IndexNotFound("t")),
        (BlobCorrupt("a checksum is wrong", "t/g/1"), BlobCorrupt("a checksum is wrong", "t/g/1")),
        (RequestTooLarge("too large"), RequestTooLarge("too large")),
        (Throttled(), Throttled()),
        (DeadlineExceeded(), DeadlineExceeded()),
        (VectordError("new in another version"), StorageSilent()),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_on_the_other_side(raised: VectordError, expected: VectordError) -> None:
    received = decode_result(encode(failed_result(raised)).decode())
    assert isinstance(received, Failed)
    error = error_of(received, "t/g/1", "t")
    assert (type(error), str(error), vars(error)) == (type(expected), str(expected), vars(expected))
