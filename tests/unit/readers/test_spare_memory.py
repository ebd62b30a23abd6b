"""The address space of the process is limited while a file is read, and not after."""

import resource

import pytest

from vectord.readers.files import spare_memory

SPARE = 64 << 20
MORE = 1 << 30


def test_an_allocation_beyond_the_limit_raises_memory_error() -> None:
    with spare_memory(SPARE), pytest.raises(MemoryError):
        bytes(MORE)


def test_an_allocation_within_the_limit_succeeds() -> None:
    with spare_memory(SPARE):
        assert len(bytes(SPARE)) == SPARE


def test_the_limit_is_removed_after_an_error() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), spare_memory(SPARE):
        bytes(MORE)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert len(bytes(MORE)) == MORE
