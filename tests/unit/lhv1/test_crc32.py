"""The CRC-32 of two parts is that of the bytes back to back."""

import random
import zlib

import pytest

from vectord.lhv1 import crc32


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 65_537, 1_000_000])
def test_it_is_that_of_the_bytes_back_to_back(size: int) -> None:
    first, second = random.Random(1).randbytes(100), random.Random(2).randbytes(size)
    assert crc32.joined(zlib.crc32(first), zlib.crc32(second), size) == zlib.crc32(first + second)


def test_bytes_after_none_keep_their_crc32() -> None:
    assert crc32.joined(zlib.crc32(b""), zlib.crc32(b"second"), 6) == zlib.crc32(b"second")
