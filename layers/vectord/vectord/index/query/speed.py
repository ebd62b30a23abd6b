"""The speed of S3 for one function, and the time that a search by ranges takes.

docs/decisions/search.md has the measurements behind the constants.
"""

from collections.abc import Sequence
from typing import Final

from vectord.index.query.coalescing import CODE_REQUESTS, ByteRange

# Seconds per request, bytes per second. Only their ratio matters.
REQUEST_SECONDS: Final = 0.025
BYTES_PER_SECOND: Final = 75e6
# Of rows, for each request that a search by ranges may make: 42 requests read 1.6 MiB (docs/decisions/search.md).
BYTES_PER_REQUEST: Final = (26 << 16) // 42
_CONCURRENT_REQUESTS: Final = 32
_RANGE_ROUNDS: Final = 2  # rounds of requests of a search by ranges, for rows and documents; the sketch needs another
# The same as BYTES_PER_REQUEST if only rows are read that are likely by their estimates.
_BYTES_OF_LIKELY_ROWS: Final = 16 << 10
_PROBES_PER_REQUEST: Final = 3  # partitions whose codes one request reads, on average
_SHARE_OF_REQUESTS: Final = 0.4  # of those that a search may send for likely rows; hard queries alone need all
_PROCESSOR_SECONDS: Final = 0.0003  # of the processor for one request


def seconds_by_ranges(probes: int, code_bytes: int, requests: int) -> float:
    """Estimate the time to read the codes of some partitions, and then rows and documents with some requests."""
    rounds, code_requests, row_bytes = _RANGE_ROUNDS, 0, BYTES_PER_REQUEST
    if probes:
        code_requests = min(CODE_REQUESTS, -(-probes // _PROBES_PER_REQUEST))
        requests, row_bytes = round(_SHARE_OF_REQUESTS * requests), _BYTES_OF_LIKELY_ROWS
        rounds += 1
    rounds += requests // _CONCURRENT_REQUESTS
    of_processor = (code_requests + requests) * _PROCESSOR_SECONDS
    return rounds * REQUEST_SECONDS + of_processor + (code_bytes + requests * row_bytes) / BYTES_PER_SECOND


def seconds_of_one_request(size: int) -> float:
    """Estimate the time to read `size` bytes at once."""
    return REQUEST_SECONDS + size / BYTES_PER_SECOND


def size_of(ranges: Sequence[ByteRange]) -> int:
    """Return the number of bytes in ranges."""
    return sum(stop - start for start, stop in ranges)
