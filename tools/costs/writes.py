"""Monthly cost of writes: what commits cost, and what the versions cost that they leave behind.

`python -m tools.costs.writes` prints the table of docs/costs.md. A commit stores a whole object, even where S3 copied
most of it, so the versions that are kept have (commits a day) x (bytes of the object) x (days).
"""

from typing import Final

from tools.costs.search import BLOB_RATIO, DIMENSION, GB_SECOND, MEMORY_GB, REQUEST, S3_GB_MONTH
from tools.costs.sharded import GET, PUT, SPLICE_GETS, SPLICE_PUTS

ROWS_A_BATCH: Final = 100
ADD_SECONDS: Final = 0.4  # assumed: seconds of the function for an add, most of them waiting for S3
BUILD_SECONDS: Final = 20.0  # assumed: a build of 100,000 rows; it takes longer in proportion to the rows
BUILD_GB: Final = 3008 / 1024
ROWS_BEFORE_BUILD: Final = 3_100  # rows added to 100,000 until a build is due
PACKED: Final = 16 << 20  # bytes from which on an index is spliced instead of written as a whole
DAYS_A_MONTH: Final = 365.25 / 12

SIZES: Final = (10_000, 100_000, 1_000_000)  # vectors x 384 in one object
ADDS_A_DAY: Final = (24, 1_440)  # one an hour, one a minute
DAYS: Final = (1, 3, 30)  # VersionDays


def object_bytes(vectors: int) -> float:
    """Return the bytes of an index of `vectors` x 384."""
    return vectors * DIMENSION * 4 * BLOB_RATIO


def kept_bytes(vectors: int, adds: int, days: int) -> float:
    """Return the bytes of the earlier versions that are kept, with `adds` a day."""
    return adds * object_bytes(vectors) * days


def versions(vectors: int, adds: int, days: int) -> float:
    """Return the dollars a month that the earlier versions cost."""
    return kept_bytes(vectors, adds, days) / 1e9 * S3_GB_MONTH


def commits(vectors: int, adds: int) -> float:
    """Return the dollars a month of `adds` batches a day, with their share of the builds."""
    packed = object_bytes(vectors) >= PACKED
    s3 = (SPLICE_PUTS * PUT + SPLICE_GETS * GET) if packed else PUT
    build = BUILD_SECONDS * BUILD_GB * GB_SECOND * ROWS_A_BATCH / ROWS_BEFORE_BUILD if packed else 0.0
    return adds * DAYS_A_MONTH * (REQUEST + s3 + ADD_SECONDS * MEMORY_GB * GB_SECOND + build)


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        "| vectors x 384 | MB | adds a day | `VersionDays` | GB of versions | versions, $ a month | adds, $ a month |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {size:,} | {object_bytes(size) / 1e6:,.0f} | {adds:,} | {days} | {kept_bytes(size, adds, days) / 1e9:,.1f} "
        f"| {versions(size, adds, days):,.2f} | {commits(size, adds):,.2f} |"
        for size in SIZES
        for adds in ADDS_A_DAY
        for days in DAYS
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
