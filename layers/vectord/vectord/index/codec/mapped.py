"""The checksum of a section that is a mapped file, without keeping its pages in the memory of the process."""

import zlib
from mmap import MADV_DONTNEED, mmap
from typing import Final

from vectord.lhv1.frame import Data

_STEP: Final = 16 << 20  # bytes, a multiple of every page size


def crc32(data: Data, found: int = 0) -> int:
    """Return what `zlib.crc32` returns. Of a whole mapped file, each part is unmapped when it was read.

    The file keeps its bytes, and the next reader maps them again. The graph of a large build has as many bytes as all
    vectors, which are in memory too.
    """
    mapped = data.obj if isinstance(data, memoryview) else None
    if not isinstance(mapped, mmap) or len(mapped) != len(data):
        return zlib.crc32(data, found)
    for start in range(0, len(data), _STEP):
        part = data[start : start + _STEP]
        found = zlib.crc32(part, found)
        mapped.madvise(MADV_DONTNEED, start, len(part))
    return found
