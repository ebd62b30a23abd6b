"""Join the ranges that a search reads into few requests: a few more bytes take less time than another request.

Of the partitions that a search probes, the codes of those are read that a number of requests reach.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from vectord.index.sections.base import ByteRange, SectionRanges

# The most bytes between two ranges that are read with them, in place of another request: 16 KiB take 0.2 ms at 75 MB/s,
# and a request takes 0.3 ms of the processor.
MAX_GAP: Final = 16 << 10
# The same for indexes with a sketch, whose calibration assumes it.
SKETCH_GAP: Final = 48 << 10
# The most requests of a round for rows, for each query. A round of more is joined further, by gaps up to _MAX_WIDE_GAP:
# they take as long as a request of 25 ms that one of 32 connections sends. A round of more than 32 requests takes 25 ms
# more, as long as 1.9 MB: it is joined by wider gaps, up to _MAX_GAP_OF_SECOND.
MAX_REQUESTS: Final = 24
_MAX_WIDE_GAP: Final = 64 << 10
_CONNECTIONS: Final = 32
_MAX_GAP_OF_SECOND: Final = 256 << 10
# The requests for the codes that a query reads of up to _MOST_REACHED partitions; of more, all are read. Codes in the
# gaps between them are searched as well. The more partitions, the wider the gaps: up to 42 read gaps up to MAX_GAP.
CODE_REQUESTS: Final = 28
_GAP_OF_A_PROBE: Final = 384
_MOST_REACHED: Final = 150

Array = npt.NDArray[np.int64]


def joined(ranges: Sequence[ByteRange], gap: int) -> list[ByteRange]:
    """Return ranges, which ascend by their starts and may overlap, joined where at most `gap` bytes are between two."""
    result: list[ByteRange] = []
    for start, stop in ranges:
        if result and start - result[-1][1] <= gap:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def within_reach(ranked: Array, starts: Array) -> Array:
    """Return the partitions, ascending, whose codes a search reads that would probe `ranked`, nearest first.

    These are the partitions in the ranges, at most CODE_REQUESTS, that have the nearest ones. `starts`
    (partitions + 1,) has where the codes of each partition start, in bytes, and where the last end.
    """
    if not 0 < len(ranked) <= _MOST_REACHED:
        return np.sort(ranked)
    by_place = np.argsort(ranked)
    ordered = ranked[by_place]
    gaps = starts[ordered[1:]] - starts[ordered[:-1] + 1]
    breaks = np.flatnonzero(gaps > max(MAX_GAP, _GAP_OF_A_PROBE * len(ranked))) + 1
    heads, tails = np.concatenate(([0], breaks)), np.concatenate((breaks, [len(ranked)])) - 1
    if len(heads) > CODE_REQUESTS:
        nearest = np.argsort(np.minimum.reduceat(by_place, heads))[:CODE_REQUESTS]
        heads, tails = heads[nearest], tails[nearest]
    is_read = np.zeros(len(starts), np.int8)
    is_read[ordered[heads]] = 1
    is_read[ordered[tails] + 1] = -1
    return np.flatnonzero(np.cumsum(is_read, dtype=np.int8))


def in_few_requests(wanted: Sequence[SectionRanges], requests: int, queries: int = 1) -> list[SectionRanges]:
    """Return ranges of sections, joined by the least gaps until there are at most `requests`, or the gaps are wide.

    They are of a number of `queries`. Sections of which all bytes are wanted stay as they are.
    """
    several: list[SectionRanges] = [
        (section, None if ranges is None else joined(ranges, MAX_GAP)) for section, ranges in wanted
    ]
    for most, widest in ((requests, _MAX_WIDE_GAP), (max(requests, queries * _CONNECTIONS), _MAX_GAP_OF_SECOND)):
        several = _joined_to(several, most, widest)
    return several


def is_second_wave(wanted: Sequence[SectionRanges], queries: int) -> bool:
    """Return True if ranges of sections need more requests than there are connections, or wider gaps than are usual."""
    return sum(len(joined(ranges or [], _MAX_WIDE_GAP)) for _, ranges in wanted) > queries * _CONNECTIONS


def _joined_to(several: Sequence[SectionRanges], requests: int, widest: int) -> list[SectionRanges]:
    """Return ranges joined by the least gaps up to `widest`, until there are at most `requests`."""
    gaps = sorted(after[0] - before[1] for _, ranges in several if ranges for before, after in pairwise(ranges))
    count = sum(len(ranges) for _, ranges in several if ranges)
    if count <= requests or not gaps:
        return list(several)
    gap = min(widest, gaps[min(count - requests, len(gaps)) - 1])
    return [(section, None if ranges is None else joined(ranges, gap)) for section, ranges in several]
