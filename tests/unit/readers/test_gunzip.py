"""Blocks made ahead come in order, in bounds, with their errors in their places, and leave no thread behind."""

import threading
import time
from collections.abc import Iterator

import pytest

from vectord.readers.gunzip import read_ahead


class Made:
    """Blocks that note how many of them were made; the one numbered `bad` cannot be."""

    def __init__(self, count: int, bad: int | None = None) -> None:
        self.count = 0
        self._blocks = self._made(count, bad)

    def _made(self, count: int, bad: int | None) -> Iterator[bytes]:
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
def test_all_blocks_come_in_order(count: int) -> None:
    assert list(read_ahead(Made(count))) == [b"%d" % number for number in range(count)]


def test_a_block_that_is_empty_ends_nothing() -> None:
    assert list(read_ahead(iter([b"a", b"", b"b"]))) == [b"a", b"", b"b"]


def test_an_error_is_raised_after_the_blocks_before_it() -> None:
    blocks = read_ahead(Made(9, bad=5))
    assert [next(blocks) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    with pytest.raises(ValueError, match="5"):
        next(blocks)


def test_few_blocks_are_made_before_they_are_wanted() -> None:
    made = Made(1_000)
    blocks = read_ahead(made)
    for used in range(1, 20):
        next(blocks)
        time.sleep(0.005)
        assert made.count <= used + 3
    blocks.close()


def test_who_leaves_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    blocks = read_ahead(Made(1_000))
    next(blocks)
    assert threading.active_count() == before + 1
    blocks.close()
    assert threading.active_count() == before
