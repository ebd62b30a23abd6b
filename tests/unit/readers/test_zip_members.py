"""Members of a zip archive: bounded before zipfile makes an object of each entry of the directory."""

import struct
import tracemalloc

import pytest

from vectord.errors import FileRefused
from vectord.readers.zip_members import read_members


def directory_of(entries: int) -> bytes:
    """Return an archive that is only a directory, of empty members without names."""
    directory = (b"PK\x01\x02" + bytes(42)) * entries
    counts = (0, 0, entries, entries, len(directory), 0, 0)
    return directory + struct.pack("<4s4H2LH", b"PK\x05\x06", *counts)


def test_a_directory_of_many_members_is_refused_before_it_is_decoded() -> None:
    data = directory_of(60_000)
    tracemalloc.start()
    try:
        with pytest.raises(FileRefused):
            read_members(data, ["ids.npy"], 1 << 30)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(data)
