"""Monthly cost of writes: what commits cost, and what the versions cost that they leave behind.

`python -m tools.costs.writes` prints the table of docs/costs.md. A commit stores a whole object, even where S3 copied
most of it, so each version that is kept has the bytes of the object. Thinning (service/maintenance/retention.py) keeps
few of them.
"""

from typing import Final

from tools.costs.search import DIMENSION, GB_SECOND, MEMORY_GB, PACKED, REQUEST, S3_GB_MONTH, object_bytes
from tools.costs.sharded import GET, PUT, SPLICE_BYTES, SPLICE_GETS, SPLICE_PUTS
from vectord.index.thresholds import DEFAULT
from vectord.service.maintenance.quiet import WaitLimits
from vectord.service.maintenance.retention import HOURS, LATEST

ROWS_A_BATCH: Final = 100
ADD_SECONDS: Final = 0.4  # assumed: seconds of the function for an add, most of them waiting for S3
BUILD_SECONDS: Final = 20.0  # assumed: a build of 100,000 rows; it takes longer in proportion to the rows
WAIT_SECONDS: Final = WaitLimits().quiet  # the function waits for the end of a load
BUILD_GB: Final = 3008 / 1024
THINNING_SECONDS: Final = 1.0  # assumed: start of the process and one listing
STAGED_PART: Final = 16 << 20  # bytes of a part of a staged body
FIRST_LISTS: Final = 1  # requests, as dear as a PUT: a write that follows no other within 10 s looks for other writers
PIECE_RATIO: Final = 1.1  # bytes of a piece of the tail / bytes of its vectors: codes and small documents
DAYS_A_MONTH: Final = 365.25 / 12

SIZES: Final = (10_000, 100_000, 1_000_000)  # vectors x 384 in one object
ADDS_A_DAY: Final = (24, 1_440)  # one an hour, one a minute
DAYS: Final = (1, 3, 30)  # VersionDays
LOADED: Final = 70_000  # vectors of a load
BATCHES: Final = (100, 500, 2_000, 10_000)


def kept_versions(adds: int, days: int, *, thinned: bool = True) -> float:
    """Return how many earlier versions are kept at a time, with `adds` a day."""
    if not thinned:
        return adds * days
    waiting = adds / HOURS / 2 if adds > HOURS else 0.0  # for the next hourly thinning, on average
    last_day = min(adds, HOURS + LATEST)
    return last_day + min(adds, 1) * (days - 1) + 1 + waiting  # and the one that was present when the days began


def kept_bytes(vectors: int, adds: int, days: int, *, thinned: bool = True) -> float:
    """Return the bytes of the earlier versions that are kept."""
    return kept_versions(adds, days, thinned=thinned) * object_bytes(vectors)


def versions(vectors: int, adds: int, days: int, *, thinned: bool = True) -> float:
    """Return the dollars a month that the earlier versions cost."""
    return kept_bytes(vectors, adds, days, thinned=thinned) / 1e9 * S3_GB_MONTH


def add_dollars(vectors: int, adds: int, days: int) -> float:
    """Return the dollars of one add with its share of the builds and of the versions that are kept."""
    return (commits(vectors, adds) + versions(vectors, adds, days)) / (adds * DAYS_A_MONTH)


def thinning_dollars() -> float:
    """Return the dollars a month of the hourly look at all versions, if one listing has them."""
    return HOURS * DAYS_A_MONTH * (THINNING_SECONDS * BUILD_GB * GB_SECOND + PUT)


def commits(vectors: int, adds: int) -> float:
    """Return the dollars a month of `adds` batches a day, with their share of the builds."""
    packed = object_bytes(vectors) >= PACKED
    s3 = ((SPLICE_PUTS + FIRST_LISTS) * PUT + SPLICE_GETS * GET) if packed else PUT
    added = max(DEFAULT.tail_rows, vectors // DEFAULT.tail_share)  # rows until a build is due
    build = build_dollars(vectors) * ROWS_A_BATCH / added if packed else 0.0
    return adds * DAYS_A_MONTH * (REQUEST + s3 + ADD_SECONDS * MEMORY_GB * GB_SECOND + build)


def build_dollars(vectors: int) -> float:
    """Return the dollars of one build: the function's time, the requests that stage the body, and its wait."""
    parts = object_bytes(vectors) / STAGED_PART
    seconds = WAIT_SECONDS + BUILD_SECONDS * vectors / 100_000
    return seconds * BUILD_GB * GB_SECOND + (parts + SPLICE_PUTS) * PUT + WAIT_SECONDS * GET


def sent_ratio(batch: int, vectors: int = LOADED) -> float:
    """Return the bytes that a load in batches of `batch` rows and its build send, over those of its vectors."""
    row, sent, newest, is_copied = DIMENSION * 4 * PIECE_RATIO, 0.0, 0.0, False
    for start in range(0, vectors, batch):
        added = min(batch, vectors - start)
        if is_copied:  # what is stored is not sent again, but the newest piece grows
            newest = added * row + (newest if newest + added * row <= SPLICE_BYTES else 0.0)
            sent += max(newest, SPLICE_BYTES)
        else:  # the whole object, in the plain form or as the first piece
            sent += (start + added) * row
            is_copied = (start + added) * DIMENSION * 4 >= PACKED
    return (sent + object_bytes(vectors)) / (vectors * DIMENSION * 4)


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        "| vectors x 384 | MB | adds a day | `VersionDays` | versions | GB of versions | versions, $ a month "
        "| all versions, $ a month | adds, $ a month | an add with its version, $ |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {size:,} | {object_bytes(size) / 1e6:,.0f} | {adds:,} | {days} | {kept_versions(adds, days):,.0f} "
        f"| {kept_bytes(size, adds, days) / 1e9:,.1f} | {versions(size, adds, days):,.2f} "
        f"| {versions(size, adds, days, thinned=False):,.2f} | {commits(size, adds):,.2f} "
        f"| {add_dollars(size, adds, days):.5f} |"
        for size in SIZES
        for adds in ADDS_A_DAY
        for days in DAYS
    ]
    return "\n".join(lines)


def loads() -> str:
    """Return the table of loads in Markdown."""
    lines = ["| rows of a batch | commits | bytes sent / raw | $ of S3 | $ of the build |", "|---|---|---|---|---|"]
    for batch in BATCHES:
        count = LOADED // batch
        s3 = count * (SPLICE_PUTS * PUT + SPLICE_GETS * GET)
        lines.append(f"| {batch:,} | {count:,} | {sent_ratio(batch):.1f} | {s3:.4f} | {build_dollars(LOADED):.4f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(), loads(), sep="\n\n")
