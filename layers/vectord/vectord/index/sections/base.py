"""A section of which some bytes may not have been fetched yet, the function that fetches them, and bytes of heads."""

import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

type ByteRange = tuple[int, int]  # start and stop, in bytes of the section

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Section(Protocol):
    """The bytes of one section; the content of bytes that were not fetched is undefined."""

    @property
    def size(self) -> int: ...
    @property
    def buffer(self) -> Bytes: ...
    @property
    def path(self) -> Path | None:
        """A file that contains exactly the section, once it is whole; None if it is in memory."""

    @property
    def whole(self) -> bool:
        """True once every byte is present and its checksum was verified; the buffer then never changes again."""

    def missing(self, ranges: Sequence[ByteRange] | None) -> list[ByteRange]:
        """Return the parts of `ranges` (None for the whole section) that have not been fetched."""


type SectionRanges = tuple[Section, Sequence[ByteRange] | None]  # None for the whole section


def are_present(section: Section, starts: npt.NDArray[np.int64], size: int | npt.NDArray[np.int64]) -> Mask:
    """Return which ranges of `size` bytes from `starts` on, int64 (n,), are completely fetched, bool (n,)."""
    stops = starts + size
    missing = section.missing(sorted(zip(starts.tolist(), stops.tolist(), strict=True)))
    if not missing:
        return np.ones(len(starts), np.bool_)
    bounds = np.array([*missing, (sys.maxsize, sys.maxsize)], np.int64)
    following = bounds[np.searchsorted(bounds[:, 1], starts, "right"), 0]  # the first missing byte that is not before
    present: Mask = following >= stops
    return present


class Fetch(Protocol):
    """Fetches missing bytes of sections in one round of parallel requests; may raise what the store's `read` raises.

    `capacity` is the number of section bytes that the cache can keep. If it `is_local`, nothing is requested from a
    store: missing bytes were only not checked yet.
    """

    @property
    def capacity(self) -> int: ...
    @property
    def is_local(self) -> bool: ...
    def __call__(self, *wanted: SectionRanges) -> None: ...


class MemorySection:
    """A section whose bytes are all in memory."""

    whole: Final = True
    path: Final = None

    def __init__(self, data: bytes | memoryview | Bytes) -> None:
        self.buffer: Bytes = np.frombuffer(data, np.uint8)

    @property
    def size(self) -> int:
        return len(self.buffer)

    def missing(self, ranges: Sequence[ByteRange] | None) -> list[ByteRange]:
        return []


class _NothingToFetch:
    """The `Fetch` of an index whose sections are all in memory."""

    capacity: Final = sys.maxsize
    is_local: Final = True

    def __call__(self, *wanted: SectionRanges) -> None:
        if any(section.missing(ranges) for section, ranges in wanted):
            raise AssertionError("a section has missing bytes, and the index was opened without a way to fetch them")


NOTHING_TO_FETCH: Final = _NothingToFetch()


def crc32_without(head: Bytes, field: slice) -> int:
    """Return the CRC-32 of a head except `field`, the bytes of the head in which it is stored."""
    return zlib.crc32(head[field.stop :], zlib.crc32(head[: field.start]))


def write_crc32(head: Bytes, field: slice) -> None:
    """Store the CRC-32 of the other bytes of a head in its `field`."""
    head[field] = np.frombuffer(crc32_without(head, field).to_bytes(4, "little"), np.uint8)


def write_array(data: Bytes, offset: int, values: npt.NDArray[np.number]) -> None:
    """Write the bytes of `values` to `data` from `offset` on."""
    written = values.reshape(-1).view(np.uint8)
    data[offset : offset + len(written)] = written
