"""Join the ranges that a search reads into few requests: a few more bytes take less time than another request."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from vectord.index.sections.base import ByteRange, SectionRanges

# The most bytes between two ranges that are read with them, in place of another request: 16 KiB take 0.2 ms at 75 MB/s,
# and a request takes 0.3 ms of the processor.
MAX_GAP: Final = 16 << 10
# The same for indexes with a sketch, whose calibration assumes it.
SKETCH_GAP: Final = 48 << 10
# The most requests of a round, for each query. A round of more is joined further, by gaps up to _MAX_WIDE_GAP:
# they take as long as a request of 25 ms that one of 32 connections sends. A round of more than 32 requests takes 25 ms
# more, as long as 1.9 MB: it is joined by wider gaps, up to _MAX_GAP_OF_SECOND.
MAX_REQUESTS: Final = 24
_MAX_WIDE_GAP: Final = 64 << 10
_CONNECTIONS: Final = 32
_MAX_GAP_OF_SECOND: Final = 256 << 10


def joined(ranges: Sequence[ByteRange], gap: int) -> list[ByteRange]:
    """Return ranges, which ascend by their starts and may overlap, joined where at most `gap` bytes are between two."""
    result: list[ByteRange] = []
    for start, stop in ranges:
        if result and start - result[-1][1] <= gap:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def in_few_requests(wanted: Sequence[SectionRanges], requests: int) -> list[SectionRanges]:
    """Return ranges of sections, joined by the least gaps until there are at most `requests`, or the gaps are wide.

    Sections of which all bytes are wanted stay as they are.
    """
    several: list[SectionRanges] = [
        (section, None if ranges is None else joined(ranges, MAX_GAP)) for section, ranges in wanted
    ]
    for most, widest in ((requests, _MAX_WIDE_GAP), (requests * _CONNECTIONS // MAX_REQUESTS, _MAX_GAP_OF_SECOND)):
        several = _joined_to(several, most, widest)
    return several


def _joined_to(several: Sequence[SectionRanges], requests: int, widest: int) -> list[SectionRanges]:
    """Return ranges joined by the least gaps up to `widest`, until there are at most `requests`."""
    gaps = sorted(after[0] - before[1] for _, ranges in several if ranges for before, after in pairwise(ranges))
    count = sum(len(ranges) for _, ranges in several if ranges)
    if count <= requests or not gaps:
        return list(several)
    gap = min(widest, gaps[min(count - requests, len(gaps)) - 1])
    return [(section, None if ranges is None else joined(ranges, gap)) for section, ranges in several]
