"""Join the ranges that a search reads into few requests: a few more bytes take less time than another request.

Of the partitions that a search probes, the codes of those are read that a number of requests reach. Nothing here needs
numpy, because a cold start plans its first round while numpy is imported (`early.py`).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

type ByteRange = tuple[int, int]  # start and stop, in bytes
type WantedOf[S] = tuple[S, Sequence[ByteRange] | None]  # ranges of a section; None for the whole section
type Wanted[S] = Sequence[WantedOf[S]]

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
# The requests for the codes that a query reads of up to MOST_REACHED partitions; of more, all are read. Codes in the
# gaps between them are searched as well. The more partitions, the wider the gaps: up to 42 read gaps up to MAX_GAP.
CODE_REQUESTS: Final = 28
GAP_OF_A_PROBE: Final = 384
MOST_REACHED: Final = 150
_REQUEST_BYTES: Final = 8 << 20  # maximum bytes of one request


def joined(ranges: Sequence[ByteRange], gap: int) -> list[ByteRange]:
    """Return ranges, which ascend by their starts and may overlap, joined where at most `gap` bytes are between two."""
    result: list[ByteRange] = []
    for start, stop in ranges:
        if result and start - result[-1][1] <= gap:
            result[-1] = (result[-1][0], max(stop, result[-1][1]))
        else:
            result.append((start, stop))
    return result


def in_requests(ranges: Sequence[ByteRange]) -> Iterator[ByteRange]:
    """Yield what each request reads: ascending ranges, joined where few bytes are between two, of limited size."""
    for start, stop in joined(ranges, MAX_GAP):
        yield from split((start, stop))


def split(byte_range: ByteRange) -> Iterator[ByteRange]:
    """Yield the parts of a range, each for one request."""
    for start in range(byte_range[0], byte_range[1], _REQUEST_BYTES):
        yield start, min(byte_range[1], start + _REQUEST_BYTES)


def within_reach(ranked: Sequence[int], starts: Sequence[int]) -> list[int]:
    """Return the partitions, ascending, whose codes a search reads that would probe `ranked`, nearest first.

    These are the partitions in the ranges, at most CODE_REQUESTS, that have the nearest ones. `starts`
    (partitions + 1,) has where the codes of each partition start, in bytes, and where the last end.
    """
    ordered = sorted(ranked)
    if not 0 < len(ordered) <= MOST_REACHED:
        return ordered
    gap = max(MAX_GAP, GAP_OF_A_PROBE * len(ordered))
    spans: list[range] = []
    span_of = dict[int, int]()
    for partition in ordered:
        is_near = spans and starts[partition] - starts[spans[-1].stop] <= gap
        first = spans.pop().start if is_near else partition
        span_of[partition] = len(spans)
        spans.append(range(first, partition + 1))
    nearest = list(dict.fromkeys(span_of[partition] for partition in ranked))[:CODE_REQUESTS]
    return [partition for span in sorted(nearest) for partition in spans[span]]


def in_few_requests[S](wanted: Wanted[S], requests: int, queries: int = 1) -> list[WantedOf[S]]:
    """Return ranges of sections, joined by the least gaps until there are at most `requests`, or the gaps are wide.

    They are of a number of `queries`. Sections of which all bytes are wanted stay as they are.
    """
    several: list[WantedOf[S]] = [
        (section, None if ranges is None else joined(ranges, MAX_GAP)) for section, ranges in wanted
    ]
    for most, widest in ((requests, _MAX_WIDE_GAP), (max(requests, queries * _CONNECTIONS), _MAX_GAP_OF_SECOND)):
        several = _joined_to(several, most, widest)
    return several


def is_second_wave[S](wanted: Wanted[S], queries: int) -> bool:
    """Return True if ranges of sections need more requests than there are connections, or wider gaps than are usual."""
    return sum(len(joined(ranges or [], _MAX_WIDE_GAP)) for _, ranges in wanted) > queries * _CONNECTIONS


def _joined_to[S](several: Wanted[S], requests: int, widest: int) -> list[WantedOf[S]]:
    """Return ranges joined by the least gaps up to `widest`, until there are at most `requests`."""
    gaps = sorted(after[0] - before[1] for _, ranges in several if ranges for before, after in pairwise(ranges))
    count = sum(len(ranges) for _, ranges in several if ranges)
    if count <= requests or not gaps:
        return list(several)
    gap = min(widest, gaps[min(count - requests, len(gaps)) - 1])
    return [(section, None if ranges is None else joined(ranges, gap)) for section, ranges in several]
