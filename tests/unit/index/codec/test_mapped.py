"""The checksum of a mapped file is that of its bytes, and its pages are not kept in memory."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
import pytest

from vectord.index.codec.mapped import crc32

MIB = 1 << 20


@contextmanager
def mapping(path: Path, size: int) -> Iterator[memoryview]:
    path.write_bytes(np.random.default_rng(1).bytes(size))
    with path.open("rb") as file:
        yield memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))


def resident_kib() -> int:
    """Return the pages of files that are mapped into this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    [line] = [line for line in status.splitlines() if line.startswith("RssFile")]
    return int(line.split()[1])


@pytest.mark.parametrize("size", [1, 5_000, 16 * MIB, 33 * MIB + 7])
def test_it_is_that_of_the_bytes(size: int, tmp_path: Path) -> None:
    with mapping(tmp_path / "file", size) as data:
        assert crc32(data, 12) == zlib.crc32((tmp_path / "file").read_bytes(), 12)
        assert crc32(data[:-1]) == zlib.crc32(data[:-1])  # a part, and the bytes are still there
        assert crc32(bytes(data)) == crc32(data)


def test_its_pages_are_not_kept(tmp_path: Path) -> None:
    with mapping(tmp_path / "file", 64 * MIB) as data:
        before = resident_kib()
        crc32(data)
        assert resident_kib() - before < 20 * 1_024
        zlib.crc32(data)
        assert resident_kib() - before > 60 * 1_024  # what was measured is what would be kept
