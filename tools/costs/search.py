"""Monthly cost of searches with vectord and with Amazon S3 Vectors, from list prices and stated assumptions.

`python -m tools.costs.search` prints the table of docs/costs.md. Prices are in dollars, for us-east-1: Lambda x86, HTTP
API and S3 Standard as of November 2026; S3 Vectors as of its general availability (S3's pricing page; its reduction of
June 2026 is for indexes of more than 10 million vectors).
"""

from typing import Final

from vectord.index.thresholds import DEFAULT

DIMENSION: Final = 384
PER_BLOB: Final = 1_000_000  # vectors in one blob; a larger set has several shards, and a search reads each of them
BLOB_RATIO: Final = 1.13  # bytes of the blob / bytes of raw float32, measured by `make bench`
PLAIN_RATIO: Final = 1.08  # the same of a small index, in the plain form, without partitions
PACKED: Final = DEFAULT.packed
# What a cold search of 100,000 vectors reads, measured (decision 126): the head of the partitions and the codes of
# those that it probes; rows and documents.
PARTS_BYTES: Final = 0.5e6
PARTS_GROWTH: Final = 0.6  # exponent: the partitions of n rows are about n^0.6, and so are the probed entries
ROWS_BYTES: Final = 0.8e6
COLD_REQUESTS: Final = 28
COLD_ROUNDS: Final = 3 * 0.025  # seconds: head and centroids, codes, rows

GB_SECOND: Final = 0.0000166667
S3_GET: Final = 0.40e-6
REQUEST: Final = 0.20e-6 + 1.00e-6 + S3_GET  # Lambda, HTTP API, S3's conditional GET
S3_GB_MONTH: Final = 0.023
MEMORY_GB: Final = 1769 / 1024

WARM_SECONDS: Final = 0.032  # assumed: 30 ms for S3's answer, 2 ms of search (0.6 measured at 99,000 x 384)
START_SECONDS: Final = 0.8  # assumed: process start and imports
S3_BYTES_A_SECOND: Final = 75e6  # assumed: read rate of one function from S3
COLD_SHARE: Final = {1_000: 1.0, 1_000_000: 0.01, 100_000_000: 0.001}  # assumed: searches a month -> share that is cold

VECTORS_GB_MONTH: Final = 0.06
VECTORS_QUERY: Final = 2.50e-6
VECTORS_TB: Final = (0.004, 0.002)  # for the first 100,000 vectors of an index, and for the rest

SIZES: Final = (10_000, 1_000_000, 10_000_000)


def vectord(vectors: int, queries: int) -> float:
    """Return the dollars a month of storage and searches if every search reads every blob."""
    blobs = -(-vectors // PER_BLOB)
    size = object_bytes(vectors // blobs)
    read = size if size < PACKED else cold_bytes(vectors / blobs)
    cold = COLD_SHARE[queries]
    seconds = WARM_SECONDS + cold * (START_SECONDS + COLD_ROUNDS + read / S3_BYTES_A_SECOND)
    search = REQUEST + cold * COLD_REQUESTS * S3_GET + seconds * MEMORY_GB * GB_SECOND
    return blobs * (size / 1e9 * S3_GB_MONTH + queries * search)


def object_bytes(vectors: int) -> float:
    """Return the bytes of an index of `vectors` x 384 in one object."""
    raw = vectors * DIMENSION * 4
    return raw * (PLAIN_RATIO if raw * PLAIN_RATIO < PACKED else BLOB_RATIO)


def cold_bytes(vectors: float) -> float:
    """Return the bytes that a cold search by ranges reads of an index of `vectors` x 384."""
    return float(PARTS_BYTES * (vectors / 100_000) ** PARTS_GROWTH + ROWS_BYTES)


def s3_vectors(vectors: int, queries: int) -> float:
    """Return the dollars a month of storage and searches of the same vectors in one index."""
    size = DIMENSION * 4
    first = min(vectors, 100_000) * size / 1e12 * VECTORS_TB[0]
    rest = max(0, vectors - 100_000) * size / 1e12 * VECTORS_TB[1]
    return vectors * size / 1e9 * VECTORS_GB_MONTH + queries * (VECTORS_QUERY + first + rest)


def table() -> str:
    """Return the table in Markdown."""
    lines = ["| vectors x 384 | searches a month | vectord, $ | S3 Vectors, $ |", "|---|---|---|---|"]
    lines += [
        f"| {vectors:,} | {queries:,} | {vectord(vectors, queries):,.2f} | {s3_vectors(vectors, queries):,.2f} |"
        for vectors in SIZES
        for queries in COLD_SHARE
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
