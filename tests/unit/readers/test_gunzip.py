"""Gzip files: read completely and within a limit; a second thread reads ahead without changing the result."""

import gzip
import io
import threading
import time
from collections.abc import Iterator

import pytest

from vectord.errors import FileRefused
from vectord.readers.gunzip import lines_of_gzip, read_ahead

LIMIT = 1 << 20
TEXT = b"".join(b'{"id":"%d","vector":[%d,0.5]}\n' % (number, number) for number in range(200))


def decompress(data: bytes) -> bytes:
    return b"".join(lines_of_gzip(data, LIMIT, LIMIT))


def test_every_block_ends_at_the_end_of_a_line() -> None:
    text = TEXT * 100  # longer than one chunk
    blocks = list(lines_of_gzip(gzip.compress(text), LIMIT, LIMIT))
    assert b"".join(blocks) == text
    assert len(blocks) > 2
    assert all(block.endswith(b"\n") for block in blocks if block)


def test_several_members_and_padding_are_one_text() -> None:
    members = gzip.compress(TEXT[:1_001]) + gzip.compress(b"") + gzip.compress(TEXT[1_001:])
    assert decompress(members + bytes(100)) == TEXT


@pytest.mark.parametrize("flag", [8, 16])  # a name, a comment
def test_a_header_longer_than_the_buffer_is_refused(flag: int) -> None:
    header = b"\x1f\x8b\x08" + bytes([flag]) + bytes(6)
    with pytest.raises(FileRefused):
        decompress(header + b"a" * 600_000 + b"\0" + gzip.compress(TEXT)[10:])


def test_a_truncated_file_is_refused() -> None:
    packed = gzip.compress(TEXT)
    for length in range(1, len(packed), 7):
        with pytest.raises(FileRefused):
            decompress(packed[:length])


def test_a_file_with_an_altered_byte_is_refused() -> None:
    packed = bytearray(gzip.compress(TEXT))
    for at in range(10, len(packed), 7):
        packed[at] ^= 0x55
        with pytest.raises(FileRefused):
            decompress(bytes(packed))
        packed[at] ^= 0x55


def test_a_file_of_exactly_the_limit_is_read_and_a_byte_more_is_refused() -> None:
    text = TEXT.ljust(LIMIT)
    assert decompress(gzip.compress(text)) == text
    with pytest.raises(FileRefused, match="1,048,576"):
        decompress(gzip.compress(text + b"\n"))


@pytest.mark.parametrize("byte", [b"\0", b"\n"])
def test_a_file_that_unfolds_to_much_more_than_the_limit_is_refused(byte: bytes) -> None:
    with pytest.raises(FileRefused):
        decompress(gzip.compress(byte * 50 * LIMIT, 1))


def test_a_file_that_is_not_gzip_is_refused() -> None:
    with pytest.raises(FileRefused):
        decompress(io.BytesIO(TEXT).getvalue())


class Blocks:
    """Blocks that count how many of them were produced; producing the one numbered `bad` fails."""

    def __init__(self, count: int, bad: int | None = None) -> None:
        self.count = 0
        self._blocks = self._produce(count, bad)

    def _produce(self, count: int, bad: int | None) -> Iterator[bytes]:
        for number in range(count):
            if number == bad:
                raise ValueError(number)
            self.count += 1
            yield b"%d" % number

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def __next__(self) -> bytes:
        return next(self._blocks)


@pytest.mark.parametrize("count", [0, 1, 3, 50])
def test_reading_ahead_keeps_the_order_of_blocks(count: int) -> None:
    assert list(read_ahead(Blocks(count))) == [b"%d" % number for number in range(count)]


def test_reading_ahead_does_not_stop_at_an_empty_block() -> None:
    assert list(read_ahead(iter([b"a", b"", b"b"]))) == [b"a", b"", b"b"]


def test_an_exception_is_raised_after_the_blocks_before_it() -> None:
    blocks = read_ahead(Blocks(9, bad=5))
    assert [next(blocks) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    with pytest.raises(ValueError, match="5"):
        next(blocks)


def test_at_most_three_blocks_are_read_ahead() -> None:
    produced = Blocks(1_000)
    blocks = read_ahead(produced)
    for used in range(1, 20):
        next(blocks)
        time.sleep(0.005)
        assert produced.count <= used + 3
    blocks.close()


def test_the_second_thread_ends_with_the_iterator() -> None:
    before = threading.active_count()
    blocks = read_ahead(Blocks(1_000))
    next(blocks)
    assert threading.active_count() == before + 1
    blocks.close()
    assert threading.active_count() == before
